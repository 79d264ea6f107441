// Where values stand in a drawing: linear; log, of values above 0; symlog, logarithmic beyond ± unit.
// And which of the steps is nearest to a place.
const MOST_TICKS = 5;

const BENT = {
  linear: (value) => value,
  log: (value) => Math.log10(Math.max(value, 1e-300)),
  symlog: (value, unit) => Math.sign(value) * Math.log10(1 + Math.abs(value) / unit),
};

// Values low … high onto places start … end; ends that are missing or equal are moved apart.
export function scale(low, high, start, end, kind = "linear", unit = 1) {
  if (!Number.isFinite(low) || !Number.isFinite(high)) [low, high] = kind === "log" ? [0.1, 1] : [0, 1];
  if (kind === "log") {
    low = Math.max(low, 1e-300);
    if (!(high > low * 1.0001)) [low, high] = [low / 2, low * 2];
  } else if (!(high - low > 1e-9 * Math.max(Math.abs(low), Math.abs(high)))) {
    const apart = Math.abs(low) / 2 || 0.5;
    [low, high] = [low - apart, high + apart];
  }
  const size = kind === "linear" ? Math.max(Math.abs(low), Math.abs(high), 1e-300) : 1; // lest a difference overflows
  const bent = (value) => BENT[kind](value / size, unit);
  const [from, to] = [bent(low), bent(high)];
  return {
    low, high, start, end,
    at: (value) => start + ((bent(value) - from) / (to - from)) * (end - start),
    ticks: () => ticks(low, high, kind, unit).filter((tick) => tick >= low && tick <= high),
  };
}

function ticks(low, high, kind, unit) {
  if (kind === "linear") return linearTicks(low, high);
  if (kind === "log") return logTicks(low, high);
  const beyond = (end) => (end > 2 * unit ? outerTicks(end, unit) : []);
  return [...beyond(-low).map((tick) => -tick), 0, ...beyond(high)].sort((a, b) => a - b);
}

function linearTicks(low, high) {
  const rough = high / MOST_TICKS - low / MOST_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n <= high / step + 1e-9; n++) {
    found.push(Number((n * step).toPrecision(12)));
  }
  return found;
}

function logTicks(low, high) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first + 1) / MOST_TICKS));
  const powers = [];
  for (let power = first; power <= last; power += every) powers.push(10 ** power);
  if (powers.length > 1) return powers;
  const finer = [];
  for (let power = first - 1; power <= last; power++) for (const n of [1, 2, 5]) finer.push(Number(`${n}e${power}`));
  const inside = finer.filter((tick) => tick >= low && tick <= high);
  return inside.length > 1 ? inside : linearTicks(low, high);
}

function outerTicks(end, unit) {
  const power = Math.floor(Math.log10(end));
  const top = [5, 2, 1].map((n) => Number(`${n}e${power}`)).find((each) => each <= end);
  return [top / 1e4, top / 100].filter((lower) => lower >= 2 * unit).concat(top);
}

// The place in ascending `steps` of the one that is nearest.
export function nearest(steps, step) {
  let low = 0, high = steps.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle;
    else high = middle;
  }
  return Math.abs(steps[low] - step) <= Math.abs(steps[high] - step) ? low : high;
}

// How a tensor's values are distributed: range, middle 90 %, middle 50 %, median; bars at what is not finite.
import { bars, stroke } from "./canvas.js";
import { number } from "./dom.js";

const OPACITIES = [0.13, 0.25, 0.45];
const HEADER = [
  "step", "values", "NaN", "∞", "zeros", "min", "5 %", "25 %", "50 %", "75 %", "95 %", "max", "mean", "std",
];
const NOTHING = {
  words: "nothing recorded at these steps", steps: [], paint() {}, read: () => "", rows: () => [HEADER, []],
};

export function bandModel(title, { low, high, unit }, run) {
  const model = { title, kind: unit ? "symlog" : "linear", unit: unit || 1, low: low ?? NaN, high: high ?? NaN };
  if (!run) return { ...model, ...NOTHING };
  const [q05, q25, q50, q75, q95] = run.quantiles;
  const broken = run.steps.filter((_, at) => run.nan[at] + run.infinite[at] > 0);
  return {
    ...model,
    words: run.words + (unit ? `; logarithmic beyond ±${number(unit)}` : ""),
    steps: run.steps,
    read: (step) => read(run, run.steps.indexOf(step)),
    rows: () => rows(run),
    paint(pen) {
      const x = run.steps.map(pen.x.at);
      const y = (values) => values.map((value) => (value === null ? NaN : pen.y.at(value)));
      const pairs = [[run.minimum, run.maximum], [q05, q95], [q25, q75]];
      pairs.forEach(([from, to], at) => area(pen, x, y(from), y(to), OPACITIES[at]));
      stroke(pen.context, pen.colour("c1"), y(q50).map((place, at) => [x[at], place]), 1.7);
      bars(pen, broken);
    },
  };
}

// Between two curves, in as many pieces as what is not known cuts it into.
function area({ context, colour }, x, low, high, opacity) {
  context.fillStyle = context.strokeStyle = colour("c0");
  context.lineWidth = 0.7;
  context.globalAlpha = opacity;
  let start = 0;
  while (start < x.length) {
    let end = start;
    while (end < x.length && Number.isFinite(low[end]) && Number.isFinite(high[end])) end++;
    if (end > start) {
      context.beginPath();
      for (let at = start; at < end; at++) context.lineTo(x[at], high[at]);
      if (end === start + 1) context.lineTo(x[start] + 1.5, high[start]);
      for (let at = end - 1; at >= start; at--) context.lineTo(x[at], low[at]);
      context.closePath();
      context.fill();
      context.stroke();
    }
    start = end + 1;
  }
  context.globalAlpha = 1;
}

const shown = (value) => (value === null ? "NaN" : number(value));
const whole = (value) => value.toLocaleString("en");

function read(run, at) {
  if (at < 0) return "";
  const first = run.steps[at], end = at + 1 < run.steps.length ? run.steps[at + 1] - 1 : run.last_step;
  const several = end > first && run.recorded > run.steps.length;
  const where = several ? `steps ${whole(first)} to ${whole(end)}` : `step ${whole(first)}`;
  const broken = `${run.nan[at]} NaN and ${run.infinite[at]} infinite of ${whole(run.count[at])} values`;
  return `${where}: ${shown(run.minimum[at])} … ${shown(run.maximum[at])}, median ${shown(run.quantiles[2][at])}, ` +
    `middle 90 % ${shown(run.quantiles[0][at])} … ${shown(run.quantiles[4][at])}` +
    (run.nan[at] + run.infinite[at] ? ` · ${broken}` : "");
}

function rows(run) {
  const counts = [run.steps, run.count, run.nan, run.infinite, run.zeros];
  const columns = [run.minimum, ...run.quantiles, run.maximum, run.mean, run.deviation];
  const made = run.steps.map((_, at) =>
    [...counts.map((column) => String(column[at])), ...columns.map((column) => shown(column[at]))]);
  const merged = `${whole(run.recorded)} recorded steps, merged into ${made.length} stretches: ` +
    "no extreme and no NaN is lost.";
  return [HEADER, made, run.recorded > run.steps.length ? merged : ""];
}

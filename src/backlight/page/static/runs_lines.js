// Curves over the steps: few as lines, many as rows of shades.
import { bars, DASHES, stroke } from "./canvas.js";
import { number } from "./dom.js";

const MOST_LINES = 8;
const SHADES = [[222, 235, 247], [158, 202, 225], [66, 146, 198], [8, 81, 156], [8, 35, 83]]; // ColorBrewer's Blues
const BROKEN = "rgb(213, 94, 0)";
const THINNED = "Thinned to the picture's width: no extreme and no step that is not finite is lost. " +
  "Zoom in for every step.";

// Of one run a colour a curve; of several a colour a run and a dash a curve.
export function lineModel({ title, kind, limits, lines }, several) {
  const within = {};
  const styled = lines.map((line, at) => {
    const place = several ? (within[line.run] = (within[line.run] ?? -1) + 1) : at;
    return { ...line, colour: several ? line.run : at, dash: several ? place : at >> (lines.length > 4 ? 2 : 0) };
  });
  const usable = (value) => value !== null && (kind !== "log" || value > 0);
  const [low, high] = limits ?? ends(lines.flatMap((line) => line.values.filter(usable)));
  const steps = [...new Set(lines.flatMap((line) => line.steps))].sort((a, b) => a - b);
  const many = lines.length > MOST_LINES;
  const model = {
    title, kind, low, high, steps, words: lines.map((line) => line.words).join("; "),
    read: (step) => read(lines, step), rows: () => rows(lines, steps),
  };
  if (many) return {
    ...model, names: lines.map((line) => line.label), paint: (pen) => paintRows(pen, lines, kind, low, high),
    caption: `a row each, darker for more, from ${number(low)} to ${number(high)}; orange: not finite`,
  };
  return {
    ...model, legend: styled, paint: (pen) => styled.forEach((line) => paintLine(pen, line, usable)),
    caption: lines.length > 4 ? `${lines.length} curves` : undefined,
  };
}

function ends(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function paintLine(pen, line, usable) {
  const height = (value) => (usable(value) ? pen.y.at(value) : NaN);
  const places = (values) => line.steps.map((step, at) => [pen.x.at(step), height(values[at])]);
  const style = pen.colour(`c${line.colour % 8}`), dash = DASHES[line.dash % 4];
  pen.context.globalAlpha = line.mean ? 0.35 : 1;
  stroke(pen.context, style, places(line.values), line.mean ? 0.8 : 1.7, dash);
  pen.context.globalAlpha = 1;
  if (line.mean) stroke(pen.context, style, places(line.mean), 1.7, dash);
  bars(pen, line.steps.filter((_, at) => line.values[at] === null));
}

// A pixel shows the largest of the values that share it, and one that is not finite before any.
function paintRows(pen, lines, kind, low, high) {
  const bent = kind === "log" ? (value) => Math.log10(Math.max(value, 1e-300)) : (value) => value;
  const share = (value) => (bent(value) - bent(low)) / (bent(high) - bent(low) || 1);
  lines.forEach((line, row) => {
    const cells = new Map();
    line.steps.forEach((step, at) => {
      const place = Math.round(pen.x.at(step)), value = line.values[at], known = cells.get(place);
      if (known !== null && (known === undefined || value === null || value > known)) cells.set(place, value);
    });
    const places = [...cells.keys()].sort((a, b) => a - b);
    places.forEach((place, at) => {
      pen.context.fillStyle = cells.get(place) === null ? BROKEN : shadeOf(share(cells.get(place)));
      pen.context.fillRect(place, pen.top + pen.row * row, (places[at + 1] ?? pen.x.end) - place + 0.5, pen.row - 1);
    });
  });
}

function shadeOf(share) {
  const place = Math.max(0, Math.min(1, share || 0)) * (SHADES.length - 1);
  const at = Math.min(Math.floor(place), SHADES.length - 2);
  const mixed = SHADES[at].map((value, channel) => value + (place - at) * (SHADES[at + 1][channel] - value));
  return `rgb(${mixed.join(",")})`;
}

const shown = (value) => (value === null ? "not finite" : number(value));

function read(lines, step) {
  const parts = lines.map((line) => {
    let at = line.steps.findIndex((each) => each > step);
    at = (at < 0 ? line.steps.length : at) - 1;
    if (at < 0) return null;
    const value = line.values[at];
    const when = line.steps[at] === step ? "" : ` (step ${line.steps[at].toLocaleString("en")})`;
    return `${line.label} ${shown(value)}${when}`;
  });
  return `step ${step.toLocaleString("en")}: ${parts.filter(Boolean).join(" · ")}`;
}

function rows(lines, steps) {
  const known = lines.map((line) => new Map(line.steps.map((step, at) => [step, line.values[at]])));
  const cell = (each, step) => (each.has(step) ? shown(each.get(step)) : "");
  const thin = lines.some((line) => line.steps.length < line.count);
  const made = steps.map((step) => [String(step), ...known.map((each) => cell(each, step))]);
  return [["step", ...lines.map((line) => line.label)], made, thin ? THINNED : ""];
}

// A chart of a few curves on a canvas: bands behind them, the values under the cursor, and words for who cannot see it.
import { nearest, scale } from "./axis.js";
import { bars, DASHES, frame, sized, stroke, upright } from "./canvas.js";
import { el, number } from "./dom.js";
import { folded, table } from "./table.js";

const HEIGHT = 162, LEFT = 48, RIGHT = 8, TOP = 8, BOTTOM = 34;

export class Chart {
  // `lines`: [{name, colour (such as c0), dash}]; `top`: the highest value, where it is known beforehand;
  // `format` writes a value, `tick` one at the axis
  constructor(title, lines, { top = null, format = number, tick } = {}) {
    Object.assign(this, { title, lines, top, format, tick, steps: [], rows: [], bands: null, faint: [] });
    Object.assign(this, { mark: null, at: null });
    this.canvas = el("canvas", { role: "img", tabindex: "0", "aria-label": title });
    this.readout = el("p", { class: "small readout", "aria-live": "off" });
    this.numbers = folded("Numbers", () => this.table());
    const legend = lines.map((line) => el("span", { class: `key ${line.dash ? "dashed" : ""}` }, line.name));
    const caption = el("figcaption", {}, el("b", {}, title), " ", legend);
    this.element = el("figure", { class: "chart" }, caption, this.canvas, this.readout, this.numbers);
    this.canvas.addEventListener("pointermove", (event) => this.point(this.stepAt(event.offsetX)));
    this.canvas.addEventListener("pointerleave", () => this.point(null));
    this.canvas.addEventListener("blur", () => this.point(null));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  // steps: ascending; rows: values of each line; bands: {steps, rows: [[lowest … highest quantile]]};
  // mark: a step; faint: [{steps, values}] of other branches
  show(steps, rows, { bands = null, mark = null, faint = [] } = {}) {
    Object.assign(this, { steps, rows, bands, mark, faint });
    this.draw();
    this.numbers.refresh();
  }

  highest() {
    const values = [...this.rows, ...(this.bands?.rows ?? []), ...this.faint.map((each) => each.values)];
    return this.top ?? 1.05 * Math.max(...values.flat().filter(Number.isFinite), 1e-9);
  }

  last() {
    const ends = [this.steps, this.bands?.steps ?? [], ...this.faint.map((each) => each.steps)];
    return Math.max(1, ...ends.map((steps) => steps.at(-1) ?? 1));
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!width) return;
    this.canvas.style.height = `${HEIGHT}px`;
    const pen = {
      ...sized(this.canvas, width, HEIGHT), top: TOP, height: HEIGHT - BOTTOM,
      x: scale(0, this.last(), LEFT, width - RIGHT), y: scale(0, this.highest(), HEIGHT - BOTTOM, TOP),
    };
    frame(pen, null, this.tick);
    if (this.bands) paintBands(pen, this.bands);
    for (const { steps, values } of this.faint) paintLine(pen, steps, values, "c7", [], 1);
    this.lines.forEach(({ colour, dash }, at) =>
      paintLine(pen, this.steps, this.rows[at] ?? [], colour, dash ? DASHES[1] : [], 1.7));
    for (const step of [this.mark, this.at]) if (step !== null) upright(pen, pen.x.at(step), "soft");
    this.canvas.setAttribute("aria-label", `${this.title}. ${this.words()}`);
  }

  words() {
    if (!this.steps.length) return "Nothing yet.";
    return `At step ${this.steps.at(-1).toLocaleString("en")}: ${this.values(this.steps.length - 1, ": ")}.`;
  }

  values(at, between) {
    return this.lines.map(({ name }, row) => `${name}${between}${this.format(this.rows[row][at])}`).join(", ");
  }

  stepAt(offset) {
    return (offset - LEFT) / Math.max(1, this.canvas.clientWidth - LEFT - RIGHT) * this.last();
  }

  // Moves the cursor; null takes it away.
  point(step) {
    const at = step === null || !this.steps.length ? null : nearest(this.steps, step);
    this.at = at === null ? null : this.steps[at];
    this.readout.textContent = at === null ? "" : `step ${this.at.toLocaleString("en")}: ${this.values(at, " ")}`;
    this.draw();
  }

  key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined || !this.steps.length) return;
    event.preventDefault();
    const at = this.at === null ? this.steps.length - 1 : nearest(this.steps, this.at);
    this.readout.setAttribute("aria-live", "polite");
    this.point(this.steps[Math.max(0, Math.min(this.steps.length - 1, at + move))]);
  }

  table() {
    const rows = this.steps.map((step, at) => [String(step), ...this.rows.map((values) => this.format(values[at]))]);
    return table(["step", ...this.lines.map((line) => line.name)], rows);
  }
}

function paintLine(pen, steps, values, colour, dash, width) {
  const places = steps.map((step, at) => [pen.x.at(step), Number.isFinite(values[at]) ? pen.y.at(values[at]) : NaN]);
  stroke(pen.context, pen.colour(colour), places, width, dash);
  bars(pen, steps.filter((_, at) => !Number.isFinite(values[at])));
}

// Quantiles [5, 25, 50, 75, 95 %] of other networks, in greys; what is not finite stands at the upper border.
function paintBands(pen, { steps, rows }) {
  const { context, x, y, colour } = pen;
  const edge = (column) => steps.map((step, at) => [x.at(step), y.at(Math.min(rows[at][column] ?? Infinity, y.high))]);
  context.fillStyle = colour("soft");
  for (const [from, to, alpha] of [[0, 4, 0.15], [1, 3, 0.22]]) {
    context.globalAlpha = alpha;
    context.beginPath();
    [...edge(from), ...edge(to).reverse()].forEach((place) => context.lineTo(...place));
    context.fill();
  }
  context.globalAlpha = 0.8;
  stroke(context, colour("soft"), edge(2));
  context.globalAlpha = 1;
}

// A chart of a few curves on a canvas: bands behind them, the values under the cursor, and words for who cannot see it.
import { el, number } from "./dom.js";

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const short = (value) => (Math.abs(value) < 1e15 ? COMPACT.format(value) : number(value, 2));
const LEFT = 44, RIGHT = 8, TOP = 8, BOTTOM = 22;

function ticks(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough * (1 - 1e-9)) ?? 10 * power;
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at++) found.push(at * step || 0);
  return found;
}

export class Chart {
  // `lines`: [{name, colour (a custom property such as --c0), dash}]; `format` writes a value
  constructor(title, lines, { height = 150, top = null, format = number, tick = format === number ? short : format } = {}) {
    Object.assign(this, { title, lines, height, top, format, tick, steps: [], rows: [], bands: null, faint: [], mark: null, at: null });
    this.canvas = el("canvas", { role: "img", tabindex: "0", "aria-label": title });
    this.readout = el("p", { class: "small readout", "aria-live": "off" });
    this.numbers = el("div", { class: "scroll" });
    const legend = lines.map((line) => el("span", { class: `key ${line.dash ? "dashed" : ""}`, "data-colour": line.colour }, line.name));
    this.details = el("details", {}, el("summary", {}, "Numbers"), this.numbers);
    this.details.addEventListener("toggle", () => this.table());
    this.element = el("figure", { class: "chart" }, el("figcaption", {}, el("b", {}, title), " ", legend), this.canvas, this.readout, this.details);
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
    if (this.details.open) this.table();
  }

  range() {
    const finite = this.rows.flat().filter(Number.isFinite);
    const high = this.top ?? Math.max(...finite, ...(this.bands?.rows.flat().filter(Number.isFinite) ?? []), ...this.faint.flatMap(({ values }) => values.filter(Number.isFinite)), 1e-9);
    return { low: 0, high: this.top ?? high * 1.05, last: Math.max(1, this.steps.at(-1) ?? 1, this.bands?.steps.at(-1) ?? 1, ...this.faint.map(({ steps }) => steps.at(-1))) };
  }

  draw() {
    const width = this.canvas.clientWidth, ratio = devicePixelRatio || 1;
    if (!width) return;
    this.canvas.width = width * ratio;
    this.canvas.height = this.height * ratio;
    this.canvas.style.height = `${this.height}px`;
    const pen = this.canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    pen.scale(ratio, ratio);
    const { low, high, last } = this.range(), bottom = this.height - BOTTOM;
    this.x = (step) => LEFT + (width - LEFT - RIGHT) * step / last;
    this.y = (value) => bottom - (bottom - TOP) * (Math.min(value, high) - low) / (high - low);
    pen.font = "11px system-ui, sans-serif";
    for (const tick of ticks(low, high)) {
      pen.fillStyle = colour("--grid");
      pen.fillRect(LEFT, this.y(tick), width - LEFT - RIGHT, 1);
      pen.fillStyle = colour("--soft");
      pen.textAlign = "right";
      pen.fillText(this.tick(tick), LEFT - 5, this.y(tick) + 4);
    }
    pen.textAlign = "center";
    for (const tick of ticks(0, last)) pen.fillText(tick.toLocaleString("en"), Math.min(this.x(tick), width - 16), bottom + 15);
    if (this.bands) this.drawBands(pen, colour("--soft"));
    for (const each of this.faint) this.drawLine(pen, each.steps, each.values, colour("--c7"), false, 1);
    this.lines.forEach((line, at) => this.drawLine(pen, this.steps, this.rows[at] ?? [], colour(line.colour), line.dash));
    for (const step of [this.mark, this.at]) {
      if (step === null) continue;
      pen.fillStyle = colour("--soft");
      pen.fillRect(this.x(step) - 0.5, TOP, 1, bottom - TOP);
    }
    this.canvas.setAttribute("aria-label", `${this.title}. ${this.words()}`);
  }

  drawLine(pen, steps, values, colour, dash, width = 1.7) {
    pen.strokeStyle = pen.fillStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dash ? [5, 3] : []);
    pen.beginPath();
    let down = false;
    values.forEach((value, at) => {
      if (!Number.isFinite(value)) {
        pen.fillRect(this.x(steps[at]) - 1, TOP, 2, this.height - BOTTOM - TOP);  // a bar where it is not a number
        down = false;
        return;
      }
      down ? pen.lineTo(this.x(steps[at]), this.y(value)) : pen.moveTo(this.x(steps[at]), this.y(value));
      if (values.length === 1) pen.fillRect(this.x(steps[at]), this.y(value) - 2, 4, 4);
      down = true;
    });
    pen.stroke();
    pen.setLineDash([]);
  }

  // quantiles [5, 25, 50, 75, 95 %] of other networks, in greys
  drawBands(pen, colour) {
    const { steps, rows } = this.bands;
    pen.fillStyle = pen.strokeStyle = colour;
    for (const [from, to, alpha] of [[0, 4, 0.15], [1, 3, 0.22]]) {
      pen.globalAlpha = alpha;
      pen.beginPath();
      steps.forEach((step, at) => pen.lineTo(this.x(step), this.y(rows[at][from] ?? Infinity)));
      [...steps.keys()].reverse().forEach((at) => pen.lineTo(this.x(steps[at]), this.y(rows[at][to] ?? Infinity)));
      pen.fill();
    }
    pen.globalAlpha = 0.8;
    pen.lineWidth = 1;
    pen.beginPath();
    steps.forEach((step, at) => pen.lineTo(this.x(step), this.y(rows[at][2] ?? Infinity)));
    pen.stroke();
    pen.globalAlpha = 1;
  }

  words() {
    if (!this.steps.length) return "Nothing yet.";
    const parts = this.lines.map((line, at) => `${line.name}: ${this.format(this.rows[at].at(-1))}`);
    return `At step ${this.steps.at(-1).toLocaleString("en")}: ${parts.join(", ")}.`;
  }

  stepAt(offset) {
    return (offset - LEFT) / Math.max(1, this.canvas.clientWidth - LEFT - RIGHT) * this.range().last;
  }

  nearest(step) {
    let best = 0;
    this.steps.forEach((each, at) => { if (Math.abs(each - step) < Math.abs(this.steps[best] - step)) best = at; });
    return best;
  }

  point(step) {
    if (step === null || !this.steps.length) {
      this.at = null;
      this.readout.textContent = "";
    } else {
      const at = this.nearest(step);
      this.at = this.steps[at];
      this.readout.textContent = `step ${this.at.toLocaleString("en")}: ${this.lines.map((line, row) => `${line.name} ${this.format(this.rows[row][at])}`).join(", ")}`;
    }
    this.draw();
  }

  key(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[event.key];
    if (move === undefined || !this.steps.length) return;
    event.preventDefault();
    const at = this.at === null ? this.steps.length - 1 : this.nearest(this.at);
    this.readout.setAttribute("aria-live", "polite");
    this.point(this.steps[Math.max(0, Math.min(this.steps.length - 1, at + move))]);
  }

  table() {
    const head = el("tr", {}, el("th", { scope: "col" }, "step"), this.lines.map((line) => el("th", { scope: "col" }, line.name)));
    const every = Math.max(1, Math.ceil(this.steps.length / 200));
    const rows = [...this.steps.keys()].filter((at) => at % every === 0 || at === this.steps.length - 1).map((at) =>
      el("tr", {}, el("th", { scope: "row" }, String(this.steps[at])), this.lines.map((_, row) => el("td", {}, this.format(this.rows[row][at])))));
    this.numbers.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, rows)));
  }
}

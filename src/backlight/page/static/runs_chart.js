// A picture over the steps, on a canvas: a cursor with the values under it, zoom, words, numbers.
//
// A model says what is shown: {title, words, kind, low, high, unit, names, steps, paint(pen), read(step), rows(),
// legend}. `names` instead of low and high: a row each, from the top. `caption`: where all words are too many.
// `pen` is {context, x, y, colour, top, height, row}.
import { scale } from "./axis.js";
import { DASHES, frame, shade, sized, upright } from "./canvas.js";
import { el, svg } from "./dom.js";
import { HINT, steer } from "./runs_cursor.js";
import { folded, table } from "./table.js";

const HEIGHT = 190, TOP = 8, BOTTOM = 34, LEFT = 56, RIGHT = 12, ROW = 16, USUAL = 360;

export class Chart {
  model = null;
  cursor = null; // a step
  drag = null; // {from, to}: steps between which the mouse is drawn
  #numbers = folded("Numbers", () => (this.model ? table(...this.model.rows()) : "Nothing yet."));
  #readout = el("output", { class: "readout" });
  #caption = el("figcaption", {}, "…");
  #legend = el("ul", { class: "legend", hidden: true });

  constructor(title, range) {
    this.range = range;
    this.canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": `${title}: loading`, title: HINT });
    const parts = [el("h4", {}, title), this.canvas, this.#readout, this.#legend, this.#caption, this.#numbers];
    this.figure = el("figure", { class: "chart" }, parts);
    steer(this);
  }

  get width() {
    return this.canvas.clientWidth || USUAL;
  }

  show(model) {
    this.model = model;
    this.canvas.setAttribute("aria-label", `${model.title}: ${model.words}. ${HINT}`);
    this.#caption.textContent = model.caption ?? model.words;
    this.#legend.hidden = !model.legend?.length;
    this.#legend.replaceChildren(...(model.legend ?? []).map(legendEntry));
    this.#numbers.refresh();
    this.point(this.cursor);
  }

  // Moves the cursor; null takes it away.
  point(step) {
    this.cursor = step;
    this.draw();
    this.#readout.textContent = this.model && step !== null ? this.model.read(step) : "";
  }

  // The step at a place from the left, in pixels.
  stepAt(place) {
    const [first, last] = this.range.shown(), left = this.#left();
    return first + ((place - left) / (this.width - RIGHT - left)) * (last - first);
  }

  draw() {
    if (!this.model || !this.canvas.isConnected) return;
    const pen = this.#pen(), { context, x } = pen;
    frame(pen, this.model.names);
    context.save();
    context.beginPath();
    context.rect(x.start, 0, x.end - x.start + 1, pen.height);
    context.clip();
    this.model.paint(pen);
    context.restore();
    if (this.drag) shade(pen, x.at(this.drag.from), x.at(this.drag.to));
    if (this.cursor !== null) upright(pen, x.at(this.cursor), "soft");
  }

  #left() {
    return this.model?.names ? Math.min(150, this.width / 3) : LEFT;
  }

  #pen() {
    const { names, low, high, kind, unit } = this.model, { canvas, width } = this;
    const height = names ? TOP + BOTTOM + ROW * names.length : HEIGHT;
    canvas.style.height = `${height}px`;
    return {
      ...sized(canvas, width, height), top: TOP, height: height - BOTTOM, row: ROW,
      x: scale(...this.range.shown(), this.#left(), width - RIGHT),
      y: scale(low, high, height - BOTTOM, TOP, kind, unit),
    };
  }
}

function legendEntry({ label, colour, dash }) {
  const dashes = DASHES[dash % DASHES.length].join(" ") || null;
  const line = svg("path", { d: "M0 4h24", class: `s${colour % 8}`, "stroke-dasharray": dashes });
  return el("li", {}, svg("svg", { width: 24, height: 8, "aria-hidden": "true" }, line), label);
}

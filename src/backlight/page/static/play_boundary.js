// The plane as the network sees it, with the points; and the plane that points are drawn into.
import { el, number, svg } from "./dom.js";
import { bytes, boundaryTable, CLASSES, CLASS_NAMES, css, paint } from "./play_colours.js";

const TABLE = boundaryTable(50);
const SHAPES = [  // a shape a class, in a box of −1 … 1
  "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0 -2 0", "M-.9 -.9h1.8v1.8h-1.8z", "M0 -1.1L1 .8H-1z", "M0 -1.2L1.1 0L0 1.2L-1.1 0z",
  "M-1 -.35h.65V-1h.7v.65H1v.7H.35V1h-.7V.35H-1z",
];

const placeText = ([x, y]) => `x₁ ${number(x, 3)}, x₂ ${number(y, 3)}`;

export class Boundary {
  // `onPoint(x, y)`: a place was chosen; `onDraw(points)`: points were drawn
  constructor({ onPoint, onDraw }) {
    Object.assign(this, { onPoint, onDraw, drawing: null, own: [], train: [], test: [], showTest: false });
    this.canvas = el("canvas", { class: "plane" });
    this.marks = svg("svg", { viewBox: "-1 -1 2 2", class: "marks", "aria-hidden": "true" });
    const seen = { class: "boundary", tabindex: "0", role: "img", "aria-label": "Decision boundary" };
    this.frame = el("div", seen, this.canvas, this.marks);
    this.where = el("p", { class: "small readout" });
    this.element = el("div", {}, this.frame, this.where);
    this.frame.addEventListener("pointerdown", (event) => this.pressed(event));
    this.frame.addEventListener("pointermove", (event) => this.moved(event));
    this.frame.addEventListener("pointerup", () => this.released());
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.cursor = [0, 0];
  }

  setData({ centre, half, train, test, classes }) {
    Object.assign(this, { centre, half, train, test, classes });
    this.cursor = [...centre];
    this.drawMarks();
  }

  place(event) {
    const box = this.frame.getBoundingClientRect();
    const x = 2 * (event.clientX - box.left) / box.width - 1, y = 1 - 2 * (event.clientY - box.top) / box.height;
    return [this.centre[0] + this.half * x, this.centre[1] + this.half * y];
  }

  pressed(event) {
    const place = this.place(event);
    if (this.drawing === null) return this.onPoint(...place);
    this.frame.setPointerCapture(event.pointerId);
    this.held = true;
    this.add(place);
  }

  moved(event) {
    const place = this.place(event), last = this.own.at(-1);
    this.where.textContent = placeText(place);
    const far = !last || Math.hypot(place[0] - last[0], place[1] - last[1]) > 0.05 * this.half;
    if (this.held && far) this.add(place);
  }

  released() {
    if (this.held) this.onDraw(this.own);
    this.held = false;
  }

  add([x, y]) {
    if (this.own.length >= 2000) return;
    this.own.push([x, y, this.drawing]);
    this.drawMarks();
  }

  key(event) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (move) {
      event.preventDefault();
      this.cursor = this.cursor.map((each, at) => each + 0.04 * this.half * move[at] * (event.shiftKey ? 4 : 1));
      const act = this.drawing === null ? "fills this point into the formulas" : "puts a point here";
      this.where.textContent = `${placeText(this.cursor)}; Enter ${act}`;
      this.drawMarks();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (this.drawing === null) return this.onPoint(...this.cursor);
      this.add(this.cursor);
      this.onDraw(this.own);
    }
  }

  // class to draw with, or null; `points` to go on with
  draw(label, points) {
    this.drawing = label;
    this.own = points;
    this.frame.classList.toggle("drawing", label !== null);
    if (label !== null && !points.length) Object.assign(this, { centre: [0, 0], half: 1.2 });
    this.drawMarks();
  }

  showHeldOut(shown) {
    this.showTest = shown;
    this.drawMarks();
  }

  at([x, y]) {
    return `translate(${(x - this.centre[0]) / this.half} ${(this.centre[1] - y) / this.half})`;
  }

  drawMarks() {
    if (!this.centre) return;
    const dot = (point, size, held) => {
      const colour = css(CLASSES[point[2]]);
      const look = held ? { class: "held", fill: "none", stroke: colour } : { class: "", fill: colour };
      return svg("path", { d: SHAPES[point[2]], transform: `${this.at(point)} scale(${size})`, ...look });
    };
    const points = this.drawing === null ? this.train : this.own;
    const size = points.length > 600 ? 0.014 : 0.022;
    this.marks.replaceChildren(
      ...(this.showTest && this.drawing === null ? this.test.map((point) => dot(point, size, true)) : []),
      ...points.map((point) => dot(point, size, false)),
      svg("path", { d: "M-.05 0h.1M0 -.05v.1", transform: this.at(this.cursor), class: "cross" }),
    );
  }

  show(frame) {
    const cells = bytes(frame.boundary);
    paint(this.canvas, cells, TABLE);
    const moved = this.cursor[0] !== frame.point[0] || this.cursor[1] !== frame.point[1];
    if (moved && !this.held && this.drawing === null && document.activeElement !== this.frame) {
      this.cursor = frame.point;
      this.drawMarks();
    }
    this.frame.setAttribute("aria-label", this.words(cells, frame));
  }

  words(cells, frame) {
    if (cells.includes(255)) {
      return "Decision boundary: the network's outputs are not numbers, so nothing can be drawn.";
    }
    const counts = CLASSES.map(() => 0);
    for (const cell of cells) counts[Math.floor(cell / 50)] += 1;
    const shares = counts.slice(0, this.classes).map((count, at) =>
      `${Math.round(100 * count / cells.length)} % class ${at} (${CLASS_NAMES[at]})`);
    return `Decision boundary at step ${frame.step}: of the plane, ${shares.join(", ")}. ` +
      "Arrow keys move the cross, Enter chooses a point.";
  }
}

// The pictures of one run or of several: curves, what tells of the network's health, and all distributions.
import { get } from "./api.js";
import { el } from "./dom.js";
import { bandModel } from "./runs_bands.js";
import { Chart } from "./runs_chart.js";
import { lineModel } from "./runs_lines.js";

const DENSITY = 0.75; // stretches or points a pixel: lines are wider than one
const FEWEST = 16, MOST = 1000, COLUMNS = 3, WIDE = 800, AT_ONCE = 4, PATIENCE = 150;
const SMOOTHED = "Faint: as recorded; bold: mean over 3 % of the steps. ";
const BARS = "A bar over the whole height: NaN or infinity.";
const BANDS = `Pale to strong: all values, the middle 90 %, the middle 50 %; orange: the median. ${BARS}`;

export const runsQuery = (names) => names.map((name) => `run=${encodeURIComponent(name)}`).join("&");
const points = (width) => `&points=${Math.max(FEWEST, Math.min(MOST, Math.round(width * DENSITY)))}`;

export class Pictures {
  #charts = new Set();
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #timer = null;

  constructor(names, range, loading) {
    Object.assign(this, { names, range, loading });
    this.#dark.addEventListener("change", this.redraw);
    addEventListener("resize", this.redraw);
    range.listen((chosen) => {
      this.redraw();
      clearTimeout(this.#timer);
      if (chosen) this.#timer = setTimeout(() => loading.outdate(), PATIENCE);
    });
  }

  // A section of which it is known only when it is loaded which pictures it has.
  lines(title, path, nothing) {
    const charts = new Map();
    const panels = el("div", { class: "panels" }), said = el("p", { class: "small" }, "…");
    const section = el("section", {}, el("h3", {}, title), said, panels);
    return this.loading.add(section, async () => {
      const width = panels.clientWidth > WIDE ? panels.clientWidth / COLUMNS : panels.clientWidth;
      const found = await get(`/api/runs/${path}?${this.#query()}${points(width)}`);
      const smoothed = found.some((each) => each.lines.some((line) => line.mean));
      said.textContent = found.length ? `${smoothed ? SMOOTHED : ""}${BARS}` : nothing;
      for (const each of found) {
        if (!charts.has(each.title)) charts.set(each.title, this.#chart(each.title));
        if (!charts.get(each.title).figure.isConnected) panels.append(charts.get(each.title).figure);
        charts.get(each.title).show(lineModel(each, this.names.length > 1));
      }
    });
  }

  // A picture a tensor; of several runs, by their labels, beside each other to the same scale.
  distributions(groups, labels) {
    const parts = groups.map(({ title, tensors }) => {
      const pictures = tensors.map((tensor) => this.#bands(tensor, labels));
      const together = labels.length > 1 ? pictures : el("div", { class: "panels" }, pictures);
      return el("div", {}, el("h4", { class: "group" }, title), together);
    });
    const said = groups.length ? el("p", { class: "small" }, BANDS) : el("p", {}, "No tensor is recorded.");
    return el("section", {}, el("h3", {}, "Distributions over the steps"), said, parts);
  }

  #bands(tensor, labels) {
    const several = labels.length > 1;
    const charts = labels.map((label) => this.#chart(several ? `${tensor} · ${label}` : tensor));
    const figures = charts.map((each) => each.figure);
    const row = several ? el("div", { class: "panels" }, figures) : figures[0];
    return this.loading.add(row, async () => {
      const tail = `&tensor=${encodeURIComponent(tensor)}${points(charts[0].width)}`;
      const found = await get(`/api/runs/bands?${this.#query()}${tail}`);
      charts.forEach((each, at) => {
        const run = several ? found.runs.find((one) => one.label === labels[at]) : found.runs[0];
        each.show(bandModel(tensor, found.limits, run));
      });
    });
  }

  // Everything once more, a few pictures a frame.
  redraw = () => {
    const waiting = [...this.#charts];
    const some = () => {
      waiting.splice(0, AT_ONCE).forEach((each) => each.draw());
      if (waiting.length) requestAnimationFrame(some);
    };
    some();
  };

  close() {
    clearTimeout(this.#timer);
    this.#dark.removeEventListener("change", this.redraw);
    removeEventListener("resize", this.redraw);
  }

  #chart(title) {
    const made = new Chart(title, this.range);
    this.#charts.add(made);
    return made;
  }

  #query() {
    return `${runsQuery(this.names)}${this.range.query()}`;
  }
}

// The pictures of one run or of several: curves, what tells of the network's health, and all distributions.
import { get } from "./api.js";
import { el } from "./dom.js";
import { bandModel } from "./runs_bands.js";
import { chart } from "./runs_chart.js";
import { lineModel } from "./runs_lines.js";

const DENSITY = 0.75; // stretches or points a pixel: lines are wider than one
export const runsQuery = (names) => names.map((name) => `run=${encodeURIComponent(name)}`).join("&");

// `made` keeps what has to be drawn again when the theme or the window changes.
export function pictures(names, range, loading) {
  const made = new Set();
  const query = () => `${runsQuery(names)}${range.query()}`;
  const points = (one) => `&points=${Math.max(16, Math.min(1000, Math.round(one * DENSITY)))}`;

  // A section of which it is known only when it is loaded which pictures it has.
  function lines(title, path, nothing) {
    const charts = new Map();
    const panels = el("div", { class: "panels" });
    const said = el("p", { class: "small" }, "…");
    const section = el("section", {}, el("h3", {}, title), said, panels);
    loading.add(section, async () => {
      const found = await get(`/api/runs/${path}?${query()}${points(panels.clientWidth > 800 ? panels.clientWidth / 3 : panels.clientWidth)}`);
      const smoothed = found.some((each) => each.lines.some((line) => line.mean));
      said.textContent = found.length ? `${smoothed ? "Faint: as recorded; bold: mean over 3 % of the steps. " : ""}A bar over the whole height: NaN or infinity.` : nothing;
      for (const each of found) {
        if (!charts.has(each.title)) {
          charts.set(each.title, chart(each.title, range));
          made.add(charts.get(each.title));
          panels.append(charts.get(each.title).figure);
        }
        charts.get(each.title).show(lineModel(each, names.length > 1));
      }
    });
    return section;
  }

  // A picture a tensor; of several runs beside each other, to the same scale.
  function distributions(groups, several) {
    const key = "Pale to strong: all values, the middle 90 %, the middle 50 %; orange: the median; bars over the whole height: NaN or infinity.";
    const parts = groups.map(({ title, tensors }) =>
      el("div", {}, el("h4", { class: "group" }, title), several.length > 1
        ? tensors.map((tensor) => bands(tensor, several))
        : el("div", { class: "panels" }, tensors.map((tensor) => bands(tensor, several)))));
    return el("section", {}, el("h3", {}, "Distributions over the steps"),
      groups.length ? el("p", { class: "small" }, key) : el("p", {}, "No tensor is recorded."), parts);
  }

  function bands(tensor, labels) {
    const charts = labels.map((label) => chart(labels.length > 1 ? `${tensor} · ${label}` : tensor, range));
    charts.forEach((each) => made.add(each));
    const row = labels.length > 1 ? el("div", { class: "panels" }, charts.map((each) => each.figure)) : charts[0].figure;
    return loading.add(row, async () => {
      const found = await get(`/api/runs/bands?${query()}&tensor=${encodeURIComponent(tensor)}${points(charts[0].width())}`);
      charts.forEach((each, at) => {
        const run = labels.length > 1 ? found.runs.find((one) => one.label === labels[at]) : found.runs[0];
        each.show(bandModel(tensor, found.limits, run));
      });
    });
  }

  // Redraws everything, a few pictures a frame.
  function redraw() {
    const waiting = [...made];
    const some = () => {
      waiting.splice(0, 4).forEach((each) => each.draw());
      if (waiting.length) requestAnimationFrame(some);
    };
    some();
  }
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  addEventListener("resize", redraw);
  return {
    lines, distributions, redraw,
    close() {
      dark.removeEventListener("change", redraw);
      removeEventListener("resize", redraw);
    },
  };
}

// The pictures' range and loading, wired together: a chosen range loads, and what is there is redrawn at once.
export function wire(range, loading, drawn) {
  let timer = null;
  range.listen((other) => {
    drawn.redraw();
    clearTimeout(timer);
    if (other) timer = setTimeout(loading.outdate, 150);
  });
}

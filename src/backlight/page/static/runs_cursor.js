// Keys and mouse on a picture: the cursor, and which steps are shown.
import { nearest } from "./axis.js";

export const HINT = "Arrow keys move the cursor, plus and minus zoom, 0 shows all steps; drag with the mouse to zoom.";
const ENOUGH = 0.02; // of the picture's width: less is no drag

export function steer(chart) {
  const { canvas, range } = chart;
  canvas.addEventListener("keydown", (event) => {
    const others = event.ctrlKey || event.metaKey || event.altKey; // which are the browser's own
    const act = chart.model && !others && keys(chart, event.shiftKey)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  canvas.addEventListener("pointerdown", (event) => {
    if (!chart.model || event.pointerType === "touch") return;
    chart.drag = { from: chart.stepAt(event.offsetX), to: chart.stepAt(event.offsetX) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!chart.model?.steps.length) return;
    const step = chart.stepAt(event.offsetX);
    if (chart.drag) chart.drag.to = step;
    chart.point(chart.model.steps[nearest(chart.model.steps, step)]);
  });
  canvas.addEventListener("pointerup", () => drop(chart));
  canvas.addEventListener("pointerleave", () => document.activeElement !== canvas && chart.point(null));
  canvas.addEventListener("dblclick", () => range.everything());
}

function keys(chart, fast) {
  const { range, cursor } = chart, by = fast ? 10 : 1;
  return {
    ArrowRight: () => move(chart, by), ArrowLeft: () => move(chart, -by),
    Home: () => chart.point(range.shown()[0]), End: () => chart.point(range.shown()[1]),
    "+": () => range.zoom(0.5, cursor), "=": () => range.zoom(0.5, cursor), "-": () => range.zoom(2, cursor),
    0: () => range.everything(), Escape: () => chart.point(null),
  };
}

// By so many of the steps that are drawn; beyond the border the window goes along.
function move(chart, by) {
  const { steps } = chart.model, [first, last] = chart.range.shown();
  if (!steps.length) return;
  const from = chart.cursor === null ? (by > 0 ? -1 : steps.length) : nearest(steps, chart.cursor);
  const step = steps[Math.max(0, Math.min(steps.length - 1, from + by))];
  chart.point(step);
  const beyond = step > last ? 1 : step < first ? -1 : 0, half = (beyond * (last - first)) / 2;
  if (beyond) chart.range.choose(first + half, last + half);
}

function drop(chart) {
  if (!chart.drag) return;
  const { from, to } = chart.drag, [first, last] = chart.range.shown();
  chart.drag = null;
  if (Math.abs(to - from) > ENOUGH * (last - first)) chart.range.choose(Math.min(from, to), Math.max(from, to));
  else chart.draw();
}

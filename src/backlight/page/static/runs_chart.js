// A picture over the steps, on a canvas: axes, a cursor with the values under it, zoom by mouse and keys, words, numbers.
//
// A model says what is shown: {title, words, kind, low, high, unit, names, steps, paint(pen), read(step), rows(), legend}.
// `names` instead of low and high: a row each, from the top. `caption`: where all words are too many. `pen` is {context, x, y, colour, height}.
import { el, number, svg } from "./dom.js";
import { scale } from "./runs_axis.js";
import { folded, table } from "./runs_table.js";

const HEIGHT = 190, TOP = 8, BOTTOM = 34, LEFT = 56, RIGHT = 12, ROW = 16;
export const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const HINT = "Arrow keys move the cursor, plus and minus zoom, 0 shows all steps; drag with the mouse to zoom.";

export function chart(title, range) {
  const canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": `${title}: loading`, title: HINT });
  const readout = el("output", { class: "readout" });
  const caption = el("figcaption", {}, "…");
  const legend = el("ul", { class: "legend", hidden: true });
  const numbers = folded("Numbers", () => (model ? table(...model.rows()) : "Nothing yet."));
  const figure = el("figure", { class: "chart" }, el("h4", {}, title), canvas, readout, legend, caption, numbers);
  let model = null, cursor = null, drag = null, area = null;

  function draw() {
    if (!model || !canvas.isConnected) return;
    const height = model.names ? TOP + BOTTOM + ROW * model.names.length : HEIGHT;
    const width = canvas.clientWidth, dense = devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
    const context = canvas.getContext("2d");
    context.scale(dense, dense);
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const [first, last] = range.shown();
    const left = model.names ? Math.min(150, width / 3) : LEFT;
    const x = scale(first, last, left, width - RIGHT);
    const y = scale(model.low, model.high, height - BOTTOM, TOP, model.kind, model.unit);
    area = { x, left, right: width - RIGHT };
    const pen = { context, x, y, colour, height: height - BOTTOM, top: TOP, row: ROW };
    frame(pen, width, model.names);
    context.save();
    context.beginPath();
    context.rect(left, 0, width - RIGHT - left + 1, height);
    context.clip();
    model.paint(pen);
    context.restore();
    if (drag) shade(pen, x.at(drag.from), x.at(drag.to));
    if (cursor !== null) upright(pen, x.at(cursor), "soft");
  }

  function show(next) {
    model = next;
    canvas.setAttribute("aria-label", `${model.title}: ${model.words}. ${HINT}`);
    caption.textContent = model.caption ?? model.words;
    legend.hidden = !model.legend?.length;
    legend.replaceChildren(...(model.legend ?? []).map(legendEntry));
    numbers.refresh();
    draw();
    say();
  }

  function say() {
    readout.textContent = model && cursor !== null ? model.read(cursor) : "";
  }

  function point(step) {
    cursor = step;
    draw();
    say();
  }

  function keys(event) {
    if (!model || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = {
      ArrowRight: () => move(event.shiftKey ? 10 : 1), ArrowLeft: () => move(event.shiftKey ? -10 : -1),
      Home: () => point(range.shown()[0]), End: () => point(range.shown()[1]),
      "+": () => range.zoom(0.5, cursor), "=": () => range.zoom(0.5, cursor), "-": () => range.zoom(2, cursor),
      0: () => range.everything(), Escape: () => point(null),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  function move(by) {
    const steps = model.steps, [first, last] = range.shown();
    if (!steps.length) return;
    let at = cursor === null ? (by > 0 ? -1 : steps.length) : nearest(steps, cursor);
    at = Math.max(0, Math.min(steps.length - 1, at + by));
    point(steps[at]);
    const beyond = steps[at] > last ? 1 : steps[at] < first ? -1 : 0; // the window goes along
    if (beyond) range.choose(first + (beyond * (last - first)) / 2, last + (beyond * (last - first)) / 2);
  }

  const stepAt = (event) => {
    const [first, last] = range.shown(), place = event.offsetX;
    return first + ((place - area.left) / (area.right - area.left)) * (last - first);
  };
  canvas.addEventListener("keydown", keys);
  canvas.addEventListener("pointerdown", (event) => {
    if (!area || event.pointerType === "touch") return;
    drag = { from: stepAt(event), to: stepAt(event) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!area || !model?.steps.length) return;
    if (drag) drag.to = stepAt(event);
    point(model.steps[nearest(model.steps, stepAt(event))]);
  });
  canvas.addEventListener("pointerup", () => {
    if (!drag) return;
    const { from, to } = drag;
    drag = null;
    const enough = Math.abs(to - from) > 0.02 * (range.shown()[1] - range.shown()[0]);
    if (enough) range.choose(Math.min(from, to), Math.max(from, to));
    else draw();
  });
  canvas.addEventListener("pointerleave", () => document.activeElement !== canvas && point(null));
  canvas.addEventListener("dblclick", () => range.everything());
  return { figure, canvas, show, draw, width: () => canvas.clientWidth || 360 };
}

function nearest(steps, step) {
  let low = 0, high = steps.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle; else high = middle;
  }
  return Math.abs(steps[low] - step) <= Math.abs(steps[high] - step) ? low : high;
}

function frame({ context, x, y, colour, height, top, row }, width, names) {
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colour("soft");
  context.lineWidth = 1;
  context.textAlign = "right";
  if (names) {
    names.forEach((name, at) => context.fillText(short(name, x.start), x.start - 6, top + row * at + 12));
  } else {
    for (const tick of y.ticks()) {
      const place = Math.round(y.at(tick)) + 0.5;
      stroke(context, colour("grid"), [[x.start, place], [x.end, place]]);
      context.fillText(tickText(tick), x.start - 5, place + 4);
    }
  }
  context.textAlign = "center";
  for (const tick of x.ticks()) {
    if (Number.isInteger(tick)) context.fillText(tick.toLocaleString("en"), Math.min(x.at(tick), width - 22), height + 14);
  }
  context.textAlign = "right";
  context.fillText("step", width - RIGHT, height + 28);
  stroke(context, colour("line"), [[x.start + 0.5, top], [x.start + 0.5, height + 0.5], [width - RIGHT, height + 0.5]]);
}

function tickText(tick) {
  const size = Math.abs(tick);
  return size >= 1000 && size < 1e6 ? tick.toLocaleString("en").replace("-", "−") : number(tick).replace(/\.?0+e/, "e");
}

function short(name, room) {
  const most = Math.floor(room / 6.2);
  return name.length <= most ? name : `…${name.slice(1 - most)}`;
}

export function stroke(context, style, points, width = 1, dash = []) {
  context.strokeStyle = style;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  let down = false;
  for (let at = 0; at < points.length; at++) {
    const [left, top] = points[at];
    if (!Number.isFinite(top)) { down = false; continue; }
    if (down) context.lineTo(left, top);
    else context.moveTo(left, top);
    if (!down && !Number.isFinite(points[at + 1]?.[1])) context.arc(left, top, width, 0, 2 * Math.PI); // a lone point
    down = true;
  }
  context.stroke();
  context.setLineDash([]);
}

function upright({ context, top, height, colour }, place, name) {
  stroke(context, colour(name), [[Math.round(place) + 0.5, top], [Math.round(place) + 0.5, height]]);
}

// A bar over the whole height at each step that something is not finite at; those on one pixel are one.
export function bars(pen, steps) {
  const places = new Set(steps.map((step) => Math.round(pen.x.at(step))));
  for (const place of places) {
    stroke(pen.context, pen.colour("ink"), [[place + 0.5, pen.top], [place + 0.5, pen.height]], 1.6);
  }
}

function shade({ context, top, height, colour }, from, to) {
  context.globalAlpha = 0.15;
  context.fillStyle = colour("c0");
  context.fillRect(Math.min(from, to), top, Math.abs(to - from), height - top);
  context.globalAlpha = 1;
}

function legendEntry({ label, colour, dash }) {
  const mark = svg("svg", { width: 24, height: 8, "aria-hidden": "true" },
    svg("path", { d: "M0 4h24", class: `s${colour % 8}`, "stroke-dasharray": (DASHES[dash % 4] ?? []).join(" ") || null }));
  return el("li", {}, mark, label);
}

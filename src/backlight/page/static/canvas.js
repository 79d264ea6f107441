// Drawing over the steps: axes, lines, bars.
import { number } from "./dom.js";

export const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const LETTER = 6.2; // pixels

// A canvas emptied, at the screen's own density: what to draw on it with, and the page's colours by their names.
export function sized(canvas, width, height) {
  const dense = devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * dense), Math.round(height * dense)];
  const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
  context.scale(dense, dense);
  return { context, colour: (name) => style.getPropertyValue(`--${name}`).trim() };
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

export function upright({ context, top, height, colour }, place, name, width = 1) {
  stroke(context, colour(name), [[Math.round(place) + 0.5, top], [Math.round(place) + 0.5, height]], width);
}

// A bar over the whole height at each step that something is not finite at; those on one pixel are one.
export function bars(pen, steps) {
  for (const place of new Set(steps.map((step) => Math.round(pen.x.at(step))))) upright(pen, place, "ink", 1.6);
}

export function shade({ context, top, height, colour }, from, to) {
  context.globalAlpha = 0.15;
  context.fillStyle = colour("c0");
  context.fillRect(Math.min(from, to), top, Math.abs(to - from), height - top);
  context.globalAlpha = 1;
}

// Ticks with their numbers, which `write` writes, or, at rows, their names.
export function frame(pen, names, write = tickText) {
  const { context, x, y, colour, height, top } = pen;
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colour("soft");
  context.textAlign = "right";
  if (names) names.forEach((name, at) => context.fillText(short(name, x.start), x.start - 6, top + pen.row * at + 12));
  else for (const tick of y.ticks()) rule(pen, tick, write(tick));
  context.textAlign = "center";
  for (const tick of x.ticks().filter(Number.isInteger)) {
    context.fillText(tick.toLocaleString("en"), Math.min(x.at(tick), x.end - 10), height + 14);
  }
  context.textAlign = "right";
  context.fillText("step", x.end, height + 28);
  stroke(context, colour("line"), [[x.start + 0.5, top], [x.start + 0.5, height + 0.5], [x.end, height + 0.5]]);
}

function rule({ context, x, y, colour }, tick, text) {
  const place = Math.round(y.at(tick)) + 0.5;
  stroke(context, colour("grid"), [[x.start, place], [x.end, place]]);
  context.fillText(text, x.start - 5, place + 4);
}

function tickText(tick) {
  const size = Math.abs(tick);
  if (size >= 1000 && size < 1e6) return tick.toLocaleString("en").replace("-", "−");
  return number(tick).replace(/\.?0+e/, "e");
}

function short(name, room) {
  const most = Math.floor(room / LETTER);
  return name.length <= most ? name : `…${name.slice(1 - most)}`;
}

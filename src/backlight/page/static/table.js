// Tables, and what is folded away until somebody asks for it.
import { el } from "./dom.js";

const MOST_ROWS = 200;

export function table(header, rows, remark = "") {
  const thin = rows.length <= MOST_ROWS ? rows : evenly(rows);
  const spread = `${thin.length} of ${rows.length.toLocaleString("en")} rows, evenly spread. `;
  const words = `${thin === rows ? "" : spread}${remark}`;
  const whole = el("table", {}, head(header), el("tbody", {}, thin.map((cells) => row(cells))));
  return el("div", {}, words ? el("p", { class: "small" }, words) : null,
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "table" }, whole));
}

export const head = (cells) => el("thead", {}, el("tr", {}, cells.map((cell) => el("th", { scope: "col" }, cell))));

export const row = ([first, ...others], attributes = {}) =>
  el("tr", attributes, el("th", { scope: "row" }, first), others.map((cell) => el("td", {}, cell)));

const evenly = (rows) =>
  Array.from({ length: MOST_ROWS }, (_, at) => rows[Math.round((at * (rows.length - 1)) / (MOST_ROWS - 1))]);

// `make` gives the content, each time it is opened.
export function folded(summary, make, open = false) {
  const box = el("details", { open }, el("summary", {}, summary));
  const fill = () => {
    if (!box.open) return;
    const top = box.querySelector(".scroll")?.scrollTop ?? 0;
    box.replaceChildren(box.firstChild, ...[make()].flat());
    box.querySelector(".scroll")?.scrollTo(0, top);
  };
  box.addEventListener("toggle", fill);
  if (open) fill();
  box.refresh = fill;
  return box;
}

const sources = new WeakMap();

// Fills an element anew only if what it is made from has changed: somebody may be at work in it.
export function refill(element, source, make) {
  const text = JSON.stringify(source);
  if (sources.get(element) === text) return;
  sources.set(element, text);
  element.replaceChildren(...[make()].flat(Infinity).filter(Boolean));
}

export const list = (lines, tag = "ul") => el(tag, {}, lines.map((line) => el("li", {}, line)));

// Tables, and what is folded away until somebody asks for it.
import { el } from "./dom.js";

const MOST_ROWS = 200;

export function table(header, rows, remark = "") {
  const thin = rows.length <= MOST_ROWS ? rows : evenly(rows);
  const words = thin === rows ? remark : `${thin.length} of ${rows.length.toLocaleString("en")} rows, evenly spread. ${remark}`;
  const line = ([first, ...others]) => el("tr", {}, el("th", { scope: "row" }, first), others.map((cell) => el("td", {}, cell)));
  const whole = el("table", {},
    el("thead", {}, el("tr", {}, header.map((cell) => el("th", { scope: "col" }, cell)))),
    el("tbody", {}, thin.map(line)));
  return el("div", {}, words ? el("p", { class: "small" }, words) : null, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "table" }, whole));
}

const evenly = (rows) =>
  Array.from({ length: MOST_ROWS }, (_, at) => rows[Math.round((at * (rows.length - 1)) / (MOST_ROWS - 1))]);

// `make` gives the content, each time it is opened.
export function folded(summary, make, open = false) {
  const box = el("details", { open }, el("summary", {}, summary));
  const fill = () => {
    if (box.open) box.replaceChildren(box.firstChild, ...[make()].flat());
  };
  box.addEventListener("toggle", fill);
  if (open) fill();
  box.refresh = fill;
  return box;
}

export const list = (lines, tag = "ul") => el(tag, {}, lines.map((line) => el("li", {}, line)));

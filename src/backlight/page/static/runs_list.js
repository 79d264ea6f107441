// The list of runs: new ones appear and running ones move by themselves.
import { el, number } from "./dom.js";
import { trainingForm } from "./runs_form.js";
import { runsQuery } from "./runs_pictures.js";

const HEADINGS = ["compare", "run", "kind", "status", "step", "accuracy", "first trouble"];
const MOST_COMPARED = 8;

export function openList(main, known) {
  const lines = new Map(); // name → {line, text, box}
  const chosen = new Set();
  const body = el("tbody");
  const said = el("p", { role: "status", class: "small" });
  const filter = el("input", { type: "search", placeholder: "part of a name", "aria-label": "show only runs whose name has", oninput: arrange });
  const compare = el("button", { type: "button", disabled: true, onclick: () => (location.hash = `runs?${runsQuery([...chosen])}`) }, "Compare");
  const whole = el("table", { class: "runs" }, el("thead", {}, el("tr", {}, HEADINGS.map((each) => el("th", { scope: "col" }, each)))), body);
  const form = trainingForm(known);
  main.replaceChildren(
    el("div", { class: "doing" }, el("label", {}, "Find ", filter), compare, said),
    el("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": "runs" }, whole),
    form.element);

  function lineOf(row) {
    const box = el("input", { type: "checkbox", "aria-label": `compare ${row.name}`, onchange: () => {
      box.checked ? chosen.add(row.name) : chosen.delete(row.name);
      compare.disabled = chosen.size < 2 || chosen.size > MOST_COMPARED;
      compare.textContent = chosen.size > MOST_COMPARED ? `Compare (at most ${MOST_COMPARED})` : chosen.size ? `Compare ${chosen.size}` : "Compare";
    } });
    const cells = Array.from({ length: 5 }, () => el("td"));
    const line = el("tr", {}, el("td", {}, box), el("th", { scope: "row" }, el("a", { href: `#runs?${runsQuery([row.name])}` }, row.name)), cells);
    return { line, cells };
  }

  function fill({ line, cells }, row) {
    line.dataset.status = row.status.replaceAll(" ", "-");
    const texts = [row.command.replace("train ", "") || (row.status === "damaged" ? "" : "own loop"), row.status,
      row.step === null ? "" : row.step.toLocaleString("en"),
      row.measured ? (row.accuracy === null ? "NaN" : `${number(100 * row.accuracy, 3)} %`) : "", row.trouble];
    cells.forEach((cell, at) => cell.textContent === texts[at] || (cell.textContent = texts[at]));
    cells[3].title = row.measured;
  }

  function arrange() {
    const rows = [...known.rows.values()].sort((a, b) => b.written - a.written || (a.name < b.name ? -1 : 1));
    const wanted = rows.filter((row) => row.name.toLowerCase().includes(filter.value.toLowerCase())).map((row) => lines.get(row.name).line);
    wanted.forEach((line, at) => body.children[at] === line || body.insertBefore(line, body.children[at] ?? null));
    while (body.children.length > wanted.length) body.lastChild.remove();
    const running = rows.filter((row) => row.status === "running").length;
    const count = `${rows.length} run${rows.length === 1 ? "" : "s"}${running ? `, ${running} of them being trained` : ""}`;
    said.textContent = rows.length ? count + (known.complete ? "" : " so far …") : known.complete ? "No run in the folder yet: train one below, or from the command line; it will appear here." : "Looking …";
  }

  function news(fresh) {
    for (const subject of Object.keys(fresh)) {
      if (!subject.startsWith("run ")) continue;
      const name = subject.slice(4), row = known.get(name);
      if (row) {
        if (!lines.has(name)) lines.set(name, lineOf(row));
        fill(lines.get(name), row);
      } else {
        lines.delete(name);
        chosen.delete(name);
      }
    }
    arrange();
    form.news();
  }

  news(Object.fromEntries([...known.rows.keys()].map((name) => [`run ${name}`, true])));
  return { news, close() {} };
}

// The list of runs: new ones appear and running ones move by themselves.
import { el, number } from "./dom.js";
import { trainingForm } from "./runs_form.js";
import { runsQuery } from "./runs_pictures.js";
import { head } from "./table.js";

const HEADINGS = ["compare", "run", "kind", "status", "step", "accuracy", "first trouble"];
const MOST_COMPARED = 8;

const EMPTY = "No run in the folder yet: train one below, or from the command line; it will appear here.";

export class RunList {
  #lines = new Map(); // name → {line, cells}
  #chosen = new Set();
  #body = el("tbody");
  #said = el("p", { role: "status", class: "small" });
  #filter = el("input", {
    type: "search", placeholder: "part of a name", "aria-label": "show only runs whose name has",
  });
  #compare = el("button", { type: "button", disabled: true }, "Compare");

  constructor(main, known) {
    this.known = known;
    this.form = trainingForm(known);
    this.#filter.addEventListener("input", () => this.#arrange());
    this.#compare.addEventListener("click", () => (location.hash = `runs?${runsQuery([...this.#chosen])}`));
    main.replaceChildren(
      el("div", { class: "doing" }, el("label", {}, "Find ", this.#filter), this.#compare, this.#said),
      el("div", { class: "scroll tall", tabindex: 0, role: "region", "aria-label": "runs" },
        el("table", { class: "runs" }, head(HEADINGS), this.#body)),
      this.form.element);
    this.news(Object.fromEntries([...known.rows.keys()].map((name) => [`run ${name}`, true])));
  }

  news(fresh) {
    for (const subject of Object.keys(fresh).filter((each) => each.startsWith("run "))) {
      const name = subject.slice(4), row = this.known.get(name);
      if (row) {
        if (!this.#lines.has(name)) this.#lines.set(name, this.#lineOf(name));
        fill(this.#lines.get(name), row);
      } else {
        this.#lines.delete(name);
        this.#choose(name, false);
      }
    }
    this.#arrange();
    this.form.news();
  }

  close() {}

  #lineOf(name) {
    const box = el("input", { type: "checkbox", "aria-label": `compare ${name}` });
    box.addEventListener("change", () => this.#choose(name, box.checked));
    const cells = Array.from({ length: 5 }, () => el("td"));
    const link = el("a", { href: `#runs?${runsQuery([name])}` }, name);
    return { line: el("tr", {}, el("td", {}, box), el("th", { scope: "row" }, link), cells), cells };
  }

  #choose(name, wanted) {
    if (wanted) this.#chosen.add(name);
    else this.#chosen.delete(name);
    const { size } = this.#chosen;
    this.#compare.disabled = size < 2 || size > MOST_COMPARED;
    const number = size > MOST_COMPARED ? ` (at most ${MOST_COMPARED})` : size ? ` ${size}` : "";
    this.#compare.textContent = `Compare${number}`;
  }

  #arrange() {
    const part = this.#filter.value.toLowerCase(), body = this.#body;
    const rows = [...this.known.rows.values()].sort((a, b) => b.written - a.written || (a.name < b.name ? -1 : 1));
    const found = rows.filter((row) => row.name.toLowerCase().includes(part));
    const shown = found.map((row) => this.#lines.get(row.name).line);
    shown.forEach((line, at) => body.children[at] === line || body.insertBefore(line, body.children[at] ?? null));
    while (body.children.length > shown.length) body.lastChild.remove();
    const running = rows.filter((row) => row.status === "running").length;
    const trained = running ? `, ${running} of them being trained` : "";
    const count = `${rows.length} run${rows.length === 1 ? "" : "s"}${trained}`;
    const { complete } = this.known;
    this.#said.textContent = rows.length ? count + (complete ? "" : " so far …") : complete ? EMPTY : "Looking …";
  }
}

function fill({ line, cells }, row) {
  line.dataset.status = row.status.replaceAll(" ", "-");
  const kind = row.command.replace("train ", "") || (row.status === "damaged" ? "" : "own loop");
  const accuracy = row.accuracy === null ? "NaN" : `${number(100 * row.accuracy, 3)} %`;
  const step = row.step === null ? "" : row.step.toLocaleString("en");
  const texts = [kind, row.status, step, row.measured ? accuracy : "", row.trouble];
  cells.forEach((cell, at) => cell.textContent === texts[at] || (cell.textContent = texts[at]));
  cells[3].title = row.measured;
}

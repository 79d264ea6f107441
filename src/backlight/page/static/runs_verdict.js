// The first screen of a run: did it learn, and if not, why; and a button that tries the cure.
import { get, post } from "./api.js";
import { clearTrouble, el, number, showTrouble } from "./dom.js";
import { runsQuery } from "./runs_pictures.js";
import { folded, list, refill, table } from "./table.js";

const OPEN = ["The numbers", "What it means", "What to try, the likeliest first"];

const FOLDED = "Where it usually comes from, and what would speak against it";
const TRIED = " The cures are trained on many seeds, beside the unchanged settings; it takes seconds to minutes.";

export class VerdictPart {
  #answer = el("div", {}, "…");
  #figures = el("div");
  #cure = el("div");
  #treatment = el("div", { class: "treatment", role: "status" });
  #rest = el("div");
  #going = null;

  constructor(name, loading) {
    this.name = name;
    const parts = [this.#answer, this.#figures, this.#cure, this.#treatment, this.#rest];
    this.section = el("section", { "aria-label": "Verdict" }, parts);
    loading.add(this.section, () => this.#load());
  }

  // What the treatment of this run says; of another one only that it goes on.
  treated(news) {
    const before = this.#going, own = news?.run === this.name;
    this.#going = news;
    this.#buttons();
    const lines = this.#treatment.querySelector("ol");
    const goesOn = before?.state === "going on" && news?.state === "going on";
    if (own && lines && goesOn) lines.replaceWith(list(news.lines, "ol"));
    else if (own) this.#treatment.replaceChildren(el("h3", {}, "Treatment"), ...told(news));
    else if (news?.state !== "going on") this.#treatment.replaceChildren();
    else this.#treatment.replaceChildren(el("p", { class: "small" }, `A treatment of ${news.run} goes on.`));
  }

  async #load() {
    const [found] = await get(`/api/runs/verdict?${runsQuery([this.name])}`);
    const { good, sentence, figures, treatable: can, change, command, causes, later, notes, asked } = found;
    const kind = good ? "answer good" : "answer";
    refill(this.#answer, [sentence, good], () => el("p", { class: kind, role: "status" }, sentence));
    refill(this.#figures, figures, () => list(figures));
    refill(this.#cure, [can, change, command], () => treatable(this.name, found));
    refill(this.#rest, [causes, later, notes, asked], () => findings(found));
    this.#buttons();
  }

  #buttons() {
    const busy = this.#going?.state === "going on" && this.#going.run === this.name;
    for (const button of this.#cure.querySelectorAll("button.try")) button.disabled = busy;
  }
}

function treatable(name, found) {
  if (!found.treatable) return null;
  const start = () => act("treat", { run: name });
  return el("div", { class: "cure" },
    found.change ? el("p", {}, `The first to try: ${found.change}.`) : null,
    el("button", { type: "button", class: "try", onclick: start }, "Try the treatment"),
    el("span", { class: "small" }, TRIED),
    found.command ? folded("The run again with this change, as a command", () => el("pre", {}, found.command)) : null);
}

async function act(path, document) {
  clearTrouble();
  try {
    await post(`/api/runs/${path}`, document);
  } catch (error) {
    showTrouble(error);
  }
}

function told(news) {
  if (news.state === "done") return result(news.result);
  const words = { "going on": "Trying …", cancelled: "Cancelled.", failed: `It failed: ${news.error}` }[news.state];
  const cancel = el("button", { type: "button", onclick: () => act("treat/cancel", {}) }, "Cancel");
  return [el("p", {}, words, " ", news.state === "going on" ? cancel : null), list(news.lines, "ol")];
}

function findings(found) {
  const causes = found.causes.map((each) => {
    const [shown, more] = [true, false].map((open) => each.parts.filter(({ label }) => OPEN.includes(label) === open));
    return el("article", { class: each.severity }, el("h4", {}, each.title), shown.map(partOf),
      more.length ? folded(FOLDED, () => more.map(partOf)) : null);
  });
  return [
    ...causes,
    others("Also found; it may follow from what stands above, so mend that first", found.later),
    others("Notes, which are no faults", found.notes),
    found.asked.length ? folded("What was looked for", () => found.asked.map(partOf)) : null,
  ].filter(Boolean);
}

function others(label, findings) {
  if (!findings.length) return null;
  return folded(`${label} (${findings.length})`, () => findings.map((each) =>
    el("article", { class: each.severity }, el("h4", {}, each.title), el("p", {}, each.evidence),
      folded("What it means and what to try", () => each.parts.map(partOf)))), true);
}

function partOf(part) {
  const ordered = part.label.endsWith("likeliest first") ? "ol" : "ul";
  return el("div", {}, el("p", { class: "label" }, part.label),
    part.kind === "list" ? list(part.lines, ordered) : part.lines.map((line) => el("p", {}, line)));
}

const percent = (share) => `${(100 * share).toFixed(0)} %`;

function result(found) {
  const said = `${found.words[0].toUpperCase()}${found.words.slice(1)}.`;
  const change = `${found.setting} = ${shownValue(found.after)} instead of ${shownValue(found.before)}`;
  return [
    el("p", { class: found.outcome === "cured" ? "answer good" : "answer" }, said),
    found.cause ? el("p", {}, `The cause: ${found.cause}.`) : null,
    found.setting ? el("p", {}, `The change: ${change}.`) : null,
    found.instruction ? el("p", {}, `What to try: ${found.instruction}.`) : null,
    found.arms.length ? rates(found.arms) : null,
    found.needed === null ? null :
      el("p", { class: "small" }, `Learnt: held-out accuracy of at least ${found.needed.toFixed(3)}.`),
  ].filter(Boolean);
}

function rates(arms) {
  const headings = ["trained anew with other seeds", "", "share that learnt, 95 % interval", "mean accuracy"];
  const interval = ({ estimate, low, high, n }) =>
    `${percent(estimate)} learnt [${percent(low)}, ${percent(high)}], n = ${n}`;
  return table(headings, arms.map((each) => [each.label, rateBar(each), interval(each), number(each.accuracy, 3)]));
}

const shownValue = (value) => (typeof value === "number" ? number(value) : String(value)); // of a list: "2,4,2"

// The numbers stand beside it.
function rateBar({ estimate, low, high }) {
  const label = `${percent(estimate)}, from ${percent(low)} to ${percent(high)}`;
  const canvas = el("canvas", { width: 120, height: 14, role: "img", "aria-label": label });
  requestAnimationFrame(() => {
    const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
    context.fillStyle = style.getPropertyValue("--grid");
    context.fillRect(0, 0, 120, 14);
    context.fillStyle = style.getPropertyValue("--c0");
    context.fillRect(0, 3, 120 * estimate, 8);
    context.fillStyle = style.getPropertyValue("--ink");
    context.fillRect(120 * low, 6, Math.max(120 * (high - low), 1), 2);
  });
  return canvas;
}

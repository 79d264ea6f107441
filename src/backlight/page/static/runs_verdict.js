// The first screen of a run: did it learn, and if not, why; and a button that tries the cure.
import { get, post } from "./api.js";
import { clearTrouble, el, number, showTrouble } from "./dom.js";
import { runsQuery } from "./runs_pictures.js";
import { folded, list } from "./runs_table.js";

const OPEN = ["The numbers", "What it means", "What to try, the likeliest first"];

export function verdictPart(name, loading) {
  const body = el("div", {}, "…"), rest = el("div");
  const treatment = el("div", { class: "treatment", role: "status" });
  const section = el("section", { "aria-label": "Verdict" }, body, treatment, rest);
  let shown = "", going = null;

  async function load() {
    const [found] = await get(`/api/runs/verdict?${runsQuery([name])}`);
    const text = JSON.stringify(found);
    if (text === shown) return;
    shown = text;
    body.replaceChildren(...[
      el("p", { class: found.good ? "answer good" : "answer", role: "status" }, found.sentence), list(found.figures), treatable(found),
    ].filter(Boolean));
    rest.replaceChildren(...findings(found));
    buttons();
  }

  function treatable(found) {
    if (!found.treatable) return null;
    return el("div", { class: "cure" },
      found.change ? el("p", {}, `The first to try: ${found.change}.`) : null,
      el("button", { type: "button", class: "try", onclick: () => act("treat", { run: name }) }, "Try the treatment"),
      el("span", { class: "small" }, " The cures are trained on many seeds, beside the unchanged settings; it takes seconds to minutes."),
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

  function buttons() {
    for (const button of body.querySelectorAll("button.try")) button.disabled = going?.state === "going on" && going.run === name;
  }

  // What the treatment of this run says; of another one only that it goes on.
  function treated(news) {
    going = news;
    buttons();
    if (!news || (news.run !== name && news.state !== "going on")) return treatment.replaceChildren();
    if (news.run !== name) return treatment.replaceChildren(el("p", { class: "small" }, `A treatment of ${news.run} goes on.`));
    treatment.replaceChildren(el("h3", {}, "Treatment"), ...told(news));
  }

  function told(news) {
    if (news.state === "done") return result(news.result);
    const words = { "going on": "Trying …", cancelled: "Cancelled.", failed: `It failed: ${news.error}` }[news.state];
    const cancel = el("button", { type: "button", onclick: () => act("treat/cancel", {}) }, "Cancel");
    return [el("p", {}, words, " ", news.state === "going on" ? cancel : null), list(news.lines, "ol")];
  }

  loading.add(section, load);
  return { section, treated };
}

function findings(found) {
  const causes = found.causes.map((each) => {
    const [shown, more] = [true, false].map((first) => each.parts.filter((part) => OPEN.includes(part.label) === first));
    return el("article", { class: each.severity }, el("h4", {}, each.title), shown.map(partOf),
      more.length ? folded("Where it usually comes from, and what would speak against it", () => more.map(partOf)) : null);
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
  const change = found.setting ? `${found.setting} = ${shownValue(found.after)} instead of ${shownValue(found.before)}` : "";
  const arm = (each) => el("tr", {}, el("th", { scope: "row" }, each.label), el("td", {}, rateBar(each)),
    el("td", {}, `${percent(each.estimate)} learnt [${percent(each.low)}, ${percent(each.high)}], n = ${each.n}`), el("td", {}, number(each.accuracy, 3)));
  return [
    el("p", { class: found.outcome === "cured" ? "answer good" : "answer" }, `${found.words[0].toUpperCase()}${found.words.slice(1)}.`),
    found.cause ? el("p", {}, `The cause: ${found.cause}.`) : null,
    change ? el("p", {}, `The change: ${change}.`) : null,
    found.instruction ? el("p", {}, `What to try: ${found.instruction}.`) : null,
    found.arms.length ? el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "rates of the treatment" }, el("table", {},
      el("thead", {}, el("tr", {}, ["trained anew with other seeds", "", "share that learnt, 95 % interval", "mean accuracy"].map((each) => el("th", { scope: "col" }, each)))),
      el("tbody", {}, found.arms.map(arm)))) : null,
    found.needed === null ? null : el("p", { class: "small" }, `Learnt: held-out accuracy of at least ${found.needed.toFixed(3)}.`),
  ].filter(Boolean);
}

const shownValue = (value) => (Array.isArray(value) ? value.join(",") : typeof value === "number" ? number(value) : String(value));

// The numbers stand beside it.
function rateBar({ estimate, low, high }) {
  const canvas = el("canvas", { width: 120, height: 14, role: "img", "aria-label": `${percent(estimate)}, from ${percent(low)} to ${percent(high)}` });
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

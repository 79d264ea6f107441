// One run, in all views of the report; live while it is trained.
import { address, get, post } from "./api.js";
import { clearTrouble, el, showTrouble } from "./dom.js";
import { answersPart, boundaryPart } from "./runs_answers.js";
import { loader } from "./runs_loader.js";
import { pictures, runsQuery, wire } from "./runs_pictures.js";
import { rangeControls, stepRange } from "./runs_range.js";
import { folded, table } from "./runs_table.js";
import { verdictPart } from "./runs_verdict.js";

export async function openRun(main, name, known) {
  const run = await get(`/api/runs/about?${runsQuery([name])}`);
  const range = stepRange(), loading = loader(), drawn = pictures([name], range, loading);
  const verdict = verdictPart(name, loading);
  const status = el("p", { class: "status", role: "status" });
  const doing = el("p", { class: "doing" });
  const groups = el("div");
  let tensors = "", mark = null;
  range.grow(run.step ?? 1);
  wire(range, loading, drawn);

  main.replaceChildren(...[
    el("p", {}, el("a", { href: "#runs" }, "← All runs")),
    el("h2", {}, name), status, doing, verdict.section,
    el("section", {}, el("h3", {}, "What was trained"), trained(run)),
    rangeControls(range),
    drawn.lines("What happened", "curves", "No scalar is recorded."),
    run.points ? boundaryPart([name], loading) : null,
    run.digits ? answersPart([name], loading) : null,
    drawn.lines("Inside the network", "health", "No layer with units that can be dead or saturated, no gradient and no update is recorded."),
    groups,
    costPart(name, loading),
  ].filter(Boolean));
  show(run);

  function show(about) {
    if (JSON.stringify(about.groups) === tensors) return;
    tensors = JSON.stringify(about.groups);
    groups.replaceChildren(drawn.distributions(about.groups, [""]));
  }

  function news(fresh) {
    if (`treatment` in fresh) verdict.treated(fresh.treatment);
    const row = known.get(name), training = known.trainings[name];
    if (!row) return void (status.textContent = "The run's folder is gone.");
    status.textContent = `${row.command || "a loop of your own"} · ${row.status}` + (row.step === null ? "" : ` · step ${row.step.toLocaleString("en")}`) + (row.trouble ? ` · ${row.trouble}` : "");
    doing.replaceChildren(...controls(name, row, training));
    range.grow(row.step ?? 1);
    if (mark !== null && mark !== row.stamp) {
      loading.moved();
      if (tensors === "[]") get(`/api/runs/about?${runsQuery([name])}`).then(show).catch(showTrouble);
    }
    mark = row.stamp;
  }

  news({ treatment: known.treatment });
  return { news, close: () => (loading.close(), drawn.close()) };
}

function controls(name, row, training) {
  const act = (path, words) => el("button", { type: "button", onclick: () => {
    clearTrouble();
    post(`/api/runs/${path}`, { run: name }).catch(showTrouble);
  } }, words);
  const going = ["starting", "training"].includes(training?.state);
  const link = `/api/runs/report?${runsQuery([name])}`;
  return [
    going ? act("train/stop", "Stop the training") : null,
    !going && ["stopped", "broken off"].includes(row.status) && row.command.startsWith("train ") ? act("train/resume", "Go on with the training") : null,
    el("a", { href: address(link), target: "_blank", rel: "noopener" }, "The whole report"),
    el("a", { href: address(`${link}&download`), download: "" }, "Save the report as one file"),
    training ? el("span", { class: "small" }, `${training.state}${training.line ? `: ${training.line}` : ""}`) : null,
  ].filter(Boolean);
}

function trained(run) {
  const settings = Object.entries(run.settings), about = Object.entries(run.environment);
  return el("div", {},
    run.again ? el("div", {}, el("p", {}, "To do it again:"), el("pre", {}, run.again)) : el("p", {}, "The loop is your own, so there is no command that does it again."),
    settings.length ? folded("Settings", () => table(["setting", "value"], settings)) : null,
    run.facts.length ? folded("Samples and parameters", () => table(["", "value"], run.facts)) : null,
    about.length ? folded("Machine and versions", () => table(["", "value"], about)) : null);
}

function costPart(name, loading) {
  const body = el("div", {}, "…");
  const section = el("section", {}, el("h3", {}, "What watching cost"), body);
  loading.add(section, async () => {
    const { cost } = await get(`/api/runs/about?${runsQuery([name])}`);
    body.replaceChildren(table(["", "value"], Object.entries(cost)));
  });
  return section;
}

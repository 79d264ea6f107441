// One run, in all views of the report; live while it is trained.
import { address, get, post } from "./api.js";
import { clearTrouble, el, showTrouble } from "./dom.js";
import { answersPart, boundaryPart } from "./runs_answers.js";
import { Loader } from "./runs_loader.js";
import { Pictures, runsQuery } from "./runs_pictures.js";
import { rangeControls, stepRange } from "./runs_range.js";
import { VerdictPart } from "./runs_verdict.js";
import { folded, refill, table } from "./table.js";

const OWN_LOOP = "The loop is your own, so there is no command that does it again.";
const NO_HEALTH = "No layer with units that can be dead or saturated, no gradient and no update is recorded.";

export async function openRun(main, name, known) {
  const run = await get(`/api/runs/about?${runsQuery([name])}`);
  return new RunPage(main, run, known);
}

class RunPage {
  #range = stepRange();
  #loading = new Loader();
  #status = el("p", { class: "status", role: "status" });
  #doing = el("p", { class: "doing" });
  #line = el("span", { class: "small" });
  #kind = "";
  #groups = el("div");
  #tensors = ""; // as they were shown last
  #stamp = null;

  constructor(main, run, known) {
    const { name } = run, range = this.#range, loading = this.#loading;
    Object.assign(this, { name, known });
    this.drawn = new Pictures([name], range, loading);
    this.verdict = new VerdictPart(name, loading);
    range.grow(run.step ?? 1);
    main.replaceChildren(...[
      el("p", {}, el("a", { href: "#runs" }, "← All runs")),
      el("h2", {}, name), this.#status, this.#doing, this.verdict.section,
      el("section", {}, el("h3", {}, "What was trained"), trained(run)),
      rangeControls(range),
      this.drawn.lines("What happened", "curves", "No scalar is recorded."),
      run.points ? boundaryPart([name], loading) : null,
      run.digits ? answersPart([name], loading) : null,
      this.drawn.lines("Inside the network", "health", NO_HEALTH),
      this.#groups,
      costPart(name, loading),
    ].filter(Boolean));
    this.#show(run);
    this.news({ treatment: known.treatment });
  }

  news(fresh) {
    if ("treatment" in fresh) this.verdict.treated(fresh.treatment);
    const row = this.known.get(this.name);
    if (!row) {
      this.#status.textContent = this.known.complete ? "The run's folder is gone." : "";
      return;
    }
    this.#status.textContent = [row.command || "a loop of your own", row.status,
      row.step === null ? "" : `step ${row.step.toLocaleString("en")}`, row.trouble].filter(Boolean).join(" · ");
    this.#control(row, this.known.trainings[this.name]);
    this.#range.grow(row.step ?? 1);
    if (this.#stamp !== null && this.#stamp !== row.stamp) this.#moved();
    this.#stamp = row.stamp;
  }

  close() {
    this.#loading.close();
    this.drawn.close();
  }

  // Buttons stay what they are as long as they may: somebody's keys may be on one.
  #control(row, training) {
    const kind = `${row.status} ${row.command} ${training?.state}`;
    if (kind !== this.#kind) this.#doing.replaceChildren(...controls(this.name, row, training), this.#line);
    this.#kind = kind;
    this.#line.textContent = training ? `${training.state}${training.line ? `: ${training.line}` : ""}` : "";
  }

  #moved() {
    this.#loading.moved();
    if (this.#tensors !== "[]") return;
    get(`/api/runs/about?${runsQuery([this.name])}`).then((about) => this.#show(about)).catch(showTrouble);
  }

  #show(about) {
    const tensors = JSON.stringify(about.groups);
    if (tensors === this.#tensors) return;
    this.#tensors = tensors;
    this.#groups.replaceChildren(this.drawn.distributions(about.groups, [""]));
  }
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
    !going && unfinished(row) ? act("train/resume", "Go on with the training") : null,
    el("a", { href: address(link), target: "_blank", rel: "noopener" }, "The whole report"),
    el("a", { href: address(`${link}&download`), download: "" }, "Save the report as one file"),
  ].filter(Boolean);
}

const unfinished = (row) => ["stopped", "broken off"].includes(row.status) && row.command.startsWith("train ");

function trained(run) {
  const settings = Object.entries(run.settings), about = Object.entries(run.environment);
  return el("div", {},
    run.again ? [el("p", {}, "To do it again:"), el("pre", {}, run.again)] : el("p", {}, OWN_LOOP),
    settings.length ? folded("Settings", () => table(["setting", "value"], settings)) : null,
    run.facts.length ? folded("Samples and parameters", () => table(["", "value"], run.facts)) : null,
    about.length ? folded("Machine and versions", () => table(["", "value"], about)) : null);
}

function costPart(name, loading) {
  const body = el("div", {}, "…");
  const section = el("section", {}, el("h3", {}, "What watching cost"), body);
  loading.add(section, async () => {
    const { cost } = await get(`/api/runs/about?${runsQuery([name])}`);
    refill(body, cost, () => table(["", "value"], Object.entries(cost)));
  });
  return section;
}

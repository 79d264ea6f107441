// The playground: one session on the server, whose pictures come as fast as they are drawn here.
import { listen, post } from "./api.js";
import { clearTrouble, el, number, showTrouble } from "./dom.js";
import { Backward } from "./play_backward.js";
import { Boundary } from "./play_boundary.js";
import { Chart } from "./play_chart.js";
import { floats } from "./play_colours.js";
import { Controls, LinkPanel } from "./play_controls.js";
import { Export } from "./play_export.js";
import { help } from "./play_help.js";
import { Network } from "./play_network.js";
import { Seeds } from "./play_seeds.js";
import { DEFAULTS, readAddress, wayTo, writeAddress } from "./play_state.js";
import { Time } from "./play_time.js";
import { UnitCard } from "./play_unit.js";
import { head, row } from "./table.js";

const percent = (share) => (share === null || Number.isNaN(share) ? "NaN" : `${(100 * share).toFixed(1)} %`);
const TRAIN = { name: "train", colour: "c0" }, TEST = { name: "held out", colour: "c1", dash: true };
const COMPILING = "The engine is being compiled for this machine, once; " +
  "until then, up to a minute, nothing can be trained.";
const STOPPED = "the server has stopped; start `backlight page` again and open its link";

class Playground {
  constructor(main) {
    this.start = readAddress();
    this.hide = new Set(this.start.hide);
    this.curve = [];
    this.chosen = { layer: 1, unit: 0 };
    this.boundary = new Boundary({ onPoint: (x, y) => this.ask({ do: "probe", point: [x, y] }), onDraw: () => {} });
    const change = (changes) => this.change(changes);
    this.controls = new Controls({ onChange: change, hidden: this.hide, boundary: this.boundary });
    this.controls.onClosed = () => this.data && this.boundary.setData(this.data);
    this.network = new Network({
      onChoose: (chosen, passing) => this.choose(chosen, passing),
      onChange: (hidden, activations) => this.change({ hidden, activations }),
      hidden: this.hide,
    });
    this.time = new Time((command) => this.ask(command), this.hide);
    this.unit = new UnitCard();
    this.backward = new Backward(() => this.session);
    this.seeds = new Seeds((command) => this.ask(command));
    this.loss = new Chart("Loss", [TRAIN, TEST]);
    const tick = (share) => `${Math.round(100 * share)} %`;
    this.accuracy = new Chart("Accuracy", [TRAIN, TEST], { top: 1, format: percent, tick });
    this.export = new Export(() => ({ way: this.way(), parameters: this.frame.parameters, sizes: this.sizes }));
    this.link = new LinkPanel(() => this.way(), this.start.hide);
    this.remarks = el("div", { class: "remarks", "aria-live": "polite" });
    this.broken = el("div", { class: "broken", role: "alert" });
    this.compiling = el("p", { class: "small", role: "status", hidden: true }, COMPILING);
    this.answers = el("div", { class: "scroll" });
    const confused = el("summary", {}, "Confusion of the held-out points");
    this.confusion = el("details", { class: "small" }, confused, this.answers);
    this.figures = el("p", { class: "figures" });
    this.confusion.addEventListener("toggle", () => this.frame && this.drawConfusion());
    this.layOut(main);
  }

  layOut(main) {
    const shown = (name, element) => (this.hide.has(name) ? null : element);
    const testBox = el("input", { type: "checkbox", onchange: () => this.boundary.showHeldOut(testBox.checked) });
    main.append(el("div", { class: "playground" },
      el("div", { class: "side" }, this.controls.data, this.controls.training),
      el("div", { class: "middle" }, this.time.element, this.compiling, this.broken, this.network.element, this.remarks,
        shown("unit", this.unit.element), shown("backward", this.backward.element)),
      el("div", { class: "output" }, this.figures, this.boundary.element,
        el("label", { class: "small" }, testBox, " show held-out points"),
        this.loss.element, this.accuracy.element, this.confusion, shown("seeds", this.seeds.element),
        shown("export", this.export.element), shown("link", this.link.element), help())));
  }

  async open() {
    const { settings, legs, step } = this.start;
    try {
      this.session = (await post("/api/playground", { settings, legs, step })).session;
    } catch (error) {  // of a link that cannot be followed: said, and the usual network instead
      showTrouble(error);
      this.session = (await post("/api/playground", { settings: DEFAULTS })).session;
    }
    this.close = listen(`/api/playground/${this.session}/events`, {
      frame: (frame) => this.take(frame),
      seeds: (job) => this.takeSeeds(job),
      compiling: (busy) => { this.compiling.hidden = !busy; },
      error: () => this.lost(),
    });
  }

  // The browser tries again by itself; a session that is gone does not come back.
  async lost() {
    if (this.checking) return;
    this.checking = true;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    try {
      await post(`/api/playground/${this.session}`, { do: "probe", point: this.frame.point });
    } catch (error) {
      this.close();
      showTrouble(error.message.includes("fetch") ? new Error(STOPPED) : error);
    }
    this.checking = false;
  }

  async ask(command) {
    try {
      await post(`/api/playground/${this.session}`, command);
      clearTrouble();
    } catch (error) {
      showTrouble(error);
      if (this.frame) this.controls.show(this.settings);
    }
  }

  change(changes) {
    return this.ask({ do: "change", settings: { ...this.settings, ...changes } });
  }

  choose(chosen, passing = false) {
    if (passing && this.pinned) return;
    if (!passing) this.pinned = !(this.pinned && JSON.stringify(chosen) === JSON.stringify(this.chosen));
    this.chosen = chosen;
    this.network.choose(chosen);
    if (this.frame) this.drawUnit();
  }

  // Frames may come faster than the screen is drawn: curves are taken from each, pictures from the last.
  take(frame) {
    this.curve = [...this.curve.slice(0, frame.curve.keep), ...frame.curve.points];
    if (frame.data) this.fresh = frame.data;
    if (frame.others) this.others = frame.others;
    this.frame = frame;
    this.taken = (this.taken ?? 0) + 1;
    if (!this.waiting) this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
  }

  takeSeeds(job) {
    this.bands = job?.result ?? null;
    this.seeds.show(job);
    if (this.frame) this.drawCurves();
  }

  get settings() {
    return this.frame.branches[this.frame.number].settings;
  }

  way() {
    return { ...wayTo(this.frame.branches, this.frame.number), step: this.frame.step };
  }

  draw() {
    const { frame, settings } = this;
    if (this.fresh) {
      this.data = this.fresh;
      this.fresh = null;
      if (this.boundary.drawing === null) this.boundary.setData(this.data);
    }
    this.sizes = [2, ...settings.hidden, this.data.classes];
    this.controls.show(settings);
    this.network.build(settings, this.data.classes);
    this.network.show(frame, floats(frame.parameters));
    this.network.choose(this.chosen);
    this.boundary.show(frame);
    this.time.show(frame);
    this.drawCurves();
    this.drawUnit();
    this.drawWords();
    this.backward.show(frame);
    this.export.show();
    this.remember();
    document.body.dataset.drawn = String(Number(document.body.dataset.drawn ?? 0) + 1);
  }

  drawCurves() {
    const steps = (curve) => curve.map(([step]) => step);
    const column = (curve, at) => curve.map((point) => point[at] ?? NaN);
    const show = (chart, [train, test], rows) => chart.show(
      steps(this.curve), [column(this.curve, train), column(this.curve, test)], {
        mark: this.frame.step,
        bands: this.bands && { steps: this.bands.steps, rows },
        faint: this.others.map((curve) => ({ steps: steps(curve), values: column(curve, test) })),
      });
    show(this.loss, [1, 2], this.bands?.loss);
    show(this.accuracy, [3, 4], this.bands?.accuracy);
  }

  drawUnit() {
    if (!this.hide.has("unit")) this.unit.show(this.chosen, this.frame, this.settings, this.sizes);
  }

  drawWords() {
    const [, trainLoss, testLoss, trainAccuracy, testAccuracy] = this.frame.measured;
    this.figures.replaceChildren(el("b", { class: "big" }, percent(testAccuracy)),
      ` of held-out points right, ${percent(trainAccuracy)} of training points; `,
      `loss ${number(testLoss, 3)} and ${number(trainLoss, 3)}`);
    this.drawConfusion();
    const remarks = JSON.stringify(this.frame.remarks);
    if (remarks !== this.remarked) {
      this.remarks.replaceChildren(...this.frame.remarks.map((words) => el("p", {}, words)));
    }
    this.remarked = remarks;
    const trouble = JSON.stringify(this.frame.trouble);
    if (trouble !== this.troubled) this.broken.replaceChildren(...this.explain(this.frame.trouble));
    this.troubled = trouble;
  }

  drawConfusion() {
    if (!this.confusion.open) return;
    const rows = this.frame.confusion, names = rows.map((_, label) => `class ${label}`);
    this.answers.replaceChildren(el("table", {}, head(["", ...names.map((name) => `answer ${name}`)]),
      el("tbody", {}, rows.map((counts, label) => row([names[label], ...counts.map(String)])))));
  }

  explain(trouble) {
    if (trouble === null) return [];
    const { branches, number: at } = this.frame;
    const button = (words, act) => el("button", { type: "button", onclick: act }, words);
    return [el("p", {}, trouble.words), el("div", { class: "row" },
      button(`Back to step ${trouble.step.toLocaleString("en")}`,
        () => this.ask({ do: "go", branch: at, step: trouble.step })),
      trouble.cure ? button("Try the cure from the beginning", async () => {
        await this.ask({ do: "go", branch: at, step: branches[at].first });
        await this.ask({ do: "change", settings: trouble.cure });
        await this.time.start();
      }) : "")];
  }

  // Twice a second at most: browsers limit how often an address may change.
  remember() {
    if (this.remembering) return;
    this.remembering = setTimeout(() => {
      this.remembering = null;
      if (document.body.dataset.page !== "play") return;
      history.replaceState(null, "", writeAddress({ ...this.way(), hide: [...this.hide] }));
    }, 500);
  }
}

export async function open(main) {
  const page = new Playground(main);
  const reload = () => location.hash.startsWith("#play") && location.reload();
  addEventListener("hashchange", reload);
  await page.open();
  return () => {
    removeEventListener("hashchange", reload);
    clearTimeout(page.remembering);
    page.close();
  };
}

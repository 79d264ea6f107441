// One backward pass, layer by layer: formulas, one sample's numbers, and the gradient beside the numeric one.
import { post } from "./api.js";
import { el, number, showTrouble } from "./dom.js";
import { head, row } from "./table.js";

const short = (value) => number(value, 3);

export class Backward {
  constructor(session) {
    this.session = session;
    this.stage = 0;
    this.body = el("div", { class: "pass" });
    this.element = el("details", { class: "card" }, el("summary", {}, "Step through one backward pass"), this.body);
    this.element.addEventListener("toggle", () => this.element.open && this.load(0));
  }

  async load(sample) {
    try {
      this.pass = await post(`/api/playground/${this.session()}/backward`, { sample });
      this.stage = Math.min(this.stage, this.pass.stages.length - 1);
      this.draw();
    } catch (error) {
      showTrouble(error);
    }
  }

  // The pass of another step is another one.
  show(frame) {
    if (!this.element.open || frame.playing || !this.pass || this.pass.step === frame.step) return;
    this.pass.step = frame.step;
    this.load(this.pass.sample);
  }

  move(by) {
    this.stage = Math.max(0, Math.min(this.pass.stages.length - 1, this.stage + by));
    this.draw();
  }

  draw() {
    const { stages, sample, samples, label, point, step } = this.pass, stage = stages[this.stage];
    const button = (id, words, act, off) =>
      el("button", { type: "button", "data-go": id, onclick: act, disabled: off }, words);
    const focus = document.activeElement?.dataset?.go;
    const place = `x = (${point.map(short).join(", ")}), class ${label}`;
    this.body.replaceChildren(
      el("p", { class: "small" }, `The pass that update ${(step + 1).toLocaleString("en")} comes from. `,
        `Sample ${sample + 1} of ${samples}: ${place}. `,
        button("other", "another sample", () => this.load(sample + 1), false)),
      el("div", { class: "row" },
        button("back", "← Back", () => this.move(-1), this.stage === 0),
        button("next", "Next →", () => this.move(1), this.stage === stages.length - 1),
        el("span", { "aria-live": "polite" }, `${this.stage + 1} of ${stages.length}: ${stage.title}`)),
      ...stage.formulas.map((formula) => el("p", { class: "formula" }, formula)),
      el("div", { class: "scroll" }, el("table", {}, el("tbody", {},
        stage.rows.map(({ name, values }) => row([name, ...values.map(short)]))))),
      stage.check ? this.check(stage) : "",
    );
    this.body.querySelector(`[data-go="${focus}"]:not(:disabled)`)?.focus();
  }

  check({ layer, check }) {
    const entries = check.analytic.flatMap((values, from) =>
      values.map((value, to) => [from, to, value, check.numeric[from][to]]));
    const last = check.analytic.length - 1;
    const off = (a, b) => (b === null ? "kink" : number(Math.abs(a - b), 2));
    const line = ([from, to, value, numeric]) => row([
      `${from === last ? "bias" : `from ${from + 1}`} to ${to + 1}`,
      number(value, 6), numeric === null ? "kink" : number(numeric, 6), off(value, numeric),
    ]);
    const largest = number(check.largest_difference, 2);
    return el("div", {},
      el("p", {}, `Largest difference from the numeric gradient (L(w + h) − L(w − h)) / 2h: ${largest}.`),
      el("div", { class: "scroll" }, el("table", {},
        head([`weight of layer ${layer}`, "backpropagation", "numeric", "difference"]),
        el("tbody", {}, entries.map(line)))));
  }
}

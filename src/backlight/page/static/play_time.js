// Time: play, pause, one step, one epoch, back to any step; and the branches that were made on the way.
import { el } from "./dom.js";
import { same } from "./play_state.js";

const SPEEDS = [
  [1, "1 step a second"], [10, "10"], [60, "60"], [300, "300"], [2000, "2,000"], ["", "as fast as it goes"],
];
const LABELS = { learning_rate: "rate", l2: "L2", batch_size: "batch", optimizer: "optimiser" };
const HOW = "Go back, change the rate, the optimiser, L2, the batch or an activation, and play: a branch begins there.";

function changes(branch, parent) {
  const changed = Object.entries(branch.settings).filter(([name, value]) => !same(value, parent.settings[name]));
  const text = (value) => (value === null ? "all" : Array.isArray(value) ? value.join(", ") : value);
  return changed.map(([name, value]) => `${LABELS[name] ?? name} ${text(value)}`).join(", ");
}

function origin(branch, branches) {
  if (!branch.origin) return "as it began";
  const { step, branch: parent } = branch.origin;
  return `from step ${step.toLocaleString("en")}${parent ? ` of branch ${parent}` : ""}: ` +
    changes(branch, branches[parent]);
}

export class Time {
  // `ask(command)` sends one to the session
  constructor(ask, hidden) {
    this.ask = ask;
    this.play = el("button", { type: "button", class: "play", onclick: () => this.toggle() }, "▶ Play");
    const button = (words, act, title) => el("button", { type: "button", onclick: act, title }, words);
    this.speed = el("select", { "aria-label": "Steps a second", onchange: () => this.playing && this.start() },
      SPEEDS.map(([value, words]) => el("option", { value, selected: value === 300 }, words)));
    this.where = el("output", { class: "step" }, "0");
    this.slider = el("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "Step: drag to go back or on" });
    this.slider.addEventListener("input", () => this.wish(Number(this.slider.value)));
    this.branches = el("div", { class: "branches", role: "group", "aria-label": "Branches" });
    this.element = el("section", { class: "time", "aria-label": "Time" },
      el("div", { class: "row" }, this.play,
        button("Step", () => this.ask({ do: "step" }), "One update"),
        button("Epoch", () => this.ask({ do: "epoch" }), "As many updates as it takes to see all samples once"),
        button("↺ Start", () => this.ask({ do: "go", branch: this.number ?? 0, step: 0 }),
          "Back to the initial weights"),
        hidden.has("speed") ? null : el("label", {}, "Speed ", this.speed),
        el("span", { class: "at" }, "step ", this.where)),
      this.slider, this.branches);
  }

  start() {
    return this.ask({ do: "play", speed: this.speed.value === "" ? null : Number(this.speed.value) });
  }

  toggle() {
    return this.playing ? this.ask({ do: "pause" }) : this.start();
  }

  // One request at a time while the slider is dragged; the last wish wins.
  async wish(step) {
    this.wanted = step;
    if (this.going) return;
    this.going = true;
    while (this.wanted !== null) {
      const next = this.wanted;
      this.wanted = null;
      await this.ask({ do: "go", branch: this.number, step: next });
    }
    this.going = false;
  }

  show(frame) {
    Object.assign(this, { playing: frame.playing, number: frame.number });
    const words = frame.playing ? "Pause" : "▶ Play";
    if (this.play.textContent !== words) this.play.textContent = words;
    this.play.disabled = frame.trouble !== null;
    this.where.textContent = frame.step.toLocaleString("en");
    this.slider.max = Math.max(frame.branches[frame.number].last, frame.step);
    if (!this.going) this.slider.value = frame.step;
    this.slider.setAttribute("aria-valuetext", `step ${frame.step}`);
    const shape = JSON.stringify([frame.branches.map(({ origin, settings }) => [origin, settings]), frame.number]);
    if (shape !== this.shape) this.list(frame);
    this.shape = shape;
  }

  list({ branches, number: current }) {
    if (branches.length < 2) return this.branches.replaceChildren(el("p", { class: "small" }, HOW));
    this.branches.replaceChildren(...branches.map((branch, at) => el("button", {
      type: "button", "aria-pressed": String(at === current),
      onclick: () => this.ask({ do: "go", branch: at, step: branch.last }),
    }, `${at ? `Branch ${at}` : "Trunk"}: ${origin(branch, branches)}`)));
  }
}

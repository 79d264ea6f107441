// What would other seeds do? Their accuracies as a histogram, and how often they fail.
import { el } from "./dom.js";

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

export class Seeds {
  constructor(ask) {
    this.ask = ask;
    this.button = el("button", { type: "button", onclick: () => this.act() }, "What would 1,000 other seeds do?");
    this.body = el("div", { "aria-live": "polite" });
    this.element = el("section", { class: "card", "aria-label": "Other seeds" },
      el("h3", {}, "Other seeds"), this.button, this.body);
  }

  act() {
    return this.ask(this.busy ? { do: "stop-seeds" } : { do: "seeds", count: 1000 });
  }

  show(job) {
    this.busy = job !== null && job.result === null && !job.error;
    this.button.textContent = this.busy ? "Stop" : "What would 1,000 other seeds do?";
    if (job === null) return this.body.replaceChildren();
    if (job.error) return this.body.replaceChildren(el("p", {}, job.error));
    this.body.replaceChildren(...(this.busy ? progress(job.share) : told(job.result)));
    this.body.querySelectorAll("[data-share]").forEach((bar) => { bar.style.height = `${100 * bar.dataset.share}%`; });
  }
}

const progress = (share) => [
  el("progress", { max: 1, value: share, "aria-label": "Networks trained" }), ` ${percent(share)}`,
];

function told(result) {
  const bins = result.histogram.length, most = Math.max(...result.histogram, 1);
  const bars = result.histogram.map((count, at) => {
    const title = `${percent(at / bins)} to ${percent((at + 1) / bins)}: ${count} networks`;
    return el("span", { class: "bar-box", title }, el("i", { "data-share": count / most }));
  });
  const label = `Histogram of held-out accuracies, in ${bins} bins from 0 to 100 %: ${result.histogram.join(", ")}`;
  return [
    el("p", {}, words(result)),
    el("div", { class: "histogram", role: "img", "aria-label": label }, bars),
    el("p", { class: "small axis" }, ["0 %", "held-out accuracy", "100 %"].map((each) => el("span", {}, each))),
  ];
}

function words({ count, steps, accuracy, below, dead, diverged }) {
  const [low, quarter, middle, threeQuarters, high] = accuracy.at(-1).map(percent);
  const how = `same data and settings, other weights, ${steps.at(-1).toLocaleString("en")} steps`;
  const spread = `half lie in ${quarter}–${threeQuarters}, nine in ten in ${low}–${high}`;
  return `${count.toLocaleString("en")} networks, ${how}: held-out accuracy has the median ${middle}, ${spread}. ` +
    `This one does better than ${percent(below)} of them. ` +
    (dead ? `${dead} have a dead layer. ` : "") + (diverged ? `${diverged} went to NaN. ` : "");
}

// What would other seeds do? Their accuracies as a histogram, and how often they fail.
import { el } from "./dom.js";

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

export class Seeds {
  constructor(ask) {
    this.ask = ask;
    this.button = el("button", { type: "button", onclick: () => this.act() }, "What would 1,000 other seeds do?");
    this.body = el("div", { "aria-live": "polite" });
    this.element = el("section", { class: "card", "aria-label": "Other seeds" }, el("h3", {}, "Other seeds"), this.button, this.body);
  }

  act() {
    return this.ask(this.busy ? { do: "stop-seeds" } : { do: "seeds", count: 1000 });
  }

  show(job) {
    this.busy = job !== null && job.result === null && !job.error;
    this.button.textContent = this.busy ? "Stop" : "What would 1,000 other seeds do?";
    if (job === null) return this.body.replaceChildren();
    if (job.error) return this.body.replaceChildren(el("p", {}, job.error));
    if (this.busy) return this.body.replaceChildren(el("progress", { max: 1, value: job.share, "aria-label": "Networks trained" }), ` ${percent(job.share)}`);
    const { result } = job, last = result.accuracy.at(-1), steps = result.steps.at(-1);
    const most = Math.max(...result.histogram, 1), bins = result.histogram.length;
    const bars = result.histogram.map((count, at) => el("span", { class: "bar-box", title: `${percent(at / bins)} to ${percent((at + 1) / bins)}: ${count} networks` }, el("i", { "data-share": count / most })));
    const words = `${result.count.toLocaleString("en")} networks, same data and settings, other weights, ${steps.toLocaleString("en")} steps: held-out accuracy has the median ${percent(last[2])}, half lie in ${percent(last[1])}–${percent(last[3])}, nine in ten in ${percent(last[0])}–${percent(last[4])}. This one does better than ${percent(result.below)} of them. ${result.dead ? `${result.dead} have a dead layer. ` : ""}${result.diverged ? `${result.diverged} went to NaN. ` : ""}`;
    this.body.replaceChildren(el("p", {}, words), el("div", { class: "histogram", role: "img", "aria-label": `Histogram of held-out accuracies, in ${bins} bins from 0 to 100 %: ${result.histogram.join(", ")}` }, bars), el("p", { class: "small axis" }, el("span", {}, "0 %"), el("span", {}, "held-out accuracy"), el("span", {}, "100 %")));
    this.body.querySelectorAll("[data-share]").forEach((bar) => { bar.style.height = `${100 * bar.dataset.share}%`; });
  }
}

// The steps that all pictures of a page show, and the controls for them.
import { el } from "./dom.js";

// `all` is the range of what is recorded; as long as nothing is chosen, it is shown and grows with the run.
export function stepRange() {
  const listeners = new Set();
  const range = {
    all: [0, 1],
    chosen: null,
    shown: () => range.chosen ?? range.all,
    query: () => (range.chosen ? `&first=${range.chosen[0]}&last=${range.chosen[1]}` : ""),
    listen: (listener) => listeners.add(listener),
    grow(last) {
      if (last <= range.all[1]) return;
      range.all = [0, last];
      tell(false);
    },
    choose(first, last) {
      const [low, high] = range.all;
      first = Math.max(low, Math.round(Math.min(first, high - 1)));
      last = Math.min(high, Math.max(Math.round(last), first + 1));
      range.chosen = first <= low && last >= high ? null : [first, last];
      tell(true);
    },
    zoom(factor, centre) {
      const [first, last] = range.shown();
      const middle = centre ?? (first + last) / 2;
      range.choose(middle - (middle - first) * factor, middle + (last - middle) * factor);
    },
    everything() {
      range.chosen = null;
      tell(true);
    },
  };
  const tell = (other) => listeners.forEach((listener) => listener(other));
  return range;
}

export function rangeControls(range) {
  const field = (label) => el("input", { type: "number", min: 0, step: 1, "aria-label": label });
  const [first, last] = [field("first step shown"), field("last step shown")];
  const show = () => {
    const [low, high] = range.shown();
    if (document.activeElement !== first) first.value = low;
    if (document.activeElement !== last) last.value = high;
    whole.disabled = range.chosen === null;
  };
  const apply = () => range.choose(Number(first.value), Number(last.value));
  first.addEventListener("change", apply);
  last.addEventListener("change", apply);
  const button = (words, label, act) => el("button", { type: "button", "aria-label": label, onclick: act }, words);
  const whole = button("All steps", "show all steps", () => range.everything());
  range.listen(show);
  show();
  return el("div", { class: "range", role: "group", "aria-label": "Steps shown in all pictures" },
    el("label", {}, "Steps ", first), el("label", {}, "to ", last), whole,
    button("−", "show more steps", () => range.zoom(2)), button("+", "show fewer steps", () => range.zoom(0.5)));
}

// One unit in numbers: its formula with the current numbers filled in, and each weight beside its gradient and update.
import { el, number } from "./dom.js";
import { floats } from "./play_colours.js";
import { place } from "./play_network.js";
import { head, row } from "./table.js";

const SUB = "₀₁₂₃₄₅₆₇₈₉";
const FUNCTIONS = {
  tanh: (z) => `tanh(${z})`, sigmoid: (z) => `1 / (1 + e^−(${z}))`, relu: (z) => `max(${z}, 0)`,
  leaky_relu: (z) => `max(${z}, 0.1 · ${z})`, identity: (z) => z,
};
const NOTHING = "Choose a unit or a line: its formula appears here with the current numbers in it.";
const SOFTMAX = "The softmax of all logits gives the classes' probabilities.";
const short = (value) => number(value, 3);
const signed = (value) => (value < 0 ? ` − ${short(-value)}` : ` + ${short(value)}`);
const sub = (value) => [...String(value)].map((digit) => SUB[digit]).join("");

// How each optimiser comes to the update of a weight, with its numbers filled in.
const RULES = {
  sgd: ({ rate, gradient, delta }) => `Δw = −η ∂L/∂w = −${rate} · ${number(gradient)} = ${delta}`,
  momentum: ({ gradient, memory, at, delta }) =>
    `v ← 0.9 v + ∂L/∂w = 0.9 · ${number(memory[at])} + ${number(gradient)}; Δw = −η v = ${delta}`,
  adam({ gradient, memory, at, clock, delta }) {
    const size = memory.length / 2, step = clock + 1;
    const first = memory[at] + 0.1 * (gradient - memory[at]);
    const second = memory[size + at] + 0.001 * (gradient ** 2 - memory[size + at]);
    const means = `m̂ = ${number(first / (1 - 0.9 ** step))}, v̂ = ${number(second / (1 - 0.999 ** step))}`;
    return `${means}; Δw = −η m̂ / (√v̂ + 10⁻⁸) = ${delta}`;
  },
};

export class UnitCard {
  constructor() {
    this.element = el("section", { class: "card unit-card", "aria-label": "The chosen unit in numbers" });
  }

  show(chosen, frame, settings, sizes) {
    if (chosen && chosen.layer > 0 && chosen.layer < sizes.length && chosen.unit < sizes[chosen.layer]) {
      return this.element.replaceChildren(...this.numbers(chosen, frame, settings, sizes));
    }
    const axis = chosen?.unit === 0 ? "x₁, the horizontal" : "x₂, the vertical";
    const words = chosen?.layer === 0 ? `${axis} coordinate of the point.` : NOTHING;
    this.element.replaceChildren(el("h3", {}, "In numbers"), el("p", { class: "small" }, words));
  }

  numbers(chosen, frame, settings, sizes) {
    const { layer, unit } = chosen, last = sizes.length - 1;
    const parameters = floats(frame.parameters), gradients = floats(frame.gradients), updates = floats(frame.updates);
    const below = layer === 1 ? frame.point : [...floats(frame.probe[layer - 2].a)];
    const names = below.map((_, at) => (layer === 1 ? `x${sub(at + 1)}` : `a${sub(at + 1)}`));
    const z = floats(frame.probe[layer - 1].z)[unit], a = floats(frame.probe[layer - 1].a)[unit];
    const at = (from) => place(sizes, layer, from, unit);
    const terms = below.map((value, from) => `${short(parameters[at(from)])} · ${short(value)}`);
    const sum = terms.join(" + ").replaceAll("+ −", "− ");
    const rows = [...names, "bias"].map((name, from) => [name, at(from), from]);
    const values = (each) => [parameters[each], gradients[each], updates[each], parameters[each] + updates[each]];
    const line = ([name, each, from]) =>
      row([name, ...values(each).map((value) => number(value))], { class: chosen.from === from ? "chosen" : "" });
    const probe = `(${short(frame.point[0])}, ${short(frame.point[1])})`;
    return [
      el("h3", {}, layer === last ? `Logit of class ${unit}` : `Unit ${unit + 1} of layer ${layer}`),
      el("p", { class: "formula" }, `z = ${names.map((name, each) => `w${sub(each + 1)} ${name}`).join(" + ")} + b`),
      el("p", { class: "formula" }, `= ${sum}${signed(parameters[at(below.length)])} = ${short(z)}`),
      layer === last ? el("p", { class: "small" }, SOFTMAX) :
        el("p", { class: "formula" }, `a = ${FUNCTIONS[settings.activations[layer - 1]](short(z))} = ${short(a)}`),
      el("p", { class: "small" }, `at the point ${probe}; click into the plane for another one`),
      el("div", { class: "scroll" }, el("table", {},
        head(["from", "weight", "gradient", "next update", "then"]), el("tbody", {}, rows.map(line)))),
      this.update(chosen, rows, { gradients, updates }, frame, settings),
    ];
  }

  // The optimiser's formula for the chosen weight, or for the first.
  update(chosen, rows, { gradients, updates }, frame, settings) {
    const [name, at] = rows.find(([, , from]) => from === chosen.from) ?? rows[0];
    const formula = RULES[settings.optimizer]({
      gradient: gradients[at], memory: floats(frame.memory), at, clock: frame.clock,
      rate: number(settings.learning_rate), delta: number(updates[at]),
    });
    const penalty = settings.l2 && name !== "bias" ? "; the gradient holds λ w" : "";
    return el("p", { class: "small formula" }, `of the weight from ${name}: ${formula}${penalty}`);
  }
}

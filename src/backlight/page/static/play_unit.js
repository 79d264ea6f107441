// One unit in numbers: its formula with the current numbers filled in, and each weight beside its gradient and update.
import { floats } from "./colours.js";
import { el, number } from "./dom.js";
import { place } from "./play_network.js";

const SUB = "₀₁₂₃₄₅₆₇₈₉";
const FUNCTIONS = {
  tanh: (z, a) => `tanh(${z}) = ${a}`, sigmoid: (z, a) => `1 / (1 + e^−(${z})) = ${a}`, relu: (z, a) => `max(${z}, 0) = ${a}`,
  leaky_relu: (z, a) => `max(${z}, 0.1 · ${z}) = ${a}`, identity: (z, a) => `${z} = ${a}`,
};
const short = (value) => number(value, 3);
const signed = (value) => (value < 0 ? ` − ${short(-value)}` : ` + ${short(value)}`);
const sub = (value) => [...String(value)].map((digit) => SUB[digit]).join("");

export class UnitCard {
  constructor() {
    this.element = el("section", { class: "card unit-card", "aria-label": "The chosen unit in numbers" });
  }

  show(chosen, frame, settings, sizes) {
    if (!chosen || chosen.layer === 0 || chosen.layer >= sizes.length || chosen.unit >= sizes[chosen.layer]) {
      const words = chosen?.layer === 0 ? `${chosen.unit === 0 ? "x₁, the horizontal" : "x₂, the vertical"} coordinate of the point.` : "Choose a unit or a line: its formula appears here with the current numbers in it.";
      this.element.replaceChildren(el("h3", {}, "In numbers"), el("p", { class: "small" }, words));
      return;
    }
    const { layer, unit } = chosen, last = sizes.length - 1;
    const parameters = floats(frame.parameters), gradients = floats(frame.gradients), updates = floats(frame.updates);
    const below = layer === 1 ? frame.point : [...floats(frame.probe[layer - 2].a)];
    const names = below.map((_, at) => (layer === 1 ? `x${sub(at + 1)}` : `a${sub(at + 1)}`));
    const z = floats(frame.probe[layer - 1].z)[unit], a = floats(frame.probe[layer - 1].a)[unit];
    const weights = below.map((_, from) => parameters[place(sizes, layer, from, unit)]);
    const bias = parameters[place(sizes, layer, below.length, unit)];
    const sum = weights.map((weight, at) => `${short(weight)} · ${short(below[at])}`).join(" + ").replaceAll("+ −", "− ");
    const rows = [...weights.map((_, from) => [names[from], place(sizes, layer, from, unit), from]), ["bias", place(sizes, layer, below.length, unit), below.length]];
    const title = layer === last ? `Logit of class ${unit}` : `Unit ${unit + 1} of layer ${layer}`;
    this.element.replaceChildren(
      el("h3", {}, title),
      el("p", { class: "formula" }, `z = ${names.map((name, at) => `w${sub(at + 1)} ${name}`).join(" + ")} + b`),
      el("p", { class: "formula" }, `= ${sum}${signed(bias)} = ${short(z)}`),
      layer === last ? el("p", { class: "small" }, "The softmax of all logits gives the classes' probabilities.") : el("p", { class: "formula" }, `a = ${FUNCTIONS[settings.activations[layer - 1]](short(z), short(a))}`),
      el("p", { class: "small" }, `at the point (${short(frame.point[0])}, ${short(frame.point[1])}); click into the plane for another one`),
      el("div", { class: "scroll" }, el("table", {},
        el("thead", {}, el("tr", {}, ["from", "weight", "gradient", "next update", "then"].map((word) => el("th", { scope: "col" }, word)))),
        el("tbody", {}, rows.map(([name, at, from]) => el("tr", { class: chosen.from === from ? "chosen" : "" },
          el("th", { scope: "row" }, name), [parameters[at], gradients[at], updates[at], parameters[at] + updates[at]].map((value) => el("td", {}, number(value)))))))),
      this.update(chosen, rows, { parameters, gradients, updates }, frame, settings),
    );
  }

  // The optimiser's formula for the chosen weight, or for the first.
  update(chosen, rows, { gradients, updates }, frame, settings) {
    const [name, at] = rows.find(([, , from]) => from === chosen.from) ?? rows[0];
    const memory = floats(frame.memory), size = memory.length / 2;
    const rate = number(settings.learning_rate), g = number(gradients[at]), delta = number(updates[at]);
    let formula;
    if (settings.optimizer === "sgd") formula = `Δw = −η ∂L/∂w = −${rate} · ${g} = ${delta}`;
    else if (settings.optimizer === "momentum") formula = `v ← 0.9 v + ∂L/∂w = 0.9 · ${number(memory[at])} + ${g}; Δw = −η v = ${delta}`;
    else {
      const first = memory[at] + 0.1 * (gradients[at] - memory[at]);
      const second = memory[size + at] + 0.001 * (gradients[at] ** 2 - memory[size + at]);
      const step = frame.clock + 1;
      formula = `m̂ = ${number(first / (1 - 0.9 ** step))}, v̂ = ${number(second / (1 - 0.999 ** step))}; Δw = −η m̂ / (√v̂ + 10⁻⁸) = ${delta}`;
    }
    const penalty = settings.l2 && name !== "bias" ? "; the gradient holds λ w" : "";
    return el("p", { class: "small formula" }, `of the weight from ${name}: ${formula}${penalty}`);
  }
}

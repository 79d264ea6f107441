// The network: a picture per unit, a line per weight. A unit is a button; its weights are told in words and numbers.
import { el, number, svg } from "./dom.js";
import { bytes, paint, unitTable } from "./play_colours.js";

const TABLE = unitTable();
const ACTIVATIONS = ["tanh", "sigmoid", "relu", "leaky_relu", "identity"];
const MOST_LAYERS = 6, MOST_UNITS = 12;

// Index of W[from][to] (or of the bias, from = inputs) of layer (from 1) among the flat parameters.
export function place(sizes, layer, from, to) {
  let at = 0;
  for (let below = 1; below < layer; below++) at += (sizes[below - 1] + 1) * sizes[below];
  return at + from * sizes[layer] + to;
}

export class Network {
  // `onChoose({layer, unit, from})`; `onChange(hidden, activations)`
  constructor({ onChoose, onChange, hidden }) {
    Object.assign(this, { onChoose, onChange, hiddenControls: hidden, sizes: [], chosen: null });
    this.links = svg("svg", { class: "links", "aria-hidden": "true" });
    this.columns = el("div", { class: "columns" });
    this.element = el("div", { class: "network", role: "group", "aria-label": "Network" }, this.links, this.columns);
    new ResizeObserver(() => this.join()).observe(this.columns);
  }

  build({ hidden, activations }, classes) {
    const sizes = [2, ...hidden, classes];
    if (JSON.stringify([sizes, activations]) === JSON.stringify([this.sizes, this.activations])) return;
    const focused = document.activeElement?.dataset?.unit;
    Object.assign(this, { sizes, activations, hidden });
    this.units = sizes.map((count, layer) => Array.from({ length: count }, (_, unit) => this.unit(layer, unit)));
    this.columns.replaceChildren(...sizes.map((_, layer) => this.column(layer)));
    this.paintInputs();
    this.join();
    if (focused) this.columns.querySelector(`[data-unit="${focused}"]`)?.focus();
  }

  name(layer, unit) {
    if (layer === 0) return `x${"₁₂"[unit]}`;
    return layer === this.sizes.length - 1 ? `class ${unit}` : `${unit + 1}`;
  }

  longName(layer, unit) {
    if (layer === 0) return `Input ${this.name(0, unit)}`;
    return layer === this.sizes.length - 1 ? `Logit of class ${unit}` : `Unit ${unit + 1} of layer ${layer}`;
  }

  unit(layer, unit) {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const button = el("button", {
      class: "unit", type: "button", "aria-label": this.longName(layer, unit), "data-unit": `${layer}-${unit}`,
      onclick: () => this.onChoose({ layer, unit }),
    }, canvas, el("span", { class: "unit-name", "aria-hidden": "true" }, this.name(layer, unit)));
    button.addEventListener("pointerenter", () => layer && this.onChoose({ layer, unit }, true));
    return { canvas, button };
  }

  column(layer) {
    const units = this.units[layer].map(({ button }) => button);
    return el("div", { class: "column" }, el("div", { class: "head" }, this.head(layer)), units);
  }

  head(layer) {
    if (layer === 0) return el("b", {}, "Inputs");
    if (layer < this.sizes.length - 1) return this.hiddenHead(layer);
    return [el("b", {}, "Outputs"), this.hiddenControls.has("layers") ? null : this.adder()];
  }

  hiddenHead(layer) {
    const exchange = (event) => this.exchange(layer, event.target.value);
    const select = el("select", { "aria-label": `Activation of layer ${layer}`, onchange: exchange },
      ACTIVATIONS.map((name) => el("option", { value: name, selected: name === this.activations[layer - 1] }, name)));
    const fixed = this.hiddenControls.has("layers");
    const button = (text, label, onclick, disabled) =>
      el("button", { type: "button", class: "tiny", "aria-label": label, title: label, disabled, onclick }, text);
    const width = this.hidden[layer - 1];
    return [
      el("b", {}, `Layer ${layer}`),
      this.hiddenControls.has("activations") ? el("span", {}, this.activations[layer - 1]) : select,
      fixed ? null : el("span", {},
        button("−", `One unit fewer in layer ${layer}`, () => this.resize(layer, width - 1), false),
        button("+", `One unit more in layer ${layer}`, () => this.resize(layer, width + 1), width >= MOST_UNITS)),
    ];
  }

  adder() {
    const words = "One more hidden layer";
    return el("button", {
      type: "button", class: "tiny", title: words, "aria-label": words, disabled: this.hidden.length >= MOST_LAYERS,
      onclick: () => this.onChange([...this.hidden, 3], [...this.activations, this.activations.at(-1) ?? "tanh"]),
    }, "+ layer");
  }

  exchange(layer, name) {
    this.onChange(this.hidden, this.activations.with(layer - 1, name));
  }

  resize(layer, width) {
    if (width > 0) return this.onChange(this.hidden.with(layer - 1, width), this.activations);
    this.onChange(this.hidden.toSpliced(layer - 1, 1), this.activations.toSpliced(layer - 1, 1));
  }

  paintInputs() {
    const side = 30;
    [0, 1].forEach((axis) => {
      const cells = Uint8Array.from({ length: side * side }, (_, at) => {
        const share = axis === 0 ? (at % side) / (side - 1) : 1 - Math.floor(at / side) / (side - 1);
        return Math.round(254 * share);
      });
      paint(this.units[0][axis].canvas, cells, TABLE);
    });
  }

  // Draws the lines anew between where the units stand now.
  join() {
    if (!this.units) return;
    const box = this.columns.getBoundingClientRect();
    this.links.setAttribute("width", this.columns.scrollWidth);
    this.links.setAttribute("height", this.columns.scrollHeight);
    const ends = this.units.map((column) => column.map(({ button }) => {
      const each = button.getBoundingClientRect();
      return { left: each.left - box.left, right: each.right - box.left, y: each.top - box.top + each.height / 2 };
    }));
    this.paths = [];
    for (let layer = 1; layer < this.sizes.length; layer++) {
      for (let from = 0; from < this.sizes[layer - 1]; from++) {
        for (let unit = 0; unit < this.sizes[layer]; unit++) {
          const a = ends[layer - 1][from], b = ends[layer][unit], middle = (a.right + b.left) / 2;
          const d = `M${a.right} ${a.y}C${middle} ${a.y} ${middle} ${b.y} ${b.left} ${b.y}`;
          const path = svg("path", { d, class: "link" }), reach = svg("path", { d, class: "reach" });
          reach.addEventListener("pointerenter", () => this.onChoose({ layer, unit, from }, true));
          reach.addEventListener("click", () => this.onChoose({ layer, unit, from }));
          this.paths.push({ path, reach, at: place(this.sizes, layer, from, unit), layer, unit, from });
        }
      }
    }
    this.links.replaceChildren(...this.paths.map(({ path }) => path), ...this.paths.map(({ reach }) => reach));
    if (this.parameters) this.drawLinks();
  }

  drawLinks() {
    const sizes = this.paths.map(({ at }) => Math.abs(this.parameters[at]));
    const largest = Math.max(1e-9, ...sizes.filter(Number.isFinite));
    const scale = 7 / Math.max(2, largest);
    for (const { path, at, layer, unit, from } of this.paths) {
      const weight = this.parameters[at], broken = !Number.isFinite(weight);
      path.setAttribute("stroke-width", broken ? 2 : Math.max(0.4, Math.abs(weight) * scale));
      const kind = broken ? "broken" : weight < 0 ? "negative" : "positive";
      path.setAttribute("class", `link ${kind}${this.isChosen(layer, unit, from) ? " chosen" : ""}`);
    }
  }

  // Whether a line is the chosen one, or one of the chosen unit's.
  isChosen(layer, unit, from) {
    const { chosen } = this;
    return chosen?.layer === layer && chosen.unit === unit && (chosen.from === undefined || chosen.from === from);
  }

  choose(chosen) {
    this.chosen = chosen;
    const name = `${chosen?.layer}-${chosen?.unit}`;
    this.units?.flat().forEach(({ button }) => button.classList.toggle("chosen", button.dataset.unit === name));
    if (this.parameters && this.paths) this.drawLinks();
  }

  show(frame, parameters) {
    this.parameters = parameters;
    const dead = new Set(frame.dead.map(([layer, unit]) => `${layer}-${unit - 1}`));
    const saturated = new Set(frame.saturated.map(([layer, unit]) => `${layer}-${unit - 1}`));
    frame.units.forEach(({ cells, scales }, below) => {
      const all = bytes(cells), size = all.length / scales.length;
      this.units[below + 1].forEach(({ canvas, button }, unit) => {
        paint(canvas, all.subarray(unit * size, (unit + 1) * size), TABLE);
        const state = dead.has(button.dataset.unit) ? "dead" : saturated.has(button.dataset.unit) ? "saturated" : "";
        if (button.dataset.state !== state) {
          button.dataset.state = state;
          button.setAttribute("aria-description", state);
        }
        const who = `${button.getAttribute("aria-label")}${state ? `, ${state}` : ""}`;
        button.title = `${who}: largest value over the plane ${number(scales[unit], 3)}`;
      });
    });
    this.drawLinks();
  }
}

// What a network is trained on, and how. Each control is one setting; those named in `hide` are left out.
import { post } from "./api.js";
import { clearTrouble, el, showTrouble } from "./dom.js";
import { CLASS_NAMES } from "./play_colours.js";
import { kept, writeAddress } from "./play_state.js";

const DATA = {
  moons: "Moons", circles: "Circles", blobs: "Blobs", spirals: "Spirals", xor: "XOR", formula: "y > f(x)",
  own: "My own points",
};
const OPTIMIZERS = { sgd: "Gradient descent", momentum: "Momentum 0.9", adam: "Adam" };
const MANY = ["blobs", "spirals"];  // shapes of any number of classes
const HIDEABLE = {
  data: "data", own: "own points", samples: "samples", noise: "noise", classes: "classes", seed: "seed",
  layers: "layers and units", activations: "activations", init_scale: "initial scale", optimizer: "optimiser",
  learning_rate: "learning rate", l2: "L2", batch_size: "batch", speed: "speed", seeds: "other seeds",
  backward: "backward pass", unit: "numbers of a unit", export: "code and weights", link: "this panel",
};

export class Controls {
  // `onChange(changes)`: some settings, as an object; `boundary`: where points are drawn
  constructor({ onChange, hidden, boundary }) {
    Object.assign(this, { onChange, hidden, boundary, settings: null, inputs: {} });
    this.data = el("section", { class: "controls", "aria-label": "Data" }, el("h2", {}, "Data"),
      this.choice("data", "Data set", DATA, (data) => this.chooseData(data)),
      this.field("formula", "f(x)", { type: "text", maxlength: 200 }),
      this.drawing(),
      this.field("samples", "Samples", { type: "number", min: 10, max: 2000, step: 10 }),
      this.field("noise", "Noise", { type: "number", min: 0, max: 2, step: 0.05 }),
      this.field("classes", "Classes", { type: "number", min: 2, max: 5, step: 1 }),
      this.seed());
    this.training = el("section", { class: "controls", "aria-label": "Training" }, el("h2", {}, "Training"),
      this.choice("optimizer", "Optimiser", OPTIMIZERS, (optimizer) => onChange({ optimizer })),
      this.field("learning_rate", "Learning rate", { type: "number", min: 0, step: "any" }),
      this.field("l2", "L2 (λ)", { type: "number", min: 0, max: 100, step: "any" }),
      this.field("batch_size", "Batch", { type: "number", min: 1, max: 2000, step: 1, placeholder: "all" }),
      this.field("init_scale", "Initial scale", { type: "number", min: 0, max: 100, step: "any" }));
  }

  labelled(name, words, input) {
    this.inputs[name] = input;
    const named = { class: "setting", "data-setting": name, hidden: this.hidden.has(name) };
    return el("label", named, el("span", {}, words), input);
  }

  choice(name, words, options, act) {
    return this.labelled(name, words, el("select", { onchange: (event) => act(event.target.value) },
      Object.entries(options).map(([value, label]) => el("option", { value }, label))));
  }

  field(name, words, attributes) {
    const number = attributes.type === "number";
    return this.labelled(name, words, el("input", { ...attributes, onchange: (event) => {
      const text = event.target.value.trim();
      const unset = name === "batch_size" ? null : this.settings[name];
      this.onChange({ [name]: !number ? text : text === "" ? unset : Number(text) });
    } }));
  }

  seed() {
    const label = this.field("seed", "Seed", { type: "number", min: 0, max: 2147483647, step: 1 });
    label.append(el("button", {
      type: "button", class: "tiny", title: "Another seed: other weights, other points", "aria-label": "Another seed",
      onclick: () => this.onChange({ seed: (this.settings.seed + 1) % 2 ** 31 }),
    }, "↻"));
    return label;
  }

  chooseData(data) {
    if (data === "own") {
      this.inputs.data.value = this.settings.data;
      return this.open(0);
    }
    this.onChange({ data, classes: MANY.includes(data) ? this.settings.classes : 2 });
  }

  drawing() {
    this.pens = CLASS_NAMES.map((name, label) => el("button", {
      type: "button", class: "pen", "data-class": label, "aria-pressed": "false", onclick: () => this.open(label),
    }, name));
    const file = el("input", {
      type: "file", accept: ".csv,.txt,.tsv", "aria-label": "CSV: two columns of numbers and a class",
      onchange: (event) => this.load(event.target.files[0]),
    });
    const act = (words, run) => el("button", { type: "button", onclick: run }, words);
    return el("details", { class: "setting-group", hidden: this.hidden.has("own") },
      el("summary", {}, "Draw points, or load a CSV"),
      el("p", { class: "small" },
        "Choose a colour and draw into the plane; with the keyboard: arrow keys, then Enter."),
      el("div", { class: "row" }, this.pens),
      el("div", { class: "row" }, act("Train on them", () => this.use()), act("Clear", () => this.clear()),
        act("Cancel", () => this.close())),
      el("label", { class: "small" }, "CSV ", file));
  }

  open(label) {
    const points = this.boundary.drawing === null ? [...this.settings.points] : this.boundary.own;
    this.boundary.draw(label, points);
    this.data.querySelector("details").open = true;
    this.mark(label);
  }

  clear() {
    this.boundary.draw(0, []);
    this.mark(0);
  }

  mark(label) {
    this.pens.forEach((pen, at) => pen.setAttribute("aria-pressed", String(at === label)));
  }

  close() {
    this.mark(null);
    this.boundary.draw(null, []);
    this.onClosed?.();
  }

  use() {
    const points = kept(this.boundary.drawing === null ? this.settings.points : this.boundary.own);
    const classes = new Set(points.map(([, , label]) => label));
    if (classes.size < 2) return showTrouble(new Error("draw points of at least two colours first"));
    this.close();
    this.onChange({ data: "own", points, classes: 2 });
  }

  async load(file) {
    if (!file) return;
    try {
      const { points } = await post("/api/playground/csv", { text: await file.text() });
      clearTrouble();
      this.close();
      this.onChange({ data: "own", points: kept(points), classes: 2 });
    } catch (error) {
      showTrouble(error);
    }
  }

  show(settings) {
    this.settings = settings;
    for (const [name, input] of Object.entries(this.inputs)) {
      const value = settings[name] ?? "";
      if (document.activeElement !== input && input.value !== String(value)) input.value = value;
    }
    const generated = settings.data !== "own";
    this.hide("formula", settings.data !== "formula");
    this.hide("samples", !generated);
    this.hide("noise", !generated);
    this.hide("classes", !MANY.includes(settings.data));
  }

  hide(name, away) {
    this.inputs[name].closest("label").hidden = away || this.hidden.has(name);
  }
}

// The link that restores what is shown now, and hides from a class what is ticked.
export class LinkPanel {
  constructor(way, hide) {
    this.boxes = Object.entries(HIDEABLE).map(([name, words]) => [
      name, el("input", { type: "checkbox", checked: hide.includes(name), onchange: () => this.write() }), words,
    ]);
    this.link = el("input", {
      readonly: true, "aria-label": "Link that restores this", onfocus: (event) => event.target.select(),
    });
    this.way = way;
    this.element = el("details", { class: "card" }, el("summary", {}, "Link to this, and what it hides from a class"),
      el("p", { class: "small" }, "The address of this page holds data, settings, branch and step. ",
        "Whoever opens it on a page of their own sees the same, to the bit."),
      el("div", { class: "ticks" }, this.boxes.map(([, box, words]) => el("label", {}, box, ` hide ${words}`))),
      this.link);
    this.element.addEventListener("toggle", () => this.write());
  }

  write() {
    const hide = this.boxes.filter(([, box]) => box.checked).map(([name]) => name);
    this.link.value = `${location.origin}/${writeAddress({ ...this.way(), hide })}`;
  }
}

// Taking it away: Python code that trains the same network, and the weights as they are.
import { el } from "./dom.js";
import { floats } from "./play_colours.js";
import { place } from "./play_network.js";

const LEGS = "# a network whose settings were changed on the way: take its weights, or a link to this page";
const OWN = "# points that were drawn or made by a formula: take the weights, or a link to this page";

function python(value) {
  if (value === null) return "None";
  if (!Array.isArray(value)) return JSON.stringify(value);
  return `(${value.map(python).join(", ")}${value.length === 1 ? "," : ""})`;
}

function code({ settings, legs, step }, sizes) {
  if (legs.length) return LEGS;
  if (["own", "formula"].includes(settings.data)) return OWN;
  const { samples, noise, classes, seed } = settings, name = python(settings.data);
  const extra = ["optimizer", "batch_size", "init_scale"].map((each) => `${each}=${python(settings[each])}`);
  return `import backlight as bl

data = bl.load_points(${name}, ${samples}, ${samples}, noise=${noise}, classes=${classes}, seed=${seed})
networks = bl.Population.initialised(
    ${python(sizes)}, ${settings.hidden.length ? python(settings.activations) : '"tanh"'}, seeds=[${seed}],
    learning_rate=${settings.learning_rate}, l2=${settings.l2}, ${extra.join(", ")},
)
outcome = bl.train_population(networks, [data], steps=${Math.max(1, step)}, dtype="float64", threads=1)
network = outcome.network(0)
print(outcome.test_accuracy[-1, 0], network.parameters)
`;
}

// [{W: [[…]], b: […]}, …]: W has a row for each input
function weights(parameters, sizes) {
  return sizes.slice(1).map((width, at) => {
    const row = (from) => Array.from({ length: width }, (_, to) => parameters[place(sizes, at + 1, from, to)]);
    return { W: Array.from({ length: sizes[at] }, (_, from) => row(from)), b: row(sizes[at]) };
  });
}

export class Export {
  // `current()`: {way, parameters, sizes} of what is shown
  constructor(current) {
    this.current = current;
    this.code = el("textarea", { readonly: true, rows: 12, "aria-label": "Python code", spellcheck: "false" });
    this.element = el("details", { class: "card" }, el("summary", {}, "Take it away"),
      el("p", { class: "small" }, "Python code that trains the same network to the same weights:"), this.code,
      el("button", { type: "button", onclick: () => this.save() }, "Save weights as JSON"));
    this.element.addEventListener("toggle", () => this.show());
  }

  show() {
    if (!this.element.open) return;
    const { way, sizes } = this.current(), text = code(way, sizes);
    if (this.code.value !== text) this.code.value = text;
  }

  save() {
    const { way, parameters, sizes } = this.current();
    const layers = weights(floats(parameters), sizes);
    const text = JSON.stringify({ settings: way.settings, changes: way.legs, step: way.step, layers }, null, 1);
    const href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = el("a", { href, download: `backlight-step-${way.step}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}

// "Train here": the settings of `backlight train`, started in a process of the server.
import { get, post } from "./api.js";
import { clearTrouble, el, showTrouble } from "./dom.js";
import { runsQuery } from "./runs_pictures.js";
import { folded } from "./table.js";

const USUAL = ["data", "layers", "activation", "optimizer", "learning_rate", "steps", "epochs", "record_every", "seed"];
const GOING = ["starting", "training", "stopping"];

export function trainingForm(known) {
  const going = el("div", { role: "status" });
  const box = folded("Train here", () => forms);
  const forms = el("div", {}, "…");
  box.addEventListener("toggle", async () => {
    if (!box.open || forms.dataset.made) return;
    forms.dataset.made = true;
    const found = await get("/api/runs/forms");
    forms.replaceChildren(...Object.entries(found).map(([kind, form]) => formOf(kind, form, known)));
  });

  const lines = new Map(); // name → {state, line, text}

  function news() {
    for (const [name, { state, line }] of Object.entries(known.trainings)) {
      if (lines.get(name)?.state !== state) {
        const made = lineOf(name, state);
        if (lines.has(name)) lines.get(name).line.replaceWith(made.line);
        else going.append(made.line);
        lines.set(name, made);
      }
      lines.get(name).text.textContent = ` ${state}${line ? `: ${line}` : ""} `;
    }
  }
  return { element: el("div", { class: "train" }, going, box), news };
}

// It stays the same as long as the state does: somebody's keys may be on the button.
function lineOf(name, state) {
  const text = el("span"), stop = () => post("/api/runs/train/stop", { run: name }).catch(showTrouble);
  const can = ["starting", "training"].includes(state);
  const button = can ? el("button", { type: "button", onclick: stop }, `Stop ${name}`) : null;
  const link = el("a", { href: `#runs?${runsQuery([name])}` }, name);
  return { state, text, line: el("p", { class: "small" }, link, text, button) };
}

function formOf(kind, form, known) {
  const name = el("input", {
    required: true, pattern: "[A-Za-z0-9_][A-Za-z0-9._\\-]{0,63}", value: freeName(kind, known),
    "aria-label": "name of the run",
  });
  const inputs = form.fields.map((field) => [field, inputOf(field)]);
  const labelled = (words, input, help) =>
    el("label", { class: "field", title: help }, el("span", {}, words), input, el("span", { class: "small" }, help));
  const shown = ([field, input]) => labelled(field.name.replaceAll("_", " "), input, field.help);
  const [first, more] = [true, false].map((usual) => inputs.filter(([{ name }]) => USUAL.includes(name) === usual));
  const rest = el("div", { class: "fields" }, more.map(shown));
  const start = el("button", { type: "submit", disabled: Boolean(form.missing) }, `Train ${kind}`);
  return el("form", { onsubmit: async (event) => {
    event.preventDefault();
    clearTrouble();
    try {
      await post("/api/runs/train", { kind, name: name.value, settings: settingsOf(inputs) });
      name.value = freeName(kind, known, name.value);
    } catch (error) {
      showTrouble(error);
    }
  } },
  el("h3", {}, form.title), form.missing ? el("p", {}, form.missing) : null,
  el("div", { class: "fields" }, labelled("name of the run", name, "a new folder among the runs"), first.map(shown)),
  folded("More settings", () => rest), el("p", {}, start));
}

function inputOf({ kind, choices, default: usual }) {
  const option = (each) => el("option", { value: each, selected: each === usual }, each);
  if (kind === "choice") return el("select", {}, choices.map(option));
  if (kind === "switch") return el("input", { type: "checkbox", checked: usual });
  if (kind === "list") return el("input", { value: (usual ?? []).join(","), pattern: "[0-9]+(,[0-9]+)+" });
  const placeholder = usual === null ? "not given" : null;
  return el("input", { type: "number", step: kind === "whole" ? 1 : "any", value: usual, placeholder });
}

function valueOf(kind, input) {
  if (kind === "switch") return input.checked;
  if (kind === "choice") return input.value;
  if (kind === "list") return input.value.split(",").map(Number);
  return input.value === "" ? null : Number(input.value);
}

// What is left as it was is not sent.
function settingsOf(inputs) {
  const settings = {};
  for (const [field, input] of inputs) {
    const value = valueOf(field.kind, input);
    if (value !== null && JSON.stringify(value) !== JSON.stringify(field.default)) settings[field.name] = value;
  }
  return settings;
}

function freeName(kind, known, taken = "") {
  const free = (name) => !known.get(name) && !GOING.includes(known.trainings[name]?.state) && name !== taken;
  let number = 1;
  while (!free(`${kind}-${number}`)) number += 1;
  return `${kind}-${number}`;
}

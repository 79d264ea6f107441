// Everything on the page, explained.
import { el } from "./dom.js";

const WORDS = [
  ["Small squares",
    "the plane as a unit sees it: blue where its activation is above 0, orange where it is below, the stronger " +
    "the further, white at 0. Inputs are the coordinates x₁ and x₂ themselves."],
  ["Lines",
    "weights: blue and whole above 0, orange and dashed below, the thicker the larger. Pointing at one fills the " +
    "optimiser's formula with its numbers."],
  ["Large square",
    "the class that the network gives each place, the stronger the more certain. Dots are training points; a " +
    "class has a colour and a shape. Dark hatching: not a number."],
  ["Cross",
    "the point whose numbers are filled into the formulas. Click elsewhere, or move it with the arrow keys and " +
    "press Enter."],
  ["Loss",
    "the mean cross-entropy −ln p of the right class, without the penalty: ln K where nothing is known, 0 at " +
    "best."],
  ["Accuracy",
    "the share of points whose most probable class is the right one. Held-out points were never trained on."],
  ["Confusion", "a row for each true class, a column for each answer."],
  ["Step, epoch", "a step is one update, from one batch; an epoch is as many as it takes to see all samples once."],
  ["Gradient",
    "∂L/∂w of the next batch, with the penalty λ w. Next update: what the optimiser will add to the weight."],
  ["Learning rate",
    "η: how far an update goes. L2: λ of the penalty (λ/2) Σ w². Batch: samples an update sees. Initial scale: " +
    "factor on the initial weights, which are normal with deviation 1/√inputs."],
  ["dead",
    "a ReLU unit whose input is 0 or below on every training sample: it gives 0 and gets no gradient. Dotted " +
    "border: a saturated unit, so near the limit of tanh or sigmoid that hardly any gradient passes."],
  ["Branch", "what becomes of the network when a setting is changed at some step; grey curves are the other branches."],
  ["Grey bands", "other seeds: the middle 90 % and 50 % of them, and their median."],
];

export const help = () => el("details", { class: "card" }, el("summary", {}, "What everything here is"),
  el("dl", {}, WORDS.map(([name, words]) => [el("dt", {}, name), el("dd", {}, words)])));

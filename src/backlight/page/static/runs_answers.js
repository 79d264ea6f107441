// What the saved network says: the plane of points at several steps; of digits the confusion and the worst mistakes.
import { get } from "./api.js";
import { scale } from "./axis.js";
import { sized } from "./canvas.js";
import { el, number } from "./dom.js";
import { runsQuery } from "./runs_pictures.js";
import { folded, head, refill, table } from "./table.js";

const KEY = "Shade: the probability of each class; dark line: where the likeliest class changes; " +
  "marks: training points.";
const SIZE = 380, LEFT = 40, TOP = 10, RIGHT = 12, BOTTOM = 34;

export function boundaryPart(names, loading) {
  const panels = el("div", { class: "panels" });
  const views = new Map();
  const section = el("section", {}, el("h3", {}, "Decision boundary"), panels);
  loading.add(section, async () => {
    const found = await get(`/api/runs/boundary?${runsQuery(names)}`);
    for (const [label, each] of Object.entries(found)) {
      if (!views.has(label)) {
        views.set(label, boundary(names.length > 1 ? label : ""));
        panels.append(views.get(label).figure);
      }
      views.get(label).show(each);
    }
  });
  return section;
}

function boundary(title) {
  const canvas = el("canvas", { class: "plane", role: "img", "aria-label": "decision boundary: loading" });
  const question = `decision boundary ${title}: which step`;
  const slider = el("input", { type: "range", min: 0, step: 1, "aria-label": question });
  const output = el("output", { class: "readout" });
  const caption = el("figcaption");
  const numbers = folded("Numbers", () => (known?.moments ? rows(known) : "Nothing yet."));
  const parts = [title ? el("h4", {}, title) : null, canvas, slider, output, caption, numbers];
  const figure = el("figure", { class: "single" }, parts);
  let known = null, last = true;

  async function draw() {
    const moment = known.moments[slider.value];
    output.textContent = moment.words;
    slider.setAttribute("aria-valuetext", moment.words);
    canvas.setAttribute("aria-label", `decision boundary ${title}: ${moment.words}`);
    const image = new Image();
    image.src = moment.image;
    await image.decode();
    if (moment === known.moments[slider.value]) paint(canvas, known, image);
  }

  slider.addEventListener("input", () => {
    last = Number(slider.value) === known.moments.length - 1;
    draw();
  });
  return {
    figure,
    show(found) {
      for (const part of [canvas, slider, output, numbers]) part.hidden = Boolean(found.error);
      caption.textContent = found.error ?? `${KEY} ${found.remark} ${found.shown}`;
      if (found.error) return;
      const at = Number(slider.value);
      known = found;
      slider.max = known.moments.length - 1;
      slider.value = last ? slider.max : Math.min(at, slider.max);
      slider.hidden = known.moments.length < 2;
      numbers.refresh();
      draw();
    },
  };
}

function paint(canvas, known, image) {
  const { context, colour } = sized(canvas, SIZE, SIZE);
  const x = scale(...known.x, LEFT, SIZE - RIGHT), y = scale(...known.y, SIZE - BOTTOM, TOP);
  context.imageSmoothingEnabled = false;
  context.drawImage(image, LEFT, TOP, SIZE - LEFT - RIGHT, SIZE - TOP - BOTTOM);
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colour("soft");
  context.textAlign = "right";
  y.ticks().forEach((tick) => context.fillText(number(tick, 3), LEFT - 5, y.at(tick) + 4));
  context.textAlign = "center";
  x.ticks().forEach((tick) => context.fillText(number(tick, 3), x.at(tick), SIZE - BOTTOM + 14));
  context.fillText("x1, and x2 upwards", SIZE / 2, SIZE - 6);
  for (const [left, top, label] of known.points) {
    context.fillStyle = `rgb(${known.colours[label % known.colours.length]})`;
    context.strokeStyle = "#fff";
    context.lineWidth = 0.6;
    mark(context, x.at(left), y.at(top), label % 4);
    context.fill();
    context.stroke();
  }
}

// Colour and shape tell classes apart.
function mark(context, x, y, kind) {
  context.beginPath();
  if (kind === 0) context.arc(x, y, 3, 0, 2 * Math.PI);
  else if (kind === 1) [[0, -3.6], [3.4, 2.4], [-3.4, 2.4]].forEach(([dx, dy]) => context.lineTo(x + dx, y + dy));
  else if (kind === 2) context.rect(x - 2.8, y - 2.8, 5.6, 5.6);
  else [[0, -4], [4, 0], [0, 4], [-4, 0]].forEach(([dx, dy]) => context.lineTo(x + dx, y + dy));
  context.closePath();
}

function rows(known) {
  const classes = known.probabilities[0]?.length ?? 0;
  const header = ["x1", "x2", "class", ...Array.from({ length: classes }, (_, k) => `P(class ${k})`)];
  const text = (share) => (share === null ? "NaN" : share.toFixed(3));
  const made = known.points.map(([x1, x2, label], at) =>
    [number(x1), number(x2), String(label), ...known.probabilities[at].map(text)]);
  return table(header, made, `With the weights after step ${known.moments.at(-1).step.toLocaleString("en")}.`);
}

export function answersPart(names, loading) {
  const body = el("div", {}, "…");
  const section = el("section", {}, el("h3", {}, "Right and wrong answers"), body);
  loading.add(section, async () => {
    const found = Object.entries(await get(`/api/runs/answers?${runsQuery(names)}`));
    refill(body, found, () => found.map(([label, each]) => answers(names.length > 1 ? label : "", each)));
  });
  return section;
}

function answers(label, found) {
  return el("div", {}, label ? el("h4", {}, label) : null,
    found.broken ? el("p", { class: "answer" }, "The network gives NaN: its answers mean nothing.") : null,
    found.confusion ? confusion(found) : null,
    found.error ? el("p", {}, found.error) : null,
    found.wrong?.length ? mostWrong(found.wrong) : null);
}

function mostWrong(wrong) {
  const image = (each) => el("img", { src: each.image, alt: each.words, width: 84, height: 84, class: "pixels" });
  return [
    el("p", { class: "small" }, `The ${wrong.length} most wrong test images, the most certain first.`),
    el("div", { class: "images" },
      wrong.map((each) => el("figure", {}, image(each), el("figcaption", {}, each.words)))),
  ];
}

// It is its own table: a row per true class, a column per answer, wrong answers shaded by their share of the row.
function confusion(found) {
  const classes = found.confusion.map((_, k) => String(k));
  const cell = (count, row, column) => {
    const sum = found.confusion[row].reduce((a, b) => a + b, 0) || 1;
    const shade = row === column ? 10 : Math.min(10, Math.ceil((80 * count) / sum));
    return el("td", { class: `${row === column ? "right" : "wrong"} shade${shade}` }, count ? String(count) : "");
  };
  const line = (counts, row) => el("tr", {}, el("th", { scope: "row" }, classes[row]),
    counts.map((count, column) => cell(count, row, column)));
  return el("figure", {},
    el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "confusion matrix" },
      el("table", { class: "confusion" }, head(["true ↓", ...classes]), el("tbody", {}, found.confusion.map(line)))),
    el("figcaption", {}, `A row a true class, a column an answer. ${found.words}`));
}

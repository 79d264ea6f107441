// Several runs beside each other: settings that differ, where they part, curves overlaid, distributions side by side.
import { address, get } from "./api.js";
import { el } from "./dom.js";
import { Loader } from "./runs_loader.js";
import { Pictures, runsQuery } from "./runs_pictures.js";
import { rangeControls, stepRange } from "./runs_range.js";
import { folded, list, refill, table } from "./table.js";

const SAME = "All settings are the same.";

export async function openComparison(main, names, known) {
  const found = await get(`/api/runs/differences?${runsQuery(names)}`);
  const range = stepRange(), loading = new Loader(), drawn = new Pictures(names, range, loading);
  const marks = new Map();
  const link = `/api/runs/report?${runsQuery(names)}`;

  main.replaceChildren(
    el("p", {}, el("a", { href: "#runs" }, "← All runs")),
    el("h2", {}, names.join(" · ")),
    el("p", { class: "doing" },
      el("a", { href: address(link), target: "_blank", rel: "noopener" }, "The whole report"),
      el("a", { href: address(`${link}&download`), download: "" }, "Save the report as one file")),
    verdicts(names, found.runs, loading),
    el("section", {}, el("h3", {}, "What sets them apart"),
      found.settings.length ? table(["setting", ...found.runs], found.settings) : el("p", {}, SAME),
      found.partings.map(parting)),
    rangeControls(range),
    drawn.lines("What happened", "curves", "No scalar is recorded."),
    drawn.lines("Inside the networks", "health", "Nothing that tells of the networks' health is recorded."),
    drawn.distributions(found.groups, found.runs),
  );

  function news() {
    for (const name of names) {
      const row = known.get(name);
      if (!row) continue;
      range.grow(row.step ?? 1);
      if (marks.has(name) && marks.get(name) !== row.stamp) loading.moved();
      marks.set(name, row.stamp);
    }
  }
  news();
  return { news, close: () => (loading.close(), drawn.close()) };
}

function verdicts(names, labels, loading) {
  const body = el("div", {}, "…");
  const section = el("section", {}, el("h3", {}, "Did they learn?"), body);
  loading.add(section, async () => {
    const found = await get(`/api/runs/verdict?${runsQuery(names)}`);
    const link = (at) => el("a", { href: `#runs?${runsQuery([names[at]])}` }, labels[at]);
    const rows = found.map((each, at) => [link(at), each.sentence, each.figures[0] ?? ""]);
    refill(body, found, () => table(["run", "did it learn?", "accuracy"], rows));
  });
  return section;
}

function parting({ a, b, headline, more }) {
  return el("div", {}, el("h4", {}, `${a} and ${b}`), el("p", {}, `${headline[0].toUpperCase()}${headline.slice(1)}.`),
    more.length ? folded("What else differs", () => list(more)) : null);
}

// The viewer of run folders: the list, one run, or several beside each other, as the address says after #runs.
import { listen } from "./api.js";
import { clearTrouble, el, showTrouble } from "./dom.js";
import { openComparison } from "./runs_compare.js";
import { openList } from "./runs_list.js";
import { openRun } from "./runs_one.js";

export async function open(main) {
  const place = el("div", { class: "viewer" }, "…");
  main.append(place);
  const known = { rows: new Map(), trainings: {}, treatment: null, complete: false, get: (name) => known.rows.get(name) };
  let page = null, asked = 0, lost = false;

  async function show() {
    if (location.hash.slice(1).split("?")[0] !== "runs") return;
    const names = new URLSearchParams(location.hash.split("?")[1] ?? "").getAll("run");
    const number = (asked += 1);
    page?.close();
    page = null;
    clearTrouble();
    const next = await opened(names);
    if (number === asked) page = next; // or somebody went on meanwhile
    else next.close();
    scrollTo(0, 0);
  }

  const opened = (names) =>
    names.length === 0 ? openList(place, known) : names.length === 1 ? openRun(place, names[0], known) : openComparison(place, names, known);

  function take(fresh) {
    if (lost) clearTrouble();
    lost = false;
    for (const [subject, word] of Object.entries(fresh)) {
      if (!subject.startsWith("run ")) known[subject] = word;
      else if (word) known.rows.set(word.name, word);
      else known.rows.delete(subject.slice(4));
    }
    page?.news(fresh);
  }

  function lose() {
    lost = true;
    showTrouble("The server does not answer. If it has ended, start `backlight page` again and open its new link.");
  }

  const moved = () => show().catch(showTrouble);
  addEventListener("hashchange", moved);
  const stop = listen("/api/runs/news", { news: take, error: lose });
  await show();
  return () => {
    removeEventListener("hashchange", moved);
    stop();
    asked += 1;
    page?.close();
  };
}

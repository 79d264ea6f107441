// The viewer of run folders: the list, one run, or several beside each other, as the address says after #runs.
import { listen } from "./api.js";
import { clearTrouble, el, showTrouble } from "./dom.js";
import { openComparison } from "./runs_compare.js";
import { RunList } from "./runs_list.js";
import { openRun } from "./runs_one.js";

const LOST = "The server does not answer. If it has ended, start `backlight page` again and open its new link.";

export async function open(main) {
  const place = el("div", { class: "viewer" }, "…");
  main.append(place);
  const viewer = new Viewer(place);
  await viewer.show().catch(showTrouble);
  return () => viewer.close();
}

class Viewer {
  #known = new Known();
  #page = null;
  #asked = 0;
  #lost = false;
  #stop;
  #moved = () => this.show().catch(showTrouble);

  constructor(place) {
    this.place = place;
    addEventListener("hashchange", this.#moved);
    this.#stop = listen("/api/runs/news", { news: (fresh) => this.#take(fresh), error: () => this.#lose() });
  }

  async show() {
    if (location.hash.slice(1).split("?")[0] !== "runs") return;
    const names = new URLSearchParams(location.hash.split("?")[1] ?? "").getAll("run");
    const number = (this.#asked += 1);
    this.#page?.close();
    this.#page = null;
    clearTrouble();
    const own = el("div");
    const next = await this.#opened(own, names).catch((error) => this.#failed(error));
    if (number !== this.#asked) return next.close(); // somebody went on meanwhile
    this.place.replaceChildren(own);
    this.#page = next;
    scrollTo(0, 0);
  }

  close() {
    removeEventListener("hashchange", this.#moved);
    this.#stop();
    this.#asked += 1;
    this.#page?.close();
  }

  async #opened(place, names) {
    if (names.length === 0) return new RunList(place, this.#known);
    return names.length === 1 ? openRun(place, names[0], this.#known) : openComparison(place, names, this.#known);
  }

  #failed(error) {
    this.place.replaceChildren(el("p", {}, el("a", { href: "#runs" }, "← All runs")));
    throw error;
  }

  #take(fresh) {
    if (this.#lost) clearTrouble();
    this.#lost = false;
    this.#known.take(fresh);
    this.#page?.news(fresh);
  }

  #lose() {
    this.#lost = true;
    showTrouble(LOST);
  }
}

// What the server said last: rows by the runs' names, trainings by theirs, the treatment, and whether all is known.
class Known {
  rows = new Map();
  trainings = {};
  treatment = null;
  complete = false;

  get(name) {
    return this.rows.get(name);
  }

  take(fresh) {
    for (const [subject, word] of Object.entries(fresh)) {
      if (!subject.startsWith("run ")) this[subject] = word;
      else if (word) this.rows.set(word.name, word);
      else this.rows.delete(subject.slice(4));
    }
  }
}

// Only what can be seen is fetched: parts of the page load when they come near the window, again when they are old.
import { showTrouble } from "./dom.js";

const AT_ONCE = 3;
const NEAR = "1200px";
const REST = 10; // times as long as a refresh took nothing is refreshed: a training keeps the processor
const LEAST = 1000; // milliseconds

export class Loader {
  #items = new Map(); // element → {load, fresh, seen, busy}
  #busy = 0;
  #closed = false;
  #began = 0;
  #wait = LEAST;
  #timer = null;
  #observer = new IntersectionObserver((entries) => this.#see(entries), { rootMargin: NEAR });

  add(element, load) {
    this.#items.set(element, { load, fresh: false, seen: false, busy: false });
    this.#observer.observe(element);
    return element;
  }

  // The run was written; nothing is loaded again before the last refresh is paid off.
  moved() {
    this.#timer ??= setTimeout(() => this.outdate(), this.#wait);
  }

  // All that is seen is loaded again.
  outdate() {
    clearTimeout(this.#timer);
    this.#timer = null;
    for (const item of this.#items.values()) item.fresh = false;
    this.#work();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#observer.disconnect();
  }

  #see(entries) {
    for (const entry of entries) {
      const item = this.#items.get(entry.target);
      if (item) item.seen = entry.isIntersecting;
    }
    this.#work();
  }

  #work() {
    while (this.#busy < AT_ONCE && !this.#closed) {
      const next = this.#next();
      if (!next) return;
      this.#run(next);
    }
  }

  // What is in the window comes before what is only near it.
  #next() {
    let best = null, least = Infinity;
    for (const [element, item] of this.#items) {
      if (!item.seen || item.fresh || item.busy) continue;
      const { top, bottom } = element.getBoundingClientRect(), distance = Math.max(0, top - innerHeight, -bottom);
      if (distance < least) [best, least] = [item, distance];
    }
    return best;
  }

  async #run(item) {
    item.busy = item.fresh = true;
    if (this.#busy === 0) this.#began = performance.now();
    this.#busy += 1;
    try {
      await item.load();
    } catch (error) {
      if (!this.#closed) showTrouble(error);
    }
    item.busy = false;
    this.#busy -= 1;
    this.#work();
    if (this.#busy === 0) this.#wait = Math.max(LEAST, REST * (performance.now() - this.#began));
  }
}

// Only what can be seen is fetched: parts of the page load when they come near the window, again when they are old.
import { showTrouble } from "./dom.js";

const AT_ONCE = 3;
const NEAR = "1200px";
const REST = 10; // times as long as a refresh took nothing is refreshed: a training keeps the processor

export function loader() {
  const items = new Map(); // element → {load, fresh, seen, busy}
  let busy = 0, closed = false, began = 0, wait = 1000, timer = null;
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const item = items.get(entry.target);
      if (item) item.seen = entry.isIntersecting;
    }
    work();
  }, { rootMargin: NEAR });

  function work() {
    for (const item of items.values()) {
      if (busy >= AT_ONCE || closed) return;
      if (item.seen && !item.fresh && !item.busy) run(item);
    }
  }

  async function run(item) {
    item.busy = item.fresh = true;
    if (busy === 0) began = performance.now();
    busy += 1;
    try {
      await item.load();
    } catch (error) {
      if (!closed) showTrouble(error);
    }
    item.busy = false;
    busy -= 1;
    work();
    if (busy === 0) wait = Math.max(1000, REST * (performance.now() - began));
  }

  function outdate() {
    timer = null;
    for (const item of items.values()) item.fresh = false;
    work();
  }

  return {
    add(element, load) {
      items.set(element, { load, fresh: false, seen: false, busy: false });
      observer.observe(element);
      return element;
    },
    outdate, // at once
    moved() { // the run was written; not before the last refresh is paid off
      timer ??= setTimeout(outdate, wait);
    },
    close() {
      closed = true;
      clearTimeout(timer);
      observer.disconnect();
    },
  };
}

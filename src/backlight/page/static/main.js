// Which page is shown: the part of the address after #, up to a question mark, says so.
import { takeToken } from "./api.js";
import { showTrouble } from "./dom.js";

const PAGES = { play: () => import("./playground.js"), runs: () => import("./viewer.js") };
let leave = () => {};

async function show() {
  const name = location.hash.slice(1).split("?")[0];
  const page = PAGES[name] ? name : "play";
  if (document.body.dataset.page === page) return;
  leave();
  document.body.dataset.page = page;
  for (const link of document.querySelectorAll("nav [data-page]")) {
    link.toggleAttribute("aria-current", link.dataset.page === page);
  }
  const module = await PAGES[page]();
  const main = document.getElementById("page");
  main.replaceChildren();
  leave = (await module.open(main)) ?? (() => {});
}

takeToken();
addEventListener("hashchange", () => show().catch(showTrouble));
addEventListener("unhandledrejection", (event) => showTrouble(event.reason));
show().catch(showTrouble);

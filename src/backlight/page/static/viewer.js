// The viewer of run folders.
import { get } from "./api.js";
import { el } from "./dom.js";

export async function open(main) {
  const runs = await get("/api/runs");
  main.append(el("p", {}, `${runs.length} runs`));
}

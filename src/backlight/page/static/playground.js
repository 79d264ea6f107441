// The playground.
export async function open(main) {
  main.append("…");
}

// The address of the page: everything that the playground was made from, and what is hidden from a class.
export const DEFAULTS = {
  data: "moons", formula: "sin(3*x)/2", points: [], samples: 200, noise: 0.2, classes: 2, hidden: [4, 3],
  activations: ["tanh", "tanh"], optimizer: "sgd", learning_rate: 0.3, l2: 0, batch_size: null, init_scale: 1, seed: 0,
};
const SCALE = 1000;  // places are kept to thousandths
const NUMBERS = ["samples", "noise", "classes", "learning_rate", "l2", "batch_size", "init_scale", "seed"];

function packed(points) {
  const view = new DataView(new ArrayBuffer(9 * points.length));
  points.forEach(([x, y, label], at) => {
    view.setInt32(9 * at, Math.round(x * SCALE));
    view.setInt32(9 * at + 4, Math.round(y * SCALE));
    view.setUint8(9 * at + 8, label);
  });
  const raw = String.fromCharCode(...new Uint8Array(view.buffer));
  return btoa(raw).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unpacked(text) {
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const view = new DataView(Uint8Array.from(raw, (letter) => letter.charCodeAt(0)).buffer);
  return Array.from({ length: Math.floor(view.byteLength / 9) }, (_, at) =>
    [view.getInt32(9 * at) / SCALE, view.getInt32(9 * at + 4) / SCALE, view.getUint8(9 * at + 8)]);
}

// Points as the address can hold them, so that a link gives the same network to the bit.
const rounded = (place) => Math.round(place * SCALE) / SCALE;
export const kept = (points) => points.map(([x, y, label]) => [rounded(x), rounded(y), label]);

const text = (name, value) =>
  name === "points" ? packed(value) : value === null ? "all" : Array.isArray(value) ? value.join(",") : String(value);

function parsed(name, value) {
  if (name === "points") return unpacked(value);
  if (name === "batch_size" && value === "all") return null;
  if (name === "hidden") return value === "" ? [] : value.split(",").map(Number);
  if (name === "activations") return value === "" ? [] : value.split(",");
  return NUMBERS.includes(name) ? Number(value) : value;
}

export const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function differences(settings, base) {
  const changed = Object.entries(settings).filter(([name, value]) => !same(value, base[name]));
  return changed.map(([name, value]) => [name, text(name, value)]);
}

// {settings, legs: [{step, settings}], step, hide} from the part after #play?
export function readAddress() {
  const query = new URLSearchParams(location.hash.split("?").slice(1).join("?"));
  const settings = { ...DEFAULTS }, legs = [];
  for (const [name, value] of query) {
    if (name in DEFAULTS) settings[name] = parsed(name, value);
    if (name === "then") {
      const [step, ...changes] = value.split(";"), before = legs.at(-1)?.settings ?? settings;
      legs.push({ step: Number(step), settings: Object.assign({ ...before }, ...changes.map((each) => {
        const [key, given] = each.split("=");
        return { [key]: parsed(key, given) };
      })) });
    }
  }
  const hide = (query.get("hide") ?? "").split(",").filter(Boolean);
  return { settings, legs, step: Number(query.get("step") ?? 0), hide };
}

export function writeAddress({ settings, legs, step, hide }) {
  const query = new URLSearchParams(differences(settings, DEFAULTS));
  let before = settings;
  for (const leg of legs) {
    query.append("then", [leg.step, ...differences(leg.settings, before).map((pair) => pair.join("="))].join(";"));
    before = leg.settings;
  }
  if (step) query.set("step", step);
  if (hide.length) query.set("hide", hide.join(","));
  const found = String(query).replaceAll("%2C", ",").replaceAll("%3B", ";").replaceAll("%3A", ":");
  return `#play${found ? `?${found}` : ""}`;
}

// The way to a branch: the settings that it began with, and the changes since.
export function wayTo(branches, number) {
  const chain = [];
  for (let at = number; at !== undefined; at = branches[at].origin?.branch) chain.unshift(branches[at]);
  return {
    settings: chain[0].settings,
    legs: chain.slice(1).map((branch) => ({ step: branch.origin.step, settings: branch.settings })),
  };
}

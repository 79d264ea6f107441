// Colours that a colour-blind eye tells apart: Okabe & Ito's. Classes also have a shape each.
export const CLASSES = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0]];
export const CLASS_NAMES = ["blue", "orange", "green", "pink", "yellow"];
const NEGATIVE = [213, 94, 0], POSITIVE = [0, 114, 178], WHITE = [250, 250, 250];
const BROKEN = 255;  // a cell that is not a number

export const css = ([red, green, blue]) => `rgb(${red}, ${green}, ${blue})`;

const mix = (a, b, share) => a.map((part, at) => Math.round(part + (b[at] - part) * share));

// 256 colours of cells that hold class · steps + certainty
export function boundaryTable(steps) {
  const table = Array.from({ length: 256 }, (_, cell) => {
    const colour = CLASSES[Math.floor(cell / steps)] ?? WHITE;
    return mix(WHITE, colour, 0.12 + 0.58 * (cell % steps) / (steps - 1));
  });
  table[BROKEN] = [60, 60, 60];
  return table;
}

// 256 colours of cells that hold 127 + 127 · (value / scale)
export function unitTable() {
  const table = Array.from({ length: 256 }, (_, cell) => {
    const share = (cell - 127) / 127;
    return mix(WHITE, share < 0 ? NEGATIVE : POSITIVE, Math.min(1, Math.abs(share)) * 0.9);
  });
  table[BROKEN] = [60, 60, 60];
  return table;
}

// Puts square pictures of bytes on a canvas, a pixel a cell; the canvas is scaled by its style.
export function paint(canvas, cells, table) {
  const side = Math.round(Math.sqrt(cells.length));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d"), image = context.createImageData(side, side);
  for (let at = 0; at < cells.length; at++) {
    const colour = table[cells[at]], place = 4 * at, broken = cells[at] === BROKEN;
    const hatched = broken && (at + Math.floor(at / side)) % 4 < 2;
    for (let part = 0; part < 3; part++) image.data[place + part] = hatched ? 200 : colour[part];
    image.data[place + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

export function bytes(text) {
  const raw = atob(text), array = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) array[at] = raw.charCodeAt(at);
  return array;
}

export const floats = (text) => new Float64Array(bytes(text).buffer);

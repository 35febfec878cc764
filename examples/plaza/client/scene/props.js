/**
 * Pictures of what never moves: painted once for a scale, then only copied. The foot of each is at a known point.
 * @module
 */

import { DEPTH, HEIGHT } from "./camera.js";
import { chanceAt } from "./chance.js";

const TAU = Math.PI * 2;

/** Leaves, in light and shade: three blossoming trees, five of the meadow. */
const CROWNS = [
  { leaf: [344, 76, 80], bare: false }, { leaf: [336, 66, 76], bare: false }, { leaf: [352, 70, 86], bare: false },
  { leaf: [104, 38, 46], bare: false }, { leaf: [88, 42, 50], bare: false }, { leaf: [128, 32, 42], bare: false },
  { leaf: [72, 46, 52], bare: false }, { leaf: [150, 28, 42], pine: true },
];

/** Size of a picture in units (metres across, metres up, foot from the bottom), and how to paint it. */
const KINDS = {
  tree: { width: 5.6, height: 6.6, foot: 0.6, paint: paintTree },
  bush: { width: 2.4, height: 1.9, foot: 0.4, paint: paintBush },
  rock: { width: 1.8, height: 1.3, foot: 0.35, paint: paintRock },
  lamp: { width: 1.6, height: 4.6, foot: 0.4, paint: paintLamp },
  bench: { width: 2.6, height: 1.8, foot: 0.5, paint: paintBench },
  stall: { width: 5.4, height: 5, foot: 1, paint: paintStall },
  pot: { width: 1.6, height: 2.2, foot: 0.4, paint: paintPot },
};

/** Height of a lamp's light over the ground, in units. */
export const LAMP_LIGHT = 3.35;

/** Paints pictures when first wanted and keeps them. */
export class PropPictures {
  #pictures = new Map();
  #scale = 0;

  /**
   * @param {import("./plan.js").Prop} prop
   * @param {number} scale pixels of a unit
   * @returns {{canvas: HTMLCanvasElement, left: number, top: number}} offsets of the picture from its foot, in pixels
   */
  of(prop, scale) {
    if (this.#scale !== scale) {
      this.#pictures.clear();
      this.#scale = scale;
    }
    const key = `${prop.kind}${prop.variant}`;
    let picture = this.#pictures.get(key);
    if (!picture) this.#pictures.set(key, (picture = paint(KINDS[prop.kind], prop.variant, scale)));
    return picture;
  }
}

function paint(kind, variant, scale) {
  const up = scale * HEIGHT;
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(kind.width * scale * 1.3);
  canvas.height = Math.ceil((kind.height + kind.foot) * up * 1.3);
  const context = canvas.getContext("2d");
  const left = -canvas.width / 2;
  const top = -(canvas.height - kind.foot * up * 1.3);
  context.translate(-left, -top);
  context.scale(scale, up);
  kind.paint(context, variant);
  return { canvas, left, top };
}

function blob(context, colour, x, y, width, height = width) {
  context.fillStyle = colour;
  context.beginPath();
  context.ellipse(x, y, width, height, 0, 0, TAU);
  context.fill();
}

function trunk(context, height, width) {
  const bark = context.createLinearGradient(-width, 0, width, 0);
  bark.addColorStop(0, "#8a664c");
  bark.addColorStop(1, "#553a30");
  context.fillStyle = bark;
  context.beginPath();
  context.moveTo(-width * 1.5, 0.05);
  context.quadraticCurveTo(-width * 0.7, -0.2, -width * 0.6, -height);
  context.lineTo(width * 0.6, -height);
  context.quadraticCurveTo(width * 0.7, -0.2, width * 1.5, 0.05);
  context.quadraticCurveTo(0, 0.18, -width * 1.5, 0.05);
  context.fill();
}

function paintTree(context, variant) {
  const { leaf: [hue, saturation, lightness], pine } = CROWNS[variant];
  if (pine) return paintPine(context, hue, saturation, lightness);
  trunk(context, 2.4, 0.26);
  const puffs = Array.from({ length: 15 }, (_, index) => {
    const turn = index * 2.4 + variant;
    const out = Math.sqrt((index + 0.5) / 15) * 1.45;
    return { x: Math.cos(turn) * out, y: -3.5 + Math.sin(turn) * out * 0.86, size: 0.82 + chanceAt(index, variant, 61) * 0.34 };
  });
  puffs.sort((a, b) => b.y - a.y);
  for (const { x, y, size } of puffs) blob(context, `hsl(${hue - 4}, ${saturation - 22}%, ${lightness - 12}%)`, x, y + 0.14, size);
  for (const { x, y, size } of puffs) {
    const lit = (-y - 2.2) * 3.4 - x * 1.7;
    blob(context, `hsl(${hue}, ${saturation}%, ${lightness - 7 + lit * 0.8}%)`, x, y, size * 0.95);
  }
  for (let index = 0; index < 130; index++) {
    const turn = chanceAt(index, variant, 62) * TAU;
    const out = Math.sqrt(chanceAt(index, variant, 63)) * 2.05;
    const x = Math.cos(turn) * out;
    const y = -3.55 + Math.sin(turn) * out * 0.88;
    const lit = (-y - 3.3) * 5 - x * 4;
    blob(context, `hsla(${hue + 6}, ${saturation + 4}%, ${Math.min(94, lightness + 3 + lit)}%, 0.55)`, x, y, 0.15, 0.11);
  }
}

function paintPine(context, hue, saturation, lightness) {
  trunk(context, 1.2, 0.2);
  for (let layer = 0; layer < 5; layer++) {
    const base = -0.7 - layer * 0.92;
    const half = 1.55 - layer * 0.26;
    const shade = context.createLinearGradient(-half, 0, half, 0);
    shade.addColorStop(0, `hsl(${hue - 14}, ${saturation + 4}%, ${lightness + 9 + layer * 1.5}%)`);
    shade.addColorStop(1, `hsl(${hue + 10}, ${saturation}%, ${lightness - 13 + layer}%)`);
    context.fillStyle = shade;
    context.beginPath();
    context.moveTo(0, base - 1.65);
    context.quadraticCurveTo(half * 0.35, base - 0.5, half, base);
    context.quadraticCurveTo(0, base + 0.45, -half, base);
    context.quadraticCurveTo(-half * 0.35, base - 0.5, 0, base - 1.65);
    context.fill();
  }
}

function paintBush(context, variant) {
  const hue = [96, 116, 82][variant];
  const puffs = [[-0.5, -0.3, 0.42], [0.5, -0.32, 0.44], [0, -0.34, 0.54], [-0.25, -0.66, 0.4], [0.28, -0.64, 0.4]];
  for (const [x, y, size] of puffs) blob(context, `hsl(${hue}, 34%, 34%)`, x, y + 0.1, size);
  for (const [x, y, size] of puffs) blob(context, `hsl(${hue}, 38%, ${44 - y * 9 - x * 5}%)`, x, y, size * 0.94);
  for (let index = 0; index < 22; index++) {
    const x = (chanceAt(index, variant, 64) - 0.5) * 1.5;
    const y = -0.25 - chanceAt(index, variant, 65) * 0.62;
    const blossom = index < 11 ? ["#ffd2de", "#fff0c0", "#e4d0ff"][variant] : `hsla(${hue - 10}, 46%, 62%, .7)`;
    blob(context, blossom, x, y, index < 11 ? 0.07 : 0.1, 0.065);
  }
}

function paintRock(context, variant) {
  blob(context, "#7d7787", 0.1, -0.24, 0.55, 0.36);
  blob(context, "#a49cab", -0.02, -0.32, 0.47, 0.3);
  blob(context, "#c2b9c4", -0.12, -0.4, 0.26, 0.15);
  if (variant) blob(context, "#8a8494", 0.5, -0.12, 0.24, 0.18);
  blob(context, "rgba(120, 160, 90, .55)", -0.3, -0.12, 0.22, 0.1);
}

function paintLamp(context) {
  context.fillStyle = "#3c3350";
  context.beginPath();
  context.roundRect(-0.26, -0.16, 0.52, 0.24, 0.1);
  context.roundRect(-0.17, -0.36, 0.34, 0.24, 0.06);
  context.roundRect(-0.065, -3.05, 0.13, 2.8, 0.04);
  context.fill();
  context.fillStyle = "rgba(255,255,255,.18)";
  context.fillRect(-0.045, -2.95, 0.035, 2.6);
  context.fillStyle = "#3c3350";
  context.beginPath();
  context.roundRect(-0.22, -3.1, 0.44, 0.09, 0.03);
  context.fill();
  const glass = context.createLinearGradient(0, -3.62, 0, -3.08);
  glass.addColorStop(0, "#fff8dc");
  glass.addColorStop(1, "#ffd582");
  context.fillStyle = glass;
  context.beginPath();
  context.moveTo(-0.17, -3.09);
  context.lineTo(-0.25, -3.6);
  context.lineTo(0.25, -3.6);
  context.lineTo(0.17, -3.09);
  context.fill();
  context.fillStyle = "#3c3350";
  context.beginPath();
  context.moveTo(-0.34, -3.58);
  context.quadraticCurveTo(0, -3.72, 0, -4.02);
  context.quadraticCurveTo(0, -3.72, 0.34, -3.58);
  context.closePath();
  context.fill();
}

function paintBench(context, variant) {
  const plank = (x, y, width, height, colour) => {
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(x, y, width, height, 0.05);
    context.fill();
  };
  const facesUs = variant >= 4;
  for (const x of [-0.85, 0.75]) plank(x, -0.4, 0.1, 0.45, "#3f3552");
  if (facesUs) for (let board = 0; board < 3; board++) plank(-1, -0.98 + board * 0.19, 2, 0.15, `hsl(26, 42%, ${50 - board * 3}%)`);
  plank(-1.02, -0.46, 2.04, 0.14, "#b98255");
  plank(-1.02, -0.33, 2.04, 0.13, "#9a6843");
  if (!facesUs) for (let board = 0; board < 3; board++) plank(-1, -0.86 + board * 0.19, 2, 0.15, `hsl(26, 38%, ${46 - board * 4}%)`);
}

function paintStall(context, variant) {
  const hue = [8, 205, 46, 282][variant];
  context.fillStyle = "#6d4b3c";
  for (const x of [-1.95, 1.8]) context.fillRect(x, -2.9, 0.15, 2.95);
  const wood = context.createLinearGradient(0, -1.1, 0, 0.1);
  wood.addColorStop(0, "#c08c60");
  wood.addColorStop(1, "#8d5f43");
  context.fillStyle = wood;
  context.beginPath();
  context.roundRect(-1.9, -1.02, 3.8, 1.1, 0.07);
  context.fill();
  context.fillStyle = "rgba(70, 38, 26, .25)";
  for (let board = -1.5; board < 1.9; board += 0.48) context.fillRect(board, -0.92, 0.035, 0.98);
  context.fillStyle = "#dcae7c";
  context.beginPath();
  context.roundRect(-2.05, -1.22, 4.1, 0.26, 0.07);
  context.fill();
  paintWares(context, variant);
  paintAwning(context, hue);
}

function paintWares(context, variant) {
  for (let index = 0; index < 9; index++) {
    const x = -1.65 + index * 0.41;
    const hue = [12, 200, 90, 300][variant] + chanceAt(index, variant, 66) * 70;
    blob(context, `hsl(${hue}, 60%, 52%)`, x, -1.38, 0.19, 0.2);
    blob(context, `hsl(${hue}, 70%, 68%)`, x - 0.05, -1.45, 0.075, 0.06);
  }
  context.fillStyle = "rgba(40, 20, 40, .2)";
  context.fillRect(-1.8, -2.4, 3.6, 0.72);
}

function paintAwning(context, hue) {
  const stripes = 8;
  for (let stripe = 0; stripe < stripes; stripe++) {
    const [top, bottom] = [-1.75 + (stripe * 3.5) / stripes, -2.3 + (stripe * 4.6) / stripes];
    const [topWidth, width] = [3.5 / stripes, 4.6 / stripes];
    const pale = stripe % 2;
    context.fillStyle = pale ? "#fff3e0" : `hsl(${hue}, 58%, 60%)`;
    context.beginPath();
    context.moveTo(top, -3.75);
    context.lineTo(top + topWidth + 0.01, -3.75);
    context.lineTo(bottom + width + 0.01, -2.6);
    context.lineTo(bottom, -2.6);
    context.fill();
    context.fillStyle = pale ? "#efdcc6" : `hsl(${hue}, 52%, 50%)`;
    context.beginPath();
    context.moveTo(bottom, -2.61);
    context.lineTo(bottom + width, -2.61);
    context.lineTo(bottom + width, -2.42);
    context.arc(bottom + width / 2, -2.42, width / 2, 0, Math.PI);
    context.closePath();
    context.fill();
  }
}

function paintPot(context, variant) {
  blob(context, `hsl(${variant ? 96 : 116}, 36%, 40%)`, 0, -1.0, 0.52, 0.5);
  for (let index = 0; index < 26; index++) {
    const turn = index * 2.4;
    const out = Math.sqrt(index / 26) * 0.5;
    const colour = index % 3 ? (variant ? "#ffb2c6" : "#ffd77d") : "#fff3e0";
    blob(context, colour, Math.cos(turn) * out, -1.06 + Math.sin(turn) * out * 0.85, 0.09, 0.08);
  }
  const clay = context.createLinearGradient(-0.5, 0, 0.5, 0);
  clay.addColorStop(0, "#dc9070");
  clay.addColorStop(1, "#a25a48");
  context.fillStyle = clay;
  context.beginPath();
  context.moveTo(-0.46, -0.72);
  context.lineTo(0.46, -0.72);
  context.lineTo(0.31, 0.02);
  context.quadraticCurveTo(0, 0.12, -0.31, 0.02);
  context.fill();
  context.beginPath();
  context.roundRect(-0.53, -0.82, 1.06, 0.2, 0.07);
  context.fill();
}

/**
 * The ground: grass, the rings of stone around the fountain, the avenues. Painted once in squares, then only copied.
 * @module
 */

import { DEPTH } from "./camera.js";
import { chanceAt, noiseAt } from "./chance.js";
import { AVENUE_HALF, EDGE, PAVED_RADIUS, onAvenue } from "./plan.js";

const SQUARE = 12;
const SQUARES_MAX = 90;
const PAINTED_PER_FRAME_MAX = 3;
const RING = 1.12;
const TAU = Math.PI * 2;

/** Paints and keeps the squares of the ground. */
export class Ground {
  #squares = new Map();
  #scale = 0;

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./camera.js").Camera} camera
   */
  draw(context, camera) {
    if (this.#scale !== camera.scale) {
      this.#squares.clear();
      this.#scale = camera.scale;
    }
    context.fillStyle = "#6f9a58";
    context.fillRect(0, 0, camera.width, camera.height);
    const { left, top, right, bottom } = camera.bounds(0);
    const isFirst = this.#squares.size === 0;
    let painted = 0;
    for (let row = Math.floor(top / SQUARE); row * SQUARE < bottom; row++) {
      for (let column = Math.floor(left / SQUARE); column * SQUARE < right; column++) {
        const key = column * 1000 + row;
        let square = this.#squares.get(key);
        if (!square && (isFirst || painted++ < PAINTED_PER_FRAME_MAX)) square = this.#paint(column, row);
        if (!square) continue;
        this.#squares.delete(key);
        this.#squares.set(key, square);
        context.drawImage(square, Math.floor(camera.screenX(column * SQUARE)), Math.floor(camera.screenY(row * SQUARE)));
      }
    }
    while (this.#squares.size > SQUARES_MAX) this.#squares.delete(this.#squares.keys().next().value);
  }

  #paint(column, row) {
    const scale = this.#scale;
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(SQUARE * scale) + 1;
    canvas.height = Math.ceil(SQUARE * scale * DEPTH) + 1;
    const context = canvas.getContext("2d");
    context.scale(scale, scale * DEPTH);
    context.translate(-column * SQUARE, -row * SQUARE);
    const area = { left: column * SQUARE, top: row * SQUARE, right: (column + 1) * SQUARE, bottom: (row + 1) * SQUARE };
    paintGrass(context, area);
    paintAvenues(context, area);
    paintRings(context, area);
    paintFallen(context, area);
    return canvas;
  }
}

/** Calls for every cell that reaches into the area. */
function eachCell(area, size, margin, visit) {
  for (let row = Math.floor((area.top - margin) / size); row * size < area.bottom + margin; row++) {
    for (let column = Math.floor((area.left - margin) / size); column * size < area.right + margin; column++) visit(column, row);
  }
}

function disc(context, x, z, radius, flat = 1) {
  context.beginPath();
  context.ellipse(x, z, radius, radius * flat, 0, 0, TAU);
  context.fill();
}

function paintGrass(context, area) {
  context.fillStyle = "#7fac60";
  context.fillRect(area.left, area.top, SQUARE, SQUARE);
  eachCell(area, 1.6, 3, (column, row) => {
    const x = (column + chanceAt(column, row, 1)) * 1.6;
    const z = (row + chanceAt(column, row, 2)) * 1.6;
    const tone = noiseAt(x / 13, z / 13, 3) * 0.7 + noiseAt(x / 4, z / 4, 4) * 0.3;
    const beyond = Math.max(Math.abs(x), Math.abs(z)) > EDGE ? 9 : 0;
    context.fillStyle = `hsla(${88 + tone * 26}, ${38 - tone * 5}%, ${58 - tone * 22 - beyond}%, 0.4)`;
    disc(context, x, z, 0.9 + chanceAt(column, row, 5) * 1.3);
  });
  eachCell(area, 0.8, 0.6, (column, row) => {
    const x = (column + chanceAt(column, row, 21)) * 0.8;
    const z = (row + chanceAt(column, row, 22)) * 0.8;
    const dice = chanceAt(column, row, 23);
    if (dice < 0.34) paintTuft(context, x, z, dice);
    else if (dice > 0.972 - noiseAt(x / 9, z / 9, 8) * 0.07) paintBlossom(context, x, z, chanceAt(column, row, 24));
  });
}

function paintTuft(context, x, z, dice) {
  context.strokeStyle = dice < 0.17 ? "rgba(64, 104, 58, 0.42)" : "rgba(190, 214, 130, 0.42)";
  context.lineWidth = 0.045;
  context.beginPath();
  for (const lean of [-0.11, 0, 0.11]) {
    context.moveTo(x + lean * 0.4, z);
    context.quadraticCurveTo(x + lean * 0.6, z - 0.16, x + lean * 1.6, z - 0.3 + Math.abs(lean));
  }
  context.stroke();
}

function paintBlossom(context, x, z, dice) {
  context.fillStyle = ["#fff4e0", "#ffd0dc", "#ffe38a", "#d9c4ff"][Math.floor(dice * 4)];
  for (let petal = 0; petal < 5; petal++) disc(context, x + Math.cos(petal * 1.257) * 0.08, z + Math.sin(petal * 1.257) * 0.1, 0.062);
  context.fillStyle = "#e8a33c";
  disc(context, x, z, 0.05);
}

function paintAvenues(context, area) {
  const width = AVENUE_HALF;
  for (const across of [true, false]) {
    const [from, to] = across ? [area.top, area.bottom] : [area.left, area.right];
    if (to < -width - 1 || from > width + 1) continue;
    const rect = (along, side, length, breadth) =>
      across ? context.fillRect(along, side, length, breadth) : context.fillRect(side, along, breadth, length);
    const [start, end] = across ? [area.left, area.right] : [area.top, area.bottom];
    const first = Math.max(start, -EDGE);
    const last = Math.min(end, EDGE);
    if (last <= first) continue;
    context.fillStyle = "rgba(58, 70, 44, 0.35)";
    rect(first, -width - 0.4, last - first, width * 2 + 0.8);
    context.fillStyle = "#a98f74";
    rect(first, -width - 0.12, last - first, width * 2 + 0.24);
    paintCobbles(context, rect, first, last, across ? 31 : 32);
  }
}

function paintCobbles(context, rect, start, end, seed) {
  const size = 0.9;
  for (let lane = -4; lane < 4; lane++) {
    const border = lane === -4 || lane === 3;
    for (let step = Math.floor(start / size) - 1; step * size < end; step++) {
      const shift = lane % 2 ? 0.45 : 0;
      const from = Math.max(start, step * size + shift + 0.03);
      const to = Math.min(end, step * size + shift + size - 0.03);
      if (to <= from) continue;
      const tone = chanceAt(step, lane, seed);
      context.fillStyle = border ? `hsl(24, 24%, ${56 + tone * 7}%)` : `hsl(${34 + tone * 6}, ${32 + tone * 8}%, ${69 + tone * 9}%)`;
      rect(from, lane * size + 0.03, to - from, size - 0.06);
    }
  }
}

/** A shape between two radii and two angles. */
function arcPath(context, inner, outer, from, to) {
  context.beginPath();
  context.arc(0, 0, outer, from, to);
  context.arc(0, 0, inner, to, from, true);
  context.closePath();
}

function paintRings(context, area) {
  const nearX = Math.max(area.left, Math.min(0, area.right));
  const nearZ = Math.max(area.top, Math.min(0, area.bottom));
  const nearest = Math.hypot(nearX, nearZ);
  if (nearest > PAVED_RADIUS + 1.4) return;
  const farthest = Math.hypot(Math.max(-area.left, area.right), Math.max(-area.top, area.bottom));
  context.fillStyle = "rgba(50, 62, 40, 0.4)";
  disc(context, 0, 0, PAVED_RADIUS + 1);
  context.fillStyle = "#a48a70";
  disc(context, 0, 0, PAVED_RADIUS + 0.6);
  for (let ring = 3; ring * RING < PAVED_RADIUS; ring++) {
    if ((ring + 1) * RING >= nearest && ring * RING <= farthest) paintRing(context, area, ring);
  }
  if (nearest < 16) paintStar(context);
}

function paintRing(context, area, ring) {
  const inner = ring * RING;
  const count = Math.round((TAU * inner) / 1.5 / 8) * 8;
  const turn = TAU / count;
  const gap = 0.032 / inner;
  for (let stone = 0; stone < count; stone++) {
    const from = (stone + (ring % 2) * 0.5) * turn;
    const middle = from + turn / 2;
    const x = Math.cos(middle) * inner;
    const z = Math.sin(middle) * inner;
    if (x < area.left - 3 || x > area.right + 3 || z < area.top - 3 || z > area.bottom + 3) continue;
    context.fillStyle = stoneColour(ring, stone);
    arcPath(context, inner + 0.035, inner + RING - 0.035, from + gap, from + turn - gap);
    context.fill();
    if (chanceAt(ring, stone, 42) < 0.4) {
      context.fillStyle = "rgba(255, 248, 230, 0.13)";
      arcPath(context, inner + 0.08, inner + RING * 0.5, from + gap * 2, from + turn * 0.8);
      context.fill();
    }
  }
}

/** An eight-pointed star of darker stone around the fountain: four long points, four short. */
function paintStar(context) {
  for (let point = 0; point < 8; point++) {
    const angle = (point / 8) * TAU;
    const tip = point % 2 ? 11.2 : 15.6;
    for (const side of [-1, 1]) {
      context.fillStyle = side < 0 ? "rgba(196, 92, 66, 0.5)" : "rgba(222, 128, 88, 0.5)";
      context.beginPath();
      context.moveTo(Math.cos(angle) * tip, Math.sin(angle) * tip);
      context.lineTo(Math.cos(angle) * 5.6, Math.sin(angle) * 5.6);
      context.lineTo(Math.cos(angle + (side * TAU) / 16) * 6.4, Math.sin(angle + (side * TAU) / 16) * 6.4);
      context.fill();
    }
  }
}

/** Bands of terracotta and slate, and warm sandstone between. */
function stoneColour(ring, stone) {
  const tone = chanceAt(ring, stone, 41);
  if (ring === 4 || ring === 14 || ring === 20) return `hsl(212, 15%, ${57 + tone * 8}%)`;
  if (ring === 15 || ring === 19) return `hsl(18, 38%, ${64 + tone * 7}%)`;
  return `hsl(${33 + tone * 8}, ${34 + tone * 10}%, ${72 + tone * 10}%)`;
}

/** Petals under the blossoming trees, a few leaves everywhere. */
function paintFallen(context, area) {
  eachCell(area, 0.7, 0.3, (column, row) => {
    const x = (column + chanceAt(column, row, 51)) * 0.7;
    const z = (row + chanceAt(column, row, 52)) * 0.7;
    const away = Math.abs(Math.hypot(x, z) - 28);
    if (chanceAt(column, row, 53) > (onAvenue(x, z) ? 0.03 : Math.max(0.015, 0.4 - away * 0.045))) return;
    context.fillStyle = chanceAt(column, row, 54) < 0.7 ? "rgba(255, 196, 214, 0.8)" : "rgba(250, 226, 236, 0.75)";
    context.beginPath();
    context.ellipse(x, z, 0.085, 0.055, chanceAt(column, row, 55) * 3, 0, TAU);
    context.fill();
  });
}

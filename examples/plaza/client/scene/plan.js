/**
 * The plan of the plaza: where everything that never moves stands. Metres, the fountain at the origin.
 * @module
 */

import { chanceAt, noiseAt } from "./chance.js";

export const FOUNTAIN_RADIUS = 4;
export const PAVED_RADIUS = 23.6;
export const AVENUE_HALF = 3.6;
export const EDGE = 100;

/**
 * @typedef {{kind: string, x: number, z: number, variant: number, size: number}} Prop
 */

const polar = (angle, radius) => ({ x: Math.cos(angle) * radius, z: Math.sin(angle) * radius });

/** Whether a place lies on an avenue, or so near to one. */
export function onAvenue(x, z, margin = 0) {
  return Math.min(Math.abs(x), Math.abs(z)) < AVENUE_HALF + margin;
}

/** Seven, so that no string of lights hangs straight in front of a lamp's pole. */
const INNER_LAMPS = 7;

/** Where the lamps stand. */
export const LAMPS = [
  ...Array.from({ length: INNER_LAMPS }, (_, index) => polar(-Math.PI / 2 + (index / INNER_LAMPS) * Math.PI * 2, 10.6)),
  ...Array.from({ length: 8 }, (_, index) => polar(Math.PI / 8 + (index * Math.PI) / 4, 20.4)),
  ...[33, 46, 59, 72, 85].flatMap((along) =>
    [-1, 1].flatMap((side) => [-1, 1].flatMap((way) => [
      { x: along * way, z: side * (AVENUE_HALF + 0.9) },
      { x: side * (AVENUE_HALF + 0.9), z: along * way },
    ])),
  ),
];

/** Strings of small lights, from lamp to lamp of the inner ring. */
export const STRINGS = Array.from({ length: INNER_LAMPS }, (_, index) => [LAMPS[index], LAMPS[(index + 1) % INNER_LAMPS]]);

/** Where the stalls stand. */
export const STALLS = [0.25, 0.75, 1.25, 1.75].map((turn, index) => ({ ...polar(turn * Math.PI, 17.2), variant: index }));

/** @returns {Prop[]} everything that stands, in no order */
export function propsOfPlan() {
  const props = [];
  const add = (kind, { x, z }, variant = 0, size = 1) => props.push({ kind, x, z, variant, size });
  LAMPS.forEach((lamp) => add("lamp", lamp));
  STALLS.forEach((stall) => add("stall", stall, stall.variant));
  for (let index = 0; index < 8; index++) add("bench", polar((index * Math.PI) / 4 + 0.39, 14), index);
  for (let index = 0; index < 24; index++) addGarden(add, index);
  for (const way of [-1, 1]) {
    for (const side of [-1, 1]) {
      add("pot", { x: way * 24.6, z: side * 4.7 }, 0);
      add("pot", { x: side * 4.7, z: way * 24.6 }, 1);
    }
  }
  addForest(add);
  return props;
}

/** The ring of blossoming trees and bushes around the pavement. */
function addGarden(add, index) {
  const angle = ((index + 0.5) / 24) * Math.PI * 2;
  const tree = polar(angle, 28.3 + chanceAt(index, 7) * 2.2);
  if (!onAvenue(tree.x, tree.z, 2.5)) add("tree", tree, Math.floor(chanceAt(index, 9) * 3), 0.95 + chanceAt(index, 8) * 0.3);
  for (let bush = 0; bush < 3; bush++) {
    const place = polar(angle + (bush - 1) * 0.085, 25.5);
    if (!onAvenue(place.x, place.z, 1)) add("bush", place, Math.floor(chanceAt(index, bush, 3) * 3), 0.9);
  }
}

/** Groves in the meadow, denser towards the edge, and a wood beyond it. */
function addForest(add) {
  const cell = 6;
  for (let column = -21; column <= 21; column++) {
    for (let row = -21; row <= 21; row++) {
      const x = (column + 0.15 + chanceAt(column, row, 11) * 0.7) * cell;
      const z = (row + 0.15 + chanceAt(column, row, 12) * 0.7) * cell;
      const far = Math.max(Math.abs(x), Math.abs(z));
      if (Math.hypot(x, z) < 35 || onAvenue(x, z, 2.8)) continue;
      const density = far > EDGE + 1 ? 0.95 : 0.1 + noiseAt(x / 22, z / 22, 5) * 0.62;
      const dice = chanceAt(column, row, 13);
      const variant = 3 + Math.floor(chanceAt(column, row, 14) * 5);
      if (dice < density) add("tree", { x, z }, variant, 0.9 + chanceAt(column, row, 15) * 0.5);
      else if (dice < density + 0.12) add("bush", { x, z }, Math.floor(chanceAt(column, row, 16) * 3), 1);
      else if (dice < density + 0.17) add("rock", { x, z }, Math.floor(chanceAt(column, row, 17) * 2), 1);
    }
  }
}

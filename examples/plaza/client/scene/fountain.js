/**
 * The fountain in the middle: basins of stone, water that moves, and drops that fall.
 * @module
 */

import { DEPTH, HEIGHT } from "./camera.js";
import { chanceAt } from "./chance.js";
import { FOUNTAIN_RADIUS } from "./plan.js";

const TAU = Math.PI * 2;
const FLAT = DEPTH / HEIGHT;

/** A round wall with a rim: `radius`, from the ground (or `foot`) up to `height`. */
function basin(context, radius, foot, height, stone, rim) {
  const wall = context.createLinearGradient(-radius, 0, radius, 0);
  wall.addColorStop(0, stone[0]);
  wall.addColorStop(0.4, stone[1]);
  wall.addColorStop(1, stone[2]);
  context.fillStyle = wall;
  context.beginPath();
  context.ellipse(0, -foot, radius, radius * FLAT, 0, 0, Math.PI);
  context.lineTo(-radius, -height);
  context.ellipse(0, -height, radius, radius * FLAT, 0, Math.PI, 0, true);
  context.fill();
  context.fillStyle = rim;
  context.beginPath();
  context.ellipse(0, -height, radius + 0.1, (radius + 0.1) * FLAT, 0, 0, TAU);
  context.fill();
}

function water(context, radius, height, time) {
  const surface = context.createRadialGradient(-radius * 0.3, -height - 0.4, 0, 0, -height, radius);
  surface.addColorStop(0, "#c9f3f3");
  surface.addColorStop(0.5, "#7fd0d8");
  surface.addColorStop(1, "#4aa3b8");
  context.fillStyle = surface;
  context.save();
  context.beginPath();
  context.ellipse(0, -height, radius, radius * FLAT, 0, 0, TAU);
  context.fill();
  context.clip();
  for (let ring = 0; ring < 4; ring++) {
    const grown = ((time * 0.28 + ring / 4) % 1) * radius;
    context.strokeStyle = `rgba(255, 255, 255, ${0.55 * (1 - grown / radius)})`;
    context.lineWidth = 0.07;
    context.beginPath();
    context.ellipse(0, -height, grown, grown * FLAT, 0, 0, TAU);
    context.stroke();
  }
  context.fillStyle = "rgba(255, 255, 255, 0.5)";
  for (let glint = 0; glint < 14; glint++) {
    const turn = glint * 2.4 + Math.sin(time * 0.4 + glint) * 0.3;
    const out = radius * (0.35 + 0.55 * ((glint * 0.37) % 1));
    const size = 0.16 * Math.max(0, Math.sin(time * 2 + glint * 1.7));
    context.beginPath();
    context.ellipse(Math.cos(turn) * out, -height + Math.sin(turn) * out * FLAT, size, size * 0.3, 0, 0, TAU);
    context.fill();
  }
  context.restore();
}

/** Drops on their way from a height outwards and down. */
function drops(context, count, from, speedOut, speedUp, to, time) {
  const gravity = 9;
  const flight = (speedUp + Math.sqrt(speedUp * speedUp + 2 * gravity * (from - to))) / gravity;
  for (let drop = 0; drop < count; drop++) {
    const age = ((time / flight + chanceAt(drop, count, 71)) % 1) * flight;
    const turn = chanceAt(drop, count, 72) * TAU;
    const strength = 0.88 + chanceAt(drop, count, 73) * 0.2;
    const out = speedOut * age * strength;
    const height = from + speedUp * age * strength - (gravity * age * age) / 2;
    if (height < to) continue;
    context.fillStyle = `rgba(232, 252, 255, ${0.85 - (age / flight) * 0.45})`;
    context.beginPath();
    context.ellipse(Math.cos(turn) * out, -height + Math.sin(turn) * out * FLAT, 0.05, 0.085, 0, 0, TAU);
    context.fill();
  }
}

/**
 * Draws the fountain with its middle at the origin, a unit a metre.
 * @param {CanvasRenderingContext2D} context
 * @param {number} time seconds
 */
export function drawFountain(context, time) {
  const pale = ["#f3e6d2", "#e2cfb6", "#a98f80"];
  basin(context, FOUNTAIN_RADIUS, 0, 0.25, ["#d6c2aa", "#c4ae97", "#8f7869"], "#e9dac4");
  basin(context, FOUNTAIN_RADIUS - 0.35, 0.2, 0.85, pale, "#fbf1df");
  water(context, FOUNTAIN_RADIUS - 0.75, 0.78, time);
  basin(context, 0.5, 0.7, 2.1, pale, "#fbf1df");
  basin(context, 1.5, 1.95, 2.3, pale, "#fbf1df");
  water(context, 1.25, 2.26, time * 1.3);
  drops(context, 150, 2.3, 2.1, 0.9, 0.8, time);
  basin(context, 0.22, 2.2, 3.2, pale, "#fbf1df");
  basin(context, 0.62, 3.15, 3.35, pale, "#d9f4f4");
  drops(context, 130, 3.4, 0.75, 3.4, 2.3, time);
}

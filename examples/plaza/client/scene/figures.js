/**
 * What moves: little people, wandering lights, things on the ground. The foot is at the origin, a unit is a metre.
 * @module
 */

import { chanceAt } from "./chance.js";
import { drawItem } from "./items.js";

const TAU = Math.PI * 2;
const SKINS = ["#ffdfc4", "#f6caa2", "#e0a877", "#b97f52", "#8a5a3b", "#ffe6d2"];
const HAIRS = ["#3a2a38", "#5b3a29", "#8e5a33", "#d9a24b", "#efe0c8", "#a8442e", "#4a4e7c", "#2f3b3a"];

/**
 * @typedef {object} Pose
 * @property {number} hue colour of the clothes
 * @property {number} seed what else a person looks like follows from it
 * @property {number} yaw radians, 0 towards us
 * @property {number} stride 0 standing, 1 walking
 * @property {number} phase of the step, radians
 * @property {number} wave 0 to 1: how far the arm is up
 * @property {number} time seconds
 */

function disc(context, x, y, width, height = width) {
  context.beginPath();
  context.ellipse(x, y, width, height, 0, 0, TAU);
  context.fill();
}

function limb(context, colour, width, fromX, fromY, toX, toY) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.lineCap = "round";
  context.beginPath();
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
  context.stroke();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Pose} pose
 */
export function drawPerson(context, pose) {
  const side = Math.sin(pose.yaw);
  const front = Math.cos(pose.yaw);
  const swing = Math.sin(pose.phase) * pose.stride;
  const breath = Math.sin(pose.time * 2.1 + pose.seed) * 0.012 * (1 - pose.stride);
  drawLegs(context, side, front, pose);
  context.save();
  context.translate(0, -Math.abs(Math.cos(pose.phase)) * 0.09 * pose.stride + breath);
  context.rotate(side * 0.07 * pose.stride);
  const arms = [-1, 1].map((which) => ({ which, depth: which * side }));
  arms.sort((a, b) => a.depth - b.depth);
  drawArm(context, arms[0].which, side, front, swing, pose);
  drawCoat(context, side, front, swing, pose.hue);
  drawArm(context, arms[1].which, side, front, swing, pose);
  drawHead(context, side, front, pose);
  context.restore();
}

function drawLegs(context, side, front, { stride, phase }) {
  for (const which of [-1, 1]) {
    const step = Math.sin(phase) * which * stride;
    const lift = Math.max(0, Math.cos(phase) * which) * 0.15 * stride;
    const hip = which * 0.15 * Math.abs(front) + which * 0.05;
    const footX = hip + step * 0.27 * side;
    const footY = -lift + step * 0.1 * front - 0.05;
    limb(context, "#4c4266", 0.18, hip, -0.46, footX, footY - 0.06);
    context.fillStyle = "#3a2f4c";
    disc(context, footX + side * 0.06, footY - 0.01, 0.135, 0.09);
  }
}

function drawCoat(context, side, front, swing, hue) {
  const cloth = context.createLinearGradient(-0.42, 0, 0.42, 0);
  cloth.addColorStop(0, `hsl(${hue}, 62%, 66%)`);
  cloth.addColorStop(0.55, `hsl(${hue}, 56%, 55%)`);
  cloth.addColorStop(1, `hsl(${hue + 8}, 52%, 43%)`);
  const sway = swing * 0.05;
  context.fillStyle = cloth;
  context.beginPath();
  context.moveTo(-0.24, -1.2);
  context.bezierCurveTo(-0.36, -0.95, -0.42, -0.6, -0.43 + sway, -0.36);
  context.quadraticCurveTo(sway, -0.22, 0.43 + sway, -0.36);
  context.bezierCurveTo(0.42, -0.6, 0.36, -0.95, 0.24, -1.2);
  context.quadraticCurveTo(0, -1.32, -0.24, -1.2);
  context.fill();
  context.strokeStyle = `hsla(${hue}, 70%, 84%, 0.75)`;
  context.lineWidth = 0.055;
  context.beginPath();
  context.moveTo(-0.41 + sway, -0.41);
  context.quadraticCurveTo(sway, -0.27, 0.41 + sway, -0.41);
  context.stroke();
  if (front > -0.25) {
    context.fillStyle = `hsl(${hue + 180}, 60%, 84%)`;
    for (const height of [-0.86, -0.66]) disc(context, side * 0.2, height, 0.035);
  }
  context.fillStyle = `hsl(${(hue + 150) % 360}, 58%, 74%)`;
  context.beginPath();
  context.ellipse(0, -1.2, 0.28, 0.11, 0, 0, TAU);
  context.fill();
}

function drawArm(context, which, side, front, swing, { hue, wave, time, seed }) {
  const shoulderX = which * 0.29 * Math.max(0.35, Math.abs(front));
  const shoulderY = -1.08;
  const raised = which * (front >= 0 ? 1 : -1) > 0 ? wave : 0;
  const hang = swing * -which;
  const downX = shoulderX + which * 0.13 * Math.abs(front) + hang * 0.26 * side;
  const downY = -0.68 + hang * 0.07 * front;
  const upX = shoulderX + which * 0.28 + Math.sin(time * 13) * 0.12;
  const upY = -1.72;
  const handX = downX + (upX - downX) * raised;
  const handY = downY + (upY - downY) * raised;
  limb(context, `hsl(${hue + 4}, 54%, ${which * side > 0 ? 44 : 58}%)`, 0.18, shoulderX, shoulderY, handX, handY);
  context.fillStyle = SKINS[Math.floor(chanceAt(seed, 1) * SKINS.length)];
  disc(context, handX, handY + (raised > 0.5 ? -0.06 : 0.06), 0.095);
}

function drawHead(context, side, front, { seed, hue, time }) {
  const skin = SKINS[Math.floor(chanceAt(seed, 1) * SKINS.length)];
  const hair = HAIRS[Math.floor(chanceAt(seed, 2) * HAIRS.length)];
  const style = Math.floor(chanceAt(seed, 3) * 5);
  const centre = -1.66;
  if (style === 1 && front > -0.2) drawBun(context, hair, -side * 0.3, centre - 0.28);
  if (style === 3) drawEars(context, hair, side, centre);
  context.fillStyle = hair;
  disc(context, -side * 0.05, centre - 0.02, 0.47, 0.46);
  if (style === 4 && front > -0.6) {
    const apart = 0.38 * Math.max(0.5, Math.abs(front));
    for (const which of [-1, 1]) disc(context, which * apart - side * 0.1, centre + 0.3, 0.14, 0.24);
  }
  if (front > -0.45) drawFace(context, skin, side, front, centre, time, seed);
  drawFringe(context, hair, side, front, centre);
  if (style === 1 && front <= -0.2) drawBun(context, hair, -side * 0.3, centre - 0.28);
  if (style === 2) drawBeret(context, (hue + 160) % 360, side, centre);
  context.fillStyle = "rgba(255,255,255,.16)";
  disc(context, -0.16 - side * 0.05, centre - 0.3, 0.15, 0.08);
}

function drawFace(context, skin, side, front, centre, time, seed) {
  const turn = side * 0.15;
  context.save();
  context.beginPath();
  context.ellipse(0, centre, 0.45, 0.45, 0, 0, TAU);
  context.clip();
  context.fillStyle = skin;
  disc(context, turn, centre + 0.09 + (1 - Math.max(0, front)) * 0.03, 0.385, 0.37);
  const eye = side * 0.22;
  const apart = 0.155 * Math.max(0.45, Math.abs(front));
  const blink = (time * 0.27 + chanceAt(seed, 7)) % 1 < 0.035 ? 0.2 : 1;
  context.fillStyle = "rgba(255, 128, 120, 0.42)";
  for (const which of [-1, 1]) disc(context, eye + which * (apart + 0.09), centre + 0.2, 0.075, 0.05);
  for (const which of [-1, 1]) {
    context.fillStyle = "#35264a";
    disc(context, eye + which * apart, centre + 0.08, 0.056, 0.082 * blink);
    context.fillStyle = "#fff";
    if (blink === 1) disc(context, eye + which * apart + 0.018, centre + 0.05, 0.02);
  }
  context.strokeStyle = "#8a4a4a";
  context.lineWidth = 0.032;
  context.lineCap = "round";
  context.beginPath();
  context.arc(eye, centre + 0.2, 0.065, 0.25, Math.PI - 0.25);
  context.stroke();
  context.restore();
}

function drawFringe(context, hair, side, front, centre) {
  context.fillStyle = hair;
  context.beginPath();
  context.ellipse(-side * 0.05, centre - 0.02, 0.47, 0.46, 0, Math.PI * 1.02, Math.PI * 1.98);
  const low = front > -0.45 ? -0.1 : 0.2;
  context.quadraticCurveTo(0.3 + side * 0.16, centre + low - 0.1, 0.14 + side * 0.3, centre + low - 0.07);
  context.quadraticCurveTo(side * 0.2, centre + low - 0.3, -0.16 + side * 0.2, centre + low - 0.04);
  context.quadraticCurveTo(-0.34 + side * 0.12, centre + low - 0.06, -0.5, centre - 0.02);
  context.fill();
}

function drawBun(context, hair, x, y) {
  context.fillStyle = hair;
  disc(context, x, y - 0.16, 0.2);
}

function drawEars(context, hair, side, centre) {
  for (const which of [-1, 1]) {
    const x = which * 0.27 - side * 0.08;
    for (const [colour, size] of [[hair, 1], ["#ffb7b2", 0.55]]) {
      context.fillStyle = colour;
      context.beginPath();
      context.moveTo(x - 0.17 * size, centre - 0.3);
      context.lineTo(x + which * 0.07, centre - 0.36 - 0.36 * size);
      context.lineTo(x + 0.17 * size, centre - 0.3);
      context.fill();
    }
  }
}

function drawBeret(context, hue, side, centre) {
  context.fillStyle = `hsl(${hue}, 50%, 48%)`;
  disc(context, -side * 0.06 + 0.06, centre - 0.36, 0.45, 0.2);
  context.fillStyle = `hsl(${hue}, 54%, 58%)`;
  disc(context, -side * 0.06, centre - 0.42, 0.33, 0.12);
  limb(context, `hsl(${hue}, 50%, 42%)`, 0.05, 0, centre - 0.54, 0.03, centre - 0.62);
}

/**
 * A wandering light: its body; the glow around it is laid on afterwards.
 * @param {CanvasRenderingContext2D} context
 * @param {number} hue
 * @param {boolean} startled
 * @param {number} time seconds
 */
export function drawWisp(context, hue, startled, time) {
  const body = context.createRadialGradient(-0.06, -0.06, 0, 0, 0, 0.34);
  body.addColorStop(0, "#ffffff");
  body.addColorStop(0.5, `hsl(${hue}, 100%, 86%)`);
  body.addColorStop(1, `hsla(${hue}, 95%, 70%, 0.85)`);
  context.fillStyle = body;
  const squash = 1 + Math.sin(time * 4) * 0.06;
  context.beginPath();
  context.ellipse(0, 0, 0.3 * squash, 0.3 / squash, 0, 0, TAU);
  context.fill();
  context.fillStyle = `hsl(${hue}, 50%, 24%)`;
  const wide = startled ? 1.6 : 1;
  for (const which of [-1, 1]) disc(context, which * 0.1, 0.01, 0.034 * wide, 0.052 * wide);
}

/**
 * A thing on the ground, bobbing.
 * @param {CanvasRenderingContext2D} context
 */
export function drawThing(context, kind, hue, time, seed) {
  context.save();
  context.translate(0, -0.18 - (Math.sin(time * 2.4 + seed) * 0.5 + 0.5) * 0.2);
  context.rotate(Math.sin(time * 1.3 + seed) * 0.08);
  drawItem(context, kind, hue);
  context.restore();
}

/**
 * People in a crowd: poses painted once and copied, where drawing each person anew would take too long.
 *
 * The pose is rounded to sixteenths of a turn and eighths of a step; nobody sees that in a crowd.
 * @module
 */

import { drawPerson } from "./figures.js";

const TAU = Math.PI * 2;
const TURNS = 16;
const STEPS = 8;
const PICTURES_MAX = 2400;
/** Room around a person, in units: to each side, above the foot, below it. */
const ROOM = { side: 0.9, above: 2.5, below: 0.25 };

/** Pictures of poses, the ones used last. */
export class CrowdPictures {
  #pictures = new Map();
  #scale = 0;

  /**
   * Draws a person, foot at the origin of the context, which is in pixels.
   * @param {CanvasRenderingContext2D} context
   * @param {import("./figures.js").Pose} pose
   * @param {number} scaleX pixels of a unit
   * @param {number} scaleY
   */
  draw(context, pose, scaleX, scaleY) {
    if (this.#scale !== scaleX) {
      this.#pictures.clear();
      this.#scale = scaleX;
    }
    const turn = ((Math.round((pose.yaw / TAU) * TURNS) % TURNS) + TURNS) % TURNS;
    const walks = pose.stride > 0.4;
    const step = walks ? ((Math.floor((pose.phase / TAU) * STEPS) % STEPS) + STEPS) % STEPS : -1;
    const key = `${pose.seed},${pose.hue},${turn},${step}`;
    let picture = this.#pictures.get(key);
    if (picture) this.#pictures.delete(key);
    else {
      const rounded = { ...pose, yaw: (turn / TURNS) * TAU, stride: walks ? 1 : 0, phase: (Math.max(0, step) / STEPS) * TAU, time: 1 };
      picture = paint(rounded, scaleX, scaleY);
    }
    this.#pictures.set(key, picture);
    if (this.#pictures.size > PICTURES_MAX) this.#pictures.delete(this.#pictures.keys().next().value);
    context.drawImage(picture, Math.round(-ROOM.side * scaleX), Math.round(-ROOM.above * scaleY));
  }
}

function paint(pose, scaleX, scaleY) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(ROOM.side * 2 * scaleX);
  canvas.height = Math.ceil((ROOM.above + ROOM.below) * scaleY);
  const context = canvas.getContext("2d");
  context.translate(ROOM.side * scaleX, ROOM.above * scaleY);
  context.scale(scaleX, scaleY);
  drawPerson(context, pose);
  return canvas;
}

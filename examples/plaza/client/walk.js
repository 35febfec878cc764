/**
 * Walking: from a direction or a target to the next place, around the fountain and within the square.
 * @module
 */

import { FOUNTAIN_RADIUS } from "./scene/plan.js";

const FOUNTAIN_MARGIN = 0.55;
/** A little below what the server allows, so that uneven frames are never too fast. */
const SPEED_SHARE = 0.96;
const SPEED_USUAL = 6;
const ARRIVED_M = 0.12;

/**
 * The next place of the own figure.
 * @param {{x: number, y: number, z: number, yaw: number}} from
 * @param {{x: number, z: number} | null} direction at most of length 1
 * @param {{x: number, z: number} | null} target
 * @param {number} topSpeed m/s, 0 for no limit
 * @param {number} passedMs
 * @returns {{x: number, y: number, z: number, yaw: number, arrived: boolean} | null} null when there is nowhere to go
 */
export function nextPlace(from, direction, target, topSpeed, passedMs) {
  const most = ((topSpeed || SPEED_USUAL) * SPEED_SHARE * passedMs) / 1000;
  let [dx, dz] = direction ? [direction.x * most, direction.z * most] : [0, 0];
  if (!direction && target) {
    const way = Math.hypot(target.x - from.x, target.z - from.z);
    if (way < ARRIVED_M) return { ...from, arrived: true };
    const share = Math.min(1, most / way);
    [dx, dz] = [(target.x - from.x) * share, (target.z - from.z) * share];
  }
  if (dx === 0 && dz === 0) return null;
  const [x, z] = aroundFountain(from, from.x + dx, from.z + dz, most);
  const stuck = Math.hypot(x - from.x, z - from.z) < most * 0.02;
  return { x, y: from.y, z, yaw: Math.atan2(dx, dz), arrived: stuck };
}

/** Who walks against the rim goes along it; who is inside already may walk out. */
function aroundFountain(from, x, z, most) {
  const least = FOUNTAIN_RADIUS + FOUNTAIN_MARGIN;
  const radius = Math.hypot(x, z);
  const before = Math.hypot(from.x, from.z);
  if (radius >= least || radius >= before) return [x, z];
  if (before < least - 0.3) return [from.x, from.z];
  const turned = Math.atan2(from.z, from.x);
  const wanted = Math.atan2(z - from.z, x - from.x);
  const side = Math.sin(wanted - turned) >= 0 ? 1 : -1;
  const angle = turned + (side * most * 0.8) / least;
  const keep = Math.max(least, Math.min(before, least + 0.05));
  return [Math.cos(angle) * keep, Math.sin(angle) * keep];
}

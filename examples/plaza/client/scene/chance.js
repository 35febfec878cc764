/**
 * Chance that is the same for everyone: where trees and stones are follows from their place alone.
 * @module
 */

/**
 * A number in 0..1 that follows from whole numbers.
 * @param {number} a
 * @param {number} [b]
 * @param {number} [c]
 */
export function chanceAt(a, b = 0, c = 0) {
  let hash = Math.imul(a | 0, 374761393) ^ Math.imul(b | 0, 668265263) ^ Math.imul(c | 0, 2147483647);
  hash = Math.imul(hash ^ (hash >>> 13), 1274126177);
  hash = Math.imul(hash ^ (hash >>> 15), 2246822519);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
}

/**
 * Smooth noise in 0..1 over the plane.
 * @param {number} x
 * @param {number} z
 * @param {number} seed
 */
export function noiseAt(x, z, seed) {
  const left = Math.floor(x);
  const top = Math.floor(z);
  const ease = (part) => part * part * (3 - 2 * part);
  const across = ease(x - left);
  const down = ease(z - top);
  const mix = (from, to, share) => from + (to - from) * share;
  return mix(
    mix(chanceAt(left, top, seed), chanceAt(left + 1, top, seed), across),
    mix(chanceAt(left, top + 1, seed), chanceAt(left + 1, top + 1, seed), across),
    down,
  );
}

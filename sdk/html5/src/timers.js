/**
 * Where the library gets its time from, in one place so that tests can bring their own.
 * @module
 */

/**
 * @typedef {{now: () => number, set: (run: () => void, ms: number) => any, clear: (timer: any) => void,
 *   random: () => number}} Timers
 */

/** The browser's time, in milliseconds. @type {Timers} */
export const browserTimers = {
  now: () => performance.now(),
  set: (run, ms) => setTimeout(run, ms),
  clear: (timer) => clearTimeout(timer),
  random: () => Math.random(),
};

/**
 * @param {Timers} timers
 * @param {number} ms
 * @returns {Promise<void>}
 */
export function pause(timers, ms) {
  return new Promise((resolve) => timers.set(() => resolve(), ms));
}

/**
 * How long to wait before an attempt: doubling from the first to the most, and then up to a third less or more, so
 * that thousands of clients of a server that came back do not all come at once.
 * @param {number} attempt from 1
 * @param {{firstMs: number, mostMs: number}} limits
 * @param {() => number} random
 */
export function backoffMs(attempt, { firstMs, mostMs }, random) {
  const middle = Math.min(mostMs, firstMs * 2 ** Math.min(attempt - 1, 30));
  return middle * (2 / 3 + random() * (2 / 3));
}

/**
 * Event listeners, as small as they can be.
 *
 * A listener that throws must not stop the protocol from being read, so its error is reported and the next one runs.
 * @module
 */

/** Something that one can listen to. */
export class Emitter {
  /** @type {Map<string, Set<Function>>} */
  #listeners = new Map();

  /**
   * Calls the listener at each event of that name.
   * @param {string} event
   * @param {(...args: any[]) => void} listener
   * @returns {() => void} stops it
   */
  on(event, listener) {
    let set = this.#listeners.get(event);
    if (!set) this.#listeners.set(event, (set = new Set()));
    set.add(listener);
    return () => this.off(event, listener);
  }

  /**
   * Calls the listener at the next event of that name only.
   * @param {string} event
   * @param {(...args: any[]) => void} listener
   * @returns {() => void} stops it
   */
  once(event, listener) {
    const stop = this.on(event, (...args) => {
      stop();
      listener(...args);
    });
    return stop;
  }

  /**
   * @param {string} event
   * @param {Function} listener
   */
  off(event, listener) {
    this.#listeners.get(event)?.delete(listener);
  }

  /**
   * @param {string} event
   * @param {...any} args
   */
  emit(event, ...args) {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        console.error(`a listener of "${event}" failed`, error);
      }
    }
  }
}

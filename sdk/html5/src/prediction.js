/**
 * The own entity's movement: shown at once, sent at the tick rate, corrected by the server.
 *
 * A correction says where the entity was at one of the moves; the moves after it are played again from there, and
 * what that changes on the screen fades over a few frames instead of jumping.
 * @module
 */

const SENT_MAX = 128;
const OFFSET_HALF_LIFE_MS = 80;
const SNAP_M = 6;
const ECHO_M = 0.75;

/** @typedef {{x: number, y: number, z: number, yaw: number}} Place */

/** What the client believes of its own entity. */
export class Prediction {
  /** Where the entity is, as far as the client can know. @type {Place} */
  place = { x: 0, y: 0, z: 0, yaw: 0 };
  /** Milliseconds between two moves on the wire. */
  intervalMs = 100;

  #sequence = 0;
  #sent = [];
  #sentPlace = { x: 0, y: 0, z: 0, yaw: 0 };
  #sentAtMs = -Infinity;
  /** Whether the server may have another place than the one last sent. */
  #sendsAgain = false;
  #offset = { x: 0, y: 0, z: 0 };
  #shown = { x: 0, y: 0, z: 0, yaw: 0 };
  #shownAtMs = 0;

  /**
   * The entity is there, without a way between.
   * @param {Place} place
   */
  put(place) {
    this.place = { ...place };
    this.#sentPlace = { ...place };
    this.#offset = { x: 0, y: 0, z: 0 };
    this.#sent = [{ sequence: 0, to: { ...place }, dx: 0, dy: 0, dz: 0 }];
    this.#sendsAgain = false;
  }

  /** @param {Place} place */
  move(place) {
    this.place = { ...place };
  }

  /**
   * The move to send now, if there is one and its time has come.
   * @param {number} now
   * @returns {{sequence: number, place: Place} | null}
   */
  poll(now) {
    const { place } = this;
    const from = this.#sentPlace;
    const same = place.x === from.x && place.y === from.y && place.z === from.z && place.yaw === from.yaw;
    if ((same && !this.#sendsAgain) || now - this.#sentAtMs < this.intervalMs) return null;
    this.#sequence++;
    this.#sent.push({
      sequence: this.#sequence,
      to: { ...place },
      dx: place.x - from.x,
      dy: place.y - from.y,
      dz: place.z - from.z,
    });
    if (this.#sent.length > SENT_MAX) this.#sent.shift();
    this.#sentPlace = { ...place };
    this.#sentAtMs = now;
    this.#sendsAgain = false;
    return { sequence: this.#sequence, place: { ...place } };
  }

  /**
   * The server put the entity somewhere.
   * @param {number} sequence the last move that counts
   * @param {Place} place
   * @param {(place: Place) => Place} clamp keeps a place inside the space
   * @returns {number} metres by which the client was wrong
   */
  correct(sequence, place, clamp) {
    this.#sent = this.#sent.filter((move) => move.sequence > sequence);
    const corrected = { ...place, yaw: this.#sent.length ? this.place.yaw : place.yaw };
    for (const move of this.#sent) {
      corrected.x += move.dx;
      corrected.y += move.dy;
      corrected.z += move.dz;
      move.to = { ...corrected };
    }
    const unsent = { ...corrected };
    corrected.x += this.place.x - this.#sentPlace.x;
    corrected.y += this.place.y - this.#sentPlace.y;
    corrected.z += this.place.z - this.#sentPlace.z;
    this.#sentPlace = this.#sent.length ? unsent : { ...place };
    // Moves on their way start from the old place; some may yet be taken. The newest place, sent anew, settles it.
    this.#sendsAgain = this.#sent.length > 0;
    return this.#jump(clamp(corrected));
  }

  /**
   * A record of the own entity. One that only repeats a place that the client itself moved to changes nothing.
   * @param {Place} place
   */
  moved(place) {
    const near = (other) => Math.hypot(place.x - other.x, place.y - other.y, place.z - other.z) < ECHO_M;
    if (near(this.place) || near(this.#sentPlace) || this.#sent.some((move) => near(move.to))) return;
    this.#sent = [];
    this.#sentPlace = { ...place };
    this.#jump({ ...place });
  }

  #jump(place) {
    const before = this.place;
    const way = Math.hypot(place.x - before.x, place.y - before.y, place.z - before.z);
    this.place = place;
    if (way > SNAP_M) this.#offset = { x: 0, y: 0, z: 0 };
    else for (const axis of ["x", "y", "z"]) this.#offset[axis] += before[axis] - place[axis];
    return way;
  }

  /**
   * Where to draw the entity; the same object each time.
   * @param {number} now
   * @returns {Place}
   */
  shown(now) {
    const keep = 0.5 ** (Math.max(0, now - this.#shownAtMs) / OFFSET_HALF_LIFE_MS);
    this.#shownAtMs = now;
    for (const axis of ["x", "y", "z"]) {
      this.#offset[axis] *= keep;
      this.#shown[axis] = this.place[axis] + this.#offset[axis];
    }
    this.#shown.yaw = this.place.yaw;
    return this.#shown;
  }
}

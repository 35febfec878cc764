/**
 * Smooth movement of others from ten records a second.
 *
 * The world is shown a little in the past, about two ticks, so that there is nearly always a record on both sides of
 * the moment that is drawn. The delay follows how unevenly frames arrive. A record that is late is bridged by going on
 * for a moment at the last speed; an entity about which a newer frame said nothing stands.
 * @module
 */

const SAMPLES_MAX = 32;
const EXTRAPOLATION_MS_MAX = 250;
const SLEW_MAX = 0.12;
const SNAP_MS = 1000;
const OFFSET_HALF_LIFE_MS = 70;
const TELEPORT_M = 12;

/** The moment of space time that is drawn: runs evenly, whatever the network does. */
export class PlaybackClock {
  /** @param {number} tickMs */
  constructor(tickMs = 100) {
    this.tickMs = tickMs;
    /** Space time less own time, as frames arrive: includes the way here. @type {number | null} */
    this.offsetMs = null;
    /** How far arrivals stray from the even, on average. */
    this.jitterMs = tickMs * 0.2;
    /** Space time of the newest frame. */
    this.newestMs = -Infinity;
    this.#shownMs = null;
    this.#shownAtMs = 0;
  }

  #shownMs;
  #shownAtMs;

  /** How far behind the newest frame the drawing is, in milliseconds. */
  get delayMs() {
    return Math.min(this.tickMs * 5, this.tickMs * 1.5 + Math.max(this.tickMs * 0.25, this.jitterMs * 2.5));
  }

  /**
   * A frame arrived.
   * @param {number} spaceTimeMs
   * @param {number} now
   */
  observe(spaceTimeMs, now) {
    const sample = spaceTimeMs - now;
    this.newestMs = Math.max(this.newestMs, spaceTimeMs);
    if (this.offsetMs === null || Math.abs(sample - this.offsetMs) > SNAP_MS) {
      this.offsetMs = sample;
      return;
    }
    const stray = sample - this.offsetMs;
    this.offsetMs += stray * 0.08;
    this.jitterMs += (Math.abs(stray) - this.jitterMs) * 0.08;
  }

  /**
   * The space time to draw at the given own time; never goes back, and catches up or waits by a little at a time.
   * @param {number} now
   */
  at(now) {
    if (this.offsetMs === null) return 0;
    const wanted = now + this.offsetMs - this.delayMs;
    if (this.#shownMs === null || Math.abs(wanted - this.#shownMs) > SNAP_MS) {
      this.#shownMs = wanted;
    } else {
      const passed = Math.max(0, now - this.#shownAtMs);
      const astray = wanted - (this.#shownMs + passed);
      const slew = passed * SLEW_MAX;
      this.#shownMs += passed + Math.max(-slew, Math.min(slew, astray));
    }
    this.#shownAtMs = now;
    return this.#shownMs;
  }
}

/**
 * @typedef {{x: number, y: number, z: number, yaw: number}} Place
 */

/** Where one entity was, and so where to draw it. */
export class Track {
  /** @type {(Place & {at: number})[]} */
  #samples = [];
  #offset = { x: 0, y: 0, z: 0 };
  #drawnAtMs = -Infinity;
  /** @type {Place} */
  shown;

  /**
   * @param {Place} place
   * @param {number} spaceTimeMs
   */
  constructor(place, spaceTimeMs) {
    this.shown = { ...place };
    this.#samples.push({ ...place, at: spaceTimeMs });
  }

  /** The newest record, as the server told it. */
  get newest() {
    return this.#samples[this.#samples.length - 1];
  }

  /**
   * A record came. An entity of which nothing was told for some ticks stood until shortly before, as long as the way
   * is not too far for that.
   * @param {Place} place
   * @param {number} spaceTimeMs
   * @param {number} tickMs
   * @param {number} speedMax metres a second that entities are expected to move at most
   */
  push(place, spaceTimeMs, tickMs, speedMax) {
    const last = this.newest;
    if (spaceTimeMs < last.at) return;
    if (spaceTimeMs === last.at) {
      Object.assign(last, place);
      if (this.#samples.length === 1) Object.assign(this.shown, place);
      return;
    }
    const wayM = Math.hypot(place.x - last.x, place.y - last.y, place.z - last.z);
    const gapMs = spaceTimeMs - last.at;
    if (wayM > TELEPORT_M && wayM > speedMax * 2 * (gapMs / 1000)) {
      this.#samples = [{ ...place, at: spaceTimeMs }];
      this.shown = { ...place };
      this.#offset = { x: 0, y: 0, z: 0 };
      return;
    }
    const wayMs = Math.max(tickMs, (wayM / Math.max(speedMax, 0.1)) * 1000);
    const startMs = spaceTimeMs - wayMs;
    if (startMs > last.at + tickMs * 0.5) this.#samples.push({ ...last, at: startMs });
    this.#samples.push({ ...place, at: spaceTimeMs });
    while (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    this.#keepContinuous();
  }

  /** New knowledge may contradict what was drawn; the difference fades instead of jumping. */
  #keepContinuous() {
    if (this.#drawnAtMs === -Infinity || this.#drawnAtMs < this.#samples[0].at) return;
    const place = this.#evaluate(this.#drawnAtMs, this.#drawnAtMs);
    for (const axis of ["x", "y", "z"]) this.#offset[axis] = this.shown[axis] - place[axis];
  }

  /**
   * Sets `shown` to where the entity is to be drawn.
   * @param {number} playbackMs the space time that is drawn
   * @param {number} newestFrameMs the space time of the newest frame
   * @param {number} passedMs own time since the last call
   */
  draw(playbackMs, newestFrameMs, passedMs) {
    const place = this.#evaluate(playbackMs, newestFrameMs);
    const keep = 0.5 ** (passedMs / OFFSET_HALF_LIFE_MS);
    for (const axis of ["x", "y", "z"]) {
      this.#offset[axis] *= keep;
      this.shown[axis] = place[axis] + this.#offset[axis];
    }
    this.shown.yaw = place.yaw;
    this.#drawnAtMs = playbackMs;
    while (this.#samples.length > 2 && this.#samples[1].at < playbackMs - EXTRAPOLATION_MS_MAX) this.#samples.shift();
  }

  #evaluate(at, newestFrameMs) {
    const samples = this.#samples;
    const next = samples.findIndex((sample) => sample.at > at);
    if (next === 0) return samples[0];
    if (next > 0) return between(samples[next - 1], samples[next], at);
    return this.#beyond(at, newestFrameMs);
  }

  /** Past the newest record: on at the last speed, but only past the newest frame, and only for a moment. */
  #beyond(at, newestFrameMs) {
    const last = this.newest;
    const before = this.#samples[this.#samples.length - 2];
    const knownToStand = newestFrameMs > last.at;
    if (!before || knownToStand || at <= last.at) return last;
    const share = Math.min(at - last.at, EXTRAPOLATION_MS_MAX) / (last.at - before.at);
    return {
      x: last.x + (last.x - before.x) * share,
      y: last.y + (last.y - before.y) * share,
      z: last.z + (last.z - before.z) * share,
      yaw: last.yaw,
    };
  }
}

function between(from, to, at) {
  const share = (at - from.at) / (to.at - from.at);
  return {
    x: from.x + (to.x - from.x) * share,
    y: from.y + (to.y - from.y) * share,
    z: from.z + (to.z - from.z) * share,
    yaw: turn(from.yaw, to.yaw, share),
  };
}

/** From one angle towards another, the shorter way round. */
export function turn(from, to, share) {
  const full = Math.PI * 2;
  const way = ((((to - from) % full) + full + Math.PI) % full) - Math.PI;
  return from + way * share;
}

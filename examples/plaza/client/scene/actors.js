/**
 * What the picture remembers of each entity from one drawing to the next: its step, its gestures, its words.
 * @module
 */

const WAVE_MS = 2200;
const STEP_RADIANS_PER_METRE = 3.1;
const BUBBLE_MS_LEAST = 3200;
const BUBBLE_MS_PER_LETTER = 55;
const BUBBLE_MS_MAX = 9000;

/** One entity as it is drawn. */
export class Actor {
  x = 0;
  z = 0;
  y = 0;
  yaw = 0;
  stride = 0;
  phase = Math.random() * 6;
  /** When it came into view, and when it left, in own time. */
  bornMs;
  goneMs = Infinity;
  /** @type {{text: string, loud: boolean, fromMs: number, untilMs: number} | null} */
  bubble = null;
  #waveUntilMs = -Infinity;

  /**
   * @param {any} entity
   * @param {number} now
   */
  constructor(entity, now) {
    this.entity = entity;
    this.bornMs = now;
    const at = entity.position ?? { x: 0, y: 0, z: 0 };
    Object.assign(this, { x: at.x, y: at.y, z: at.z, yaw: entity.yaw });
  }

  /** @param {number} now */
  update(now, passedMs) {
    const { position, yaw } = this.entity;
    if (!position || this.goneMs < Infinity) return;
    const way = Math.hypot(position.x - this.x, position.z - this.z);
    const speed = passedMs > 0 ? (way / passedMs) * 1000 : 0;
    const walks = speed > 0.35 && speed < 30 ? Math.min(1, speed / 2.2) : 0;
    this.stride += (walks - this.stride) * Math.min(1, passedMs / 90);
    this.phase += Math.min(way, 1) * STEP_RADIANS_PER_METRE;
    const turn = Math.atan2(Math.sin(yaw - this.yaw), Math.cos(yaw - this.yaw));
    this.yaw += turn * Math.min(1, passedMs / 80);
    this.x = position.x;
    this.y = position.y;
    this.z = position.z;
    if (this.bubble && this.bubble.untilMs < now) this.bubble = null;
  }

  say(text, loud, now) {
    const lasts = Math.min(BUBBLE_MS_MAX, BUBBLE_MS_LEAST + text.length * BUBBLE_MS_PER_LETTER);
    this.bubble = { text, loud, fromMs: now, untilMs: now + lasts };
  }

  wave(now) {
    this.#waveUntilMs = now + WAVE_MS;
  }

  /** How far the arm is up, 0 to 1. */
  waveShare(now) {
    const left = this.#waveUntilMs - now;
    return left <= 0 ? 0 : Math.min(1, left / 250, (WAVE_MS - left) / 200);
  }

  /** How much of it is there: it comes and goes softly. */
  presence(now) {
    return Math.max(0, Math.min(1, (now - this.bornMs) / 350, 1 - (now - this.goneMs) / 350));
  }
}

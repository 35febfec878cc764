/**
 * The camera: looks down at the plaza at a slant, from the south; x is to the right, z is down, y is up.
 * @module
 */

/** How much shorter a metre of depth is than one of width. */
export const DEPTH = 0.64;
/** The same for height. */
export const HEIGHT = 0.86;

/** Turns metres into pixels of the canvas and back. */
export class Camera {
  x = 0;
  z = 4;
  /** Pixels of a metre of width. */
  scale = 22;
  /** How far a person has come closer, 0.7 to 1.6. */
  zoom = 1;
  width = 1;
  height = 1;

  /**
   * @param {number} width pixels
   * @param {number} height pixels
   * @param {number} ratio device pixels of a CSS pixel
   */
  resize(width, height, ratio) {
    this.width = width;
    this.height = height;
    const shown = Math.sqrt((width / ratio) * (height / ratio));
    const base = Math.max(18, Math.min(36, shown / 36));
    this.scale = Math.round(base * this.zoom * ratio);
  }

  /** Follows a place, softly. */
  follow(x, z, passedMs) {
    if (Math.hypot(x - this.x, z - this.z) > 30) {
      this.x = x;
      this.z = z;
    }
    const share = 1 - Math.exp(-passedMs / 110);
    this.x += (x - this.x) * share;
    this.z += (z - this.z) * share;
  }

  screenX(x) {
    return (x - this.x) * this.scale + this.width / 2;
  }

  screenY(z, y = 0) {
    return (z - this.z) * this.scale * DEPTH - y * this.scale * HEIGHT + this.height * 0.54;
  }

  /** The place on the ground under a pixel. */
  groundAt(screenX, screenY) {
    return {
      x: (screenX - this.width / 2) / this.scale + this.x,
      z: (screenY - this.height * 0.54) / (this.scale * DEPTH) + this.z,
    };
  }

  /** The piece of ground that can be seen, with a margin in metres. */
  bounds(margin) {
    const least = this.groundAt(0, 0);
    const greatest = this.groundAt(this.width, this.height);
    return { left: least.x - margin, top: least.z - margin, right: greatest.x + margin, bottom: greatest.z + margin };
  }
}

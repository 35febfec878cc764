/**
 * The time of day, and the layer of light and darkness over the picture.
 *
 * A day lasts twelve minutes of space time, so everyone in the plaza sees the same evening.
 * @module
 */

const DAY_MS = 720000;
/** A day begins in the late afternoon. Share of the day, light that falls everywhere, how bright the lamps are. */
const HOURS = [
  [0.0, [255, 238, 214], 0.1],
  [0.16, [255, 214, 180], 0.45],
  [0.28, [214, 160, 178], 0.85],
  [0.4, [128, 124, 188], 1],
  [0.6, [110, 118, 184], 1],
  [0.7, [190, 158, 190], 0.8],
  [0.8, [255, 226, 204], 0.2],
  [0.88, [255, 252, 246], 0],
  [1.0, [255, 238, 214], 0.1],
];

/**
 * The light of a moment.
 * @param {number} spaceTimeMs
 * @returns {{ambient: number[], lamps: number}}
 */
export function lightAt(spaceTimeMs) {
  const share = (((spaceTimeMs / DAY_MS) % 1) + 1) % 1;
  const next = HOURS.findIndex(([at]) => at > share);
  const [fromAt, from, fromLamps] = HOURS[next - 1];
  const [toAt, to, toLamps] = HOURS[next];
  const part = (share - fromAt) / (toAt - fromAt);
  const ambient = from.map((value, index) => value + (to[index] - value) * part);
  return { ambient, lamps: fromLamps + (toLamps - fromLamps) * part };
}

const COARSE = 4;

/** Collects lights, then darkens what they do not reach. */
export class LightLayer {
  #canvas = document.createElement("canvas");
  #context = this.#canvas.getContext("2d");
  #glows = new Map();

  /** A new picture begins. */
  begin(camera, ambient) {
    const width = Math.ceil(camera.width / COARSE);
    const height = Math.ceil(camera.height / COARSE);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    const context = this.#context;
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = 1;
    context.fillStyle = `rgb(${ambient.map(Math.round).join(",")})`;
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "lighter";
  }

  /**
   * Light on the ground around a pixel.
   * @param {number} x
   * @param {number} y
   * @param {number} radius pixels
   * @param {string} colour `r,g,b`
   * @param {number} strength 0 to 1
   */
  add(x, y, radius, colour, strength) {
    this.#context.globalAlpha = Math.max(0, Math.min(1, strength));
    const [width, height] = [radius / COARSE, (radius / COARSE) * 0.75];
    this.#context.drawImage(this.glow(colour), x / COARSE - width, y / COARSE - height, width * 2, height * 2);
  }

  /** Lays the light over the picture. */
  apply(context, camera) {
    context.save();
    context.globalCompositeOperation = "multiply";
    context.imageSmoothingEnabled = true;
    context.drawImage(this.#canvas, 0, 0, camera.width, camera.height);
    context.restore();
  }

  /** A soft round glow of a colour. */
  glow(colour) {
    let sprite = this.#glows.get(colour);
    if (sprite) return sprite;
    if (this.#glows.size > 64) this.#glows.clear();
    sprite = document.createElement("canvas");
    sprite.width = sprite.height = 128;
    const context = sprite.getContext("2d");
    const gradient = context.createRadialGradient(64, 64, 0, 64, 64, 64);
    for (const [at, alpha] of [[0, 1], [0.15, 0.72], [0.4, 0.3], [0.7, 0.08], [1, 0]]) gradient.addColorStop(at, `rgba(${colour},${alpha})`);
    context.fillStyle = gradient;
    context.fillRect(0, 0, 128, 128);
    this.#glows.set(colour, sprite);
    return sprite;
  }
}

/** The `r,g,b` of a hue. */
export function rgbOfHue(hue, saturation = 0.8, lightness = 0.65) {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (shift) => {
    const place = (shift + hue / 30) % 12;
    return Math.round(255 * (lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return `${channel(0)},${channel(8)},${channel(4)}`;
}

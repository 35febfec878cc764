/**
 * The live map: dots that glide from one picture to the next. Pictures come twice a second; between them each dot moves
 * from where it was drawn to where it was last seen, in the time that pictures take to come.
 */

import { byId, count, draw, make, say } from "./format.js";
import { MapView } from "./map_view.js";

const PALETTE = {
  dark: ["#ffc861", "#6fb1ff", "#67d8a8", "#ee8fd2", "#ff8f73", "#b7a3ff", "#a9dc62", "#5fd3ee"],
  light: ["#c46a00", "#1f6fd6", "#0b8f63", "#bf3f98", "#d24a2b", "#6a4fd8", "#4f8a0d", "#0c86a6"],
};
const FADE_MS = 350;
const LEAP_METRES = 40;
const HOVER_PIXELS = 14;
/** A pointer that went farther was dragging. */
const CLICK_PIXELS = 5;

export class LiveMap {
  #canvas = byId("map");
  #pen = this.#canvas.getContext("2d");
  #view = new MapView(this.#canvas, () => this.#request());
  #types;
  #order;
  #dots = new Map();
  #space = null;
  #seen = 0;
  #arrived = 0;
  #interval = 500;
  #frame = 0;
  #pointer = null;
  #pressed = [0, 0];
  #marked = null;
  #chips = new Map();
  #dark = matchMedia("(prefers-color-scheme: dark)");
  #colors = {};

  /** `types`: names by number. `pick`: told the id of an entity that is clicked. */
  constructor(types, pick) {
    this.#types = types;
    this.#order = Object.keys(types).map(Number).sort((a, b) => a - b);
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
    this.#dark.addEventListener("change", () => this.#readColors());
    this.#canvas.addEventListener("pointermove", (event) => this.#hover([event.offsetX, event.offsetY]));
    this.#canvas.addEventListener("pointerleave", () => this.#hover(null));
    this.#canvas.addEventListener("pointerdown", (event) => (this.#pressed = [event.offsetX, event.offsetY]));
    this.#canvas.addEventListener("click", (event) => {
      const at = [event.offsetX, event.offsetY];
      if (Math.hypot(at[0] - this.#pressed[0], at[1] - this.#pressed[1]) > CLICK_PIXELS) return;
      const near = this.#nearest(this.#progress(performance.now()), at);
      if (near) pick(near.dot.id);
    });
    byId("zoom-in").addEventListener("click", () => this.#view.zoomBy(1.6));
    byId("zoom-out").addEventListener("click", () => this.#view.zoomBy(1 / 1.6));
    byId("zoom-all").addEventListener("click", () => this.#view.whole());
    this.#readColors();
  }

  /** Keeps a ring around an entity, or around none. */
  mark(id) {
    this.#marked = id;
    this.#request();
  }

  /** Another space is watched: nothing of the last one stays. */
  clear() {
    this.#dots.clear();
    this.#space = null;
    byId("map-hint").hidden = false;
    say(byId("map-count"), "");
    byId("legend").replaceChildren();
    this.#chips.clear();
    this.#request();
  }

  show(map) {
    const now = performance.now();
    if (map.space !== this.#space) this.#dots.clear();
    const first = this.#dots.size === 0;
    const between = now - this.#arrived;
    // Pictures that pile up behind a hidden tab say nothing about their pace.
    if (!first && between > 150 && between < 2000) this.#interval += (between - this.#interval) * 0.2;
    this.#space = map.space;
    this.#view.setBounds(map.bounds);
    for (const [id, type, x, z, witness] of map.dots) this.#place(id, type, x, z, witness, now, first);
    this.#arrived = now;
    this.#seen += 1;
    const present = new Set(map.dots.map(([id]) => id));
    for (const [id, dot] of this.#dots) if (!present.has(id)) dot.left ??= now;
    byId("map-hint").hidden = true;
    this.#canvas.dataset.pictures = String(this.#seen);
    this.#tellCounts(map);
    this.#request();
  }

  #place(id, type, x, z, witness, now, first) {
    const dot = this.#dots.get(id);
    if (!dot) {
      this.#dots.set(id, { id, type, fromX: x, fromZ: z, x, z, witness, born: first ? 0 : now, left: null });
      return;
    }
    const [atX, atZ] = this.#where(dot, this.#progress(now));
    const leap = Math.hypot(x - atX, z - atZ) > LEAP_METRES;
    Object.assign(dot, { type, witness, left: null, fromX: leap ? x : atX, fromZ: leap ? z : atZ, x, z });
  }

  #progress(now) {
    return Math.min(1, (now - this.#arrived) / this.#interval);
  }

  #where(dot, progress) {
    return [dot.fromX + (dot.x - dot.fromX) * progress, dot.fromZ + (dot.z - dot.fromZ) * progress];
  }

  #tellCounts(map) {
    const counts = new Map();
    let witnesses = 0;
    for (const [, type, , , witness] of map.dots) {
      counts.set(type, (counts.get(type) ?? 0) + 1);
      witnesses += witness;
    }
    const thinned = map.dots.length < map.entities;
    const shown = thinned ? `${count(map.dots.length)} of ${count(map.entities)} entities` : `${count(map.entities)} entities`;
    say(byId("map-count"), `${shown}, ${count(witnesses)} with a player`);
    for (const [type, chip] of this.#chips) {
      if (counts.has(type)) continue;
      chip.item.remove();
      this.#chips.delete(type);
    }
    for (const type of [...counts.keys()].sort((a, b) => a - b)) {
      let chip = this.#chips.get(type);
      if (!chip) {
        const [number, circle] = [make("b"), draw("circle", { cx: 5, cy: 5, r: 5, fill: this.#color(type) })];
        chip = { number, circle, item: make("li", {}, draw("svg", { viewBox: "0 0 10 10" }, circle), this.#name(type), number) };
        this.#chips.set(type, chip);
        byId("legend").append(chip.item);
      }
      say(chip.number, count(counts.get(type)));
    }
  }

  #name(type) {
    return this.#types[type] ?? `type ${type}`;
  }

  #color(type) {
    const place = this.#order.indexOf(type);
    const palette = this.#dark.matches ? PALETTE.dark : PALETTE.light;
    return palette[(place < 0 ? type : place) % palette.length];
  }

  #readColors() {
    const style = getComputedStyle(document.body);
    for (const name of ["field", "grid", "line", "text", "dim", "accent"]) this.#colors[name] = style.getPropertyValue(`--${name}`).trim();
    for (const [type, chip] of this.#chips) chip.circle.setAttribute("fill", this.#color(type));
    this.#request();
  }

  #resize() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.#canvas.width = Math.round(this.#canvas.clientWidth * ratio);
    this.#canvas.height = Math.round(this.#canvas.clientHeight * ratio);
    this.#pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    // At once: a resized canvas is empty until it is drawn.
    this.#draw(performance.now());
  }

  #request() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.#draw(now);
    });
  }

  #draw(now) {
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight];
    this.#pen.fillStyle = this.#colors.field;
    this.#pen.fillRect(0, 0, width, height);
    this.#drawGround(width, height);
    const progress = this.#progress(now);
    const moving = this.#drawDots(progress, now, width, height);
    this.#drawMark(progress);
    this.#tellHover(progress);
    if (moving || progress < 1) this.#request();
  }

  /** The space's edge, and lines at a round distance. */
  #drawGround(width, height) {
    const pen = this.#pen;
    const scale = this.#view.scale;
    const [left, top] = this.#view.offset;
    const [minX, minZ, maxX, maxZ] = this.#view.bounds;
    const [x0, z0, x1, z1] = [minX * scale + left, minZ * scale + top, maxX * scale + left, maxZ * scale + top];
    const step = roundStep(70 / scale);
    pen.strokeStyle = this.#colors.grid;
    pen.lineWidth = 1;
    pen.beginPath();
    for (let x = Math.ceil(Math.max(minX, -left / scale) / step) * step; x <= Math.min(maxX, (width - left) / scale); x += step) {
      const at = Math.round(x * scale + left) + 0.5;
      pen.moveTo(at, Math.max(0, z0));
      pen.lineTo(at, Math.min(height, z1));
    }
    for (let z = Math.ceil(Math.max(minZ, -top / scale) / step) * step; z <= Math.min(maxZ, (height - top) / scale); z += step) {
      const at = Math.round(z * scale + top) + 0.5;
      pen.moveTo(Math.max(0, x0), at);
      pen.lineTo(Math.min(width, x1), at);
    }
    pen.stroke();
    pen.strokeStyle = this.#colors.line;
    pen.strokeRect(Math.round(x0) + 0.5, Math.round(z0) + 0.5, Math.round(x1 - x0), Math.round(z1 - z0));
    const scaleBar = byId("scale");
    say(scaleBar.firstElementChild, step >= 1000 ? `${step / 1000} km` : `${Number(step.toPrecision(2))} m`);
    scaleBar.lastElementChild.style.width = `${step * scale}px`;
  }

  /** Draws by colour, so that thousands of dots are a few strokes. Returns whether some are still fading. */
  #drawDots(progress, now, width, height) {
    const scale = this.#view.scale;
    const [left, top] = this.#view.offset;
    const radius = Math.min(7, Math.max(2.1, Math.min(scale * 0.5, 60 / Math.sqrt(this.#dots.size + 60))));
    const groups = new Map();
    let fading = false;
    for (const [id, dot] of this.#dots) {
      let alpha = Math.min(1, (now - dot.born) / FADE_MS);
      if (dot.left !== null) alpha = 1 - (now - dot.left) / FADE_MS;
      if (alpha <= 0 && dot.left !== null) {
        this.#dots.delete(id);
        continue;
      }
      fading ||= alpha < 1;
      const [worldX, worldZ] = this.#where(dot, progress);
      const [x, y] = [worldX * scale + left, worldZ * scale + top];
      if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
      const level = Math.max(1, Math.ceil(alpha * 5));
      const key = `${dot.witness ? 1 : 0}|${level}|${dot.type}`;
      let group = groups.get(key);
      if (!group) groups.set(key, (group = { witness: dot.witness, alpha: level / 5, type: dot.type, at: [] }));
      group.at.push(x, y);
    }
    // Those with a player lie on top.
    for (const key of [...groups.keys()].sort()) this.#drawGroup(groups.get(key), radius);
    this.#pen.globalAlpha = 1;
    return fading;
  }

  #drawGroup(group, radius) {
    const pen = this.#pen;
    pen.fillStyle = this.#color(group.type);
    if (group.witness) {
      pen.globalAlpha = group.alpha * 0.22;
      this.#fillCircles(group.at, radius * 2.3);
      pen.globalAlpha = group.alpha;
      this.#fillCircles(group.at, radius * 1.1);
    } else {
      pen.globalAlpha = group.alpha * 0.75;
      this.#fillCircles(group.at, radius * 0.9);
    }
  }

  #fillCircles(at, radius) {
    const pen = this.#pen;
    pen.beginPath();
    for (let index = 0; index < at.length; index += 2) {
      pen.moveTo(at[index] + radius, at[index + 1]);
      pen.arc(at[index], at[index + 1], radius, 0, Math.PI * 2);
    }
    pen.fill();
  }

  #drawMark(progress) {
    const dot = this.#dots.get(this.#marked);
    if (!dot || dot.left !== null) return;
    const [left, top] = this.#view.offset;
    const [x, z] = this.#where(dot, progress);
    const pen = this.#pen;
    pen.strokeStyle = this.#colors.accent;
    pen.lineWidth = 2.5;
    pen.beginPath();
    pen.arc(x * this.#view.scale + left, z * this.#view.scale + top, 12, 0, Math.PI * 2);
    pen.stroke();
  }

  #hover(pointer) {
    this.#pointer = pointer;
    this.#request();
  }

  #tellHover(progress) {
    const tip = byId("tip");
    const near = this.#pointer && !this.#view.dragging ? this.#nearest(progress, this.#pointer) : null;
    tip.hidden = near === null;
    if (near === null) return;
    const { dot, x, y } = near;
    const pen = this.#pen;
    pen.strokeStyle = this.#colors.text;
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(x, y, 10, 0, Math.PI * 2);
    pen.stroke();
    if (tip.dataset.dot !== String(dot.id)) {
      tip.dataset.dot = String(dot.id);
      tip.replaceChildren(make("b", {}, this.#name(dot.type) + (dot.witness ? ", a player" : "")), make("span", {}, ""));
    }
    const [worldX, worldZ] = this.#where(dot, progress);
    say(tip.lastElementChild, `id ${dot.id}   x ${worldX.toFixed(1)}  z ${worldZ.toFixed(1)}`);
    const [width, tipWidth] = [this.#canvas.clientWidth, tip.offsetWidth];
    tip.style.left = `${Math.min(width - tipWidth - 8, Math.max(8, x - tipWidth / 2))}px`;
    tip.style.top = `${this.#canvas.offsetTop + (y > 80 ? y - tip.offsetHeight - 16 : y + 18)}px`;
  }

  #nearest(progress, pointer) {
    const scale = this.#view.scale;
    const [left, top] = this.#view.offset;
    let [best, distance] = [null, HOVER_PIXELS];
    for (const dot of this.#dots.values()) {
      const [worldX, worldZ] = this.#where(dot, progress);
      const [x, y] = [worldX * scale + left, worldZ * scale + top];
      const far = Math.hypot(x - pointer[0], y - pointer[1]);
      if (dot.left === null && far < distance) [best, distance] = [{ dot, x, y }, far];
    }
    return best;
  }
}

/** The least of 1, 2, 5, 10, 20 … metres that is not below `least`. */
function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999);
}

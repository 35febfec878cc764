/**
 * What a person wants: keys, clicks on the ground, a stick under the thumb, gathered into one direction or target.
 * @module
 */

import { byId } from "./ui.js";

const STICK_RADIUS = 46;
const STICK_FROM_PX = 16;
const TAP_MS = 350;

const DIRECTIONS = {
  KeyW: [0, -1], ArrowUp: [0, -1], KeyS: [0, 1], ArrowDown: [0, 1],
  KeyA: [-1, 0], ArrowLeft: [-1, 0], KeyD: [1, 0], ArrowRight: [1, 0],
};

/** Listens to the keyboard and the canvas. */
export class Input {
  #held = new Set();
  #stick = null;
  #pointer = null;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{onTap: (x: number, y: number) => void, onPick: () => void, onWave: () => void, onZoom: (factor: number) => void,
   *   playing: () => boolean}} does
   */
  constructor(canvas, does) {
    window.addEventListener("keydown", (event) => this.#keyDown(event, does));
    window.addEventListener("keyup", (event) => this.#held.delete(event.code));
    window.addEventListener("blur", () => this.#held.clear());
    canvas.addEventListener("pointerdown", (event) => this.#pointerDown(event, canvas, does));
    canvas.addEventListener("pointermove", (event) => this.#pointerMove(event, does));
    canvas.addEventListener("pointerup", (event) => this.#pointerUp(event, does));
    canvas.addEventListener("pointercancel", () => this.#releasePointer());
    canvas.addEventListener("wheel", (event) => does.onZoom(event.deltaY < 0 ? 1.08 : 1 / 1.08), { passive: true });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** Where to go, at most of length 1; x right, z down; null when nothing is held. */
  get direction() {
    let [x, z] = this.#stick ?? [0, 0];
    for (const code of this.#held) {
      x += DIRECTIONS[code][0];
      z += DIRECTIONS[code][1];
    }
    const length = Math.hypot(x, z);
    if (length < 0.08) return null;
    const most = Math.max(1, length);
    return { x: x / most, z: z / most };
  }

  #keyDown(event, does) {
    if (!does.playing() || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = document.activeElement instanceof HTMLInputElement && document.activeElement.type !== "range";
    if (event.key === "Escape") return document.activeElement?.blur?.();
    if (typing) return;
    if (event.key === "Enter" || event.key === "/") {
      const chat = byId("chat");
      chat.focus();
      if (event.key === "Enter") event.preventDefault();
      this.#held.clear();
    } else if (event.code in DIRECTIONS) {
      this.#held.add(event.code);
      event.preventDefault();
    } else if (event.code === "KeyE" && !event.repeat) does.onPick();
    else if (event.code === "KeyQ" && !event.repeat) does.onWave();
  }

  #pointerDown(event, canvas, does) {
    if (!does.playing() || this.#pointer) return;
    document.activeElement?.blur?.();
    try {
      canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already cannot be held; its tap still counts.
    }
    this.#pointer = { id: event.pointerId, x: event.clientX, y: event.clientY, atMs: performance.now(), touch: event.pointerType === "touch" };
  }

  #pointerMove(event, does) {
    const pointer = this.#pointer;
    if (!pointer || pointer.id !== event.pointerId) return;
    const [dx, dy] = [event.clientX - pointer.x, event.clientY - pointer.y];
    if (!pointer.touch) {
      pointer.dragged ||= Math.hypot(dx, dy) > STICK_FROM_PX;
      if (pointer.dragged) does.onTap(event.clientX, event.clientY, true);
      return;
    }
    const length = Math.hypot(dx, dy);
    if (!this.#stick && length < STICK_FROM_PX) return;
    const most = Math.max(STICK_RADIUS, length);
    this.#stick = [dx / most, dy / most];
    const stick = byId("stick");
    stick.classList.add("held");
    stick.style.transform = `translate(${pointer.x}px, ${pointer.y}px)`;
    stick.firstElementChild.style.transform = `translate(${this.#stick[0] * STICK_RADIUS}px, ${this.#stick[1] * STICK_RADIUS}px)`;
  }

  #pointerUp(event, does) {
    const pointer = this.#pointer;
    if (!pointer || pointer.id !== event.pointerId) return;
    const tapped = !this.#stick && (!pointer.touch || performance.now() - pointer.atMs < TAP_MS * 2);
    this.#releasePointer();
    if (tapped && !pointer.dragged) does.onTap(event.clientX, event.clientY, false);
  }

  #releasePointer() {
    this.#pointer = null;
    this.#stick = null;
    byId("stick").classList.remove("held");
  }
}

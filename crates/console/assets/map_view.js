/** Which part of the space the canvas shows: zoom and pan by wheel, fingers, keys and buttons. Knows no entities. */

const ZOOM_MAX = 60;
const MARGIN = 0.94;

export class MapView {
  #canvas;
  #changed;
  #bounds = [-50, -50, 50, 50];
  #pointers = new Map();
  #center = [0, 0];
  /** How much nearer than the whole space. */
  #zoom = 1;

  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#changed = changed;
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    canvas.addEventListener("dblclick", (event) => this.#zoomAt(2, event.offsetX, event.offsetY));
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows another space as a whole; the same space keeps its place. */
  setBounds(bounds) {
    if (bounds.every((bound, index) => bound === this.#bounds[index])) return;
    this.#bounds = bounds;
    this.whole();
  }

  whole() {
    const [minX, minZ, maxX, maxZ] = this.#bounds;
    this.#center = [(minX + maxX) / 2, (minZ + maxZ) / 2];
    this.#zoom = 1;
    this.#changed();
  }

  zoomBy(factor) {
    this.#zoomAt(factor, this.#canvas.clientWidth / 2, this.#canvas.clientHeight / 2);
  }

  get bounds() {
    return this.#bounds;
  }

  get dragging() {
    return this.#pointers.size > 0;
  }

  /** Pixels a metre. */
  get scale() {
    const [minX, minZ, maxX, maxZ] = this.#bounds;
    const fit = Math.min(this.#canvas.clientWidth / Math.max(1, maxX - minX), this.#canvas.clientHeight / Math.max(1, maxZ - minZ));
    return Math.max(1e-6, fit * MARGIN * this.#zoom);
  }

  /** x = X * scale + offset[0], the same for z. */
  get offset() {
    const scale = this.scale;
    return [this.#canvas.clientWidth / 2 - this.#center[0] * scale, this.#canvas.clientHeight / 2 - this.#center[1] * scale];
  }

  #zoomAt(factor, x, y) {
    const before = this.scale;
    const [left, top] = this.offset;
    const world = [(x - left) / before, (y - top) / before];
    this.#zoom = Math.min(ZOOM_MAX, Math.max(0.5, this.#zoom * factor));
    const ratio = before / this.scale;
    this.#center = this.#center.map((center, axis) => world[axis] + (center - world[axis]) * ratio);
    this.#keepInside();
  }

  #pan(x, y) {
    this.#center = [this.#center[0] - x / this.scale, this.#center[1] - y / this.scale];
    this.#keepInside();
  }

  #keepInside() {
    const [minX, minZ, maxX, maxZ] = this.#bounds;
    this.#center = [Math.min(maxX, Math.max(minX, this.#center[0])), Math.min(maxZ, Math.max(minZ, this.#center[1]))];
    this.#changed();
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    this.#zoomAt(Math.exp(-event.deltaY * lines * 0.0016), event.offsetX, event.offsetY);
  }

  #down(event) {
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  }

  #move(event) {
    const last = this.#pointers.get(event.pointerId);
    if (!last) return;
    const here = [event.offsetX, event.offsetY];
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    this.#pointers.set(event.pointerId, here);
    if (others.length === 0) {
      this.#pan(here[0] - last[0], here[1] - last[1]);
      return;
    }
    const [other] = others;
    const spread = (at) => Math.hypot(at[0] - other[0], at[1] - other[1]);
    this.#zoomAt(spread(here) / Math.max(1, spread(last)), (here[0] + other[0]) / 2, (here[1] + other[1]) / 2);
    this.#pan((here[0] - last[0]) / 2, (here[1] - last[1]) / 2);
  }

  #key(event) {
    const steps = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (steps[event.key]) this.#pan(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.3);
    else if (event.key === "-") this.zoomBy(1 / 1.3);
    else if (event.key === "0") this.whole();
    else return;
    event.preventDefault();
  }
}

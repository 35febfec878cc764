/** Sparklines: the last five minutes as a line without axes; the value under the pointer is said in words. */

const WIDTH = 300;
const HEIGHT = 40;
const SECONDS = 300;

export class Spark {
  #svg;
  #line;
  #area;
  #values = [];
  #floor;

  /** `floor`: the least height of the scale, so that noise near zero stays low. `tell(value, agoSeconds)` or `tell(null)`. */
  constructor(svg, floor, tell) {
    this.#svg = svg;
    this.#line = svg.querySelector(".line");
    this.#area = svg.querySelector(".area");
    this.#floor = floor;
    svg.addEventListener("pointermove", (event) => this.#point(event, tell));
    svg.addEventListener("pointerleave", () => tell(null));
  }

  /** Values a second each, the newest last; null is a gap. */
  show(values) {
    this.#values = values.slice(-SECONDS);
    const known = this.#values.filter((value) => value !== null);
    const top = Math.max(this.#floor, ...known) * 1.12;
    // A young game fills the width sooner: the line grows instead of crawling in from the edge.
    const step = WIDTH / Math.max(60, this.#values.length - 1);
    const left = WIDTH - step * (this.#values.length - 1);
    const points = [];
    this.#values.forEach((value, index) => {
      if (value !== null) points.push([left + index * step, HEIGHT - (value / top) * HEIGHT]);
    });
    const path = points.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(2)}`).join("");
    this.#line.setAttribute("d", path);
    const ends = points.length ? [points[0][0], points.at(-1)[0]] : [];
    this.#area.setAttribute("d", points.length ? `${path}L${ends[1].toFixed(1)} ${HEIGHT}L${ends[0].toFixed(1)} ${HEIGHT}Z` : "");
  }

  #point(event, tell) {
    const box = this.#svg.getBoundingClientRect();
    const step = 1 / Math.max(60, this.#values.length - 1);
    const ago = Math.round((1 - (event.clientX - box.left) / box.width) / step);
    const value = this.#values.at(-1 - ago);
    if (ago < this.#values.length && value !== null && value !== undefined) tell(value, ago);
    else tell(null);
  }
}

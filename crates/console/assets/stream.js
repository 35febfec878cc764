/**
 * The live stream from the console. The browser's own retry gives up when the server refuses, so this one retries
 * itself, a little later each time, and says how it stands: "connecting", "live" or "lost".
 */

const SILENT_MS_MAX = 5000;
const RETRY_MS = [500, 1000, 2000, 4000];

export class Stream {
  #source = null;
  #space = null;
  #retries = 0;
  #timer = 0;
  #heard = 0;
  #handlers;

  /** `handlers`: link(state), status(document), map(document). */
  constructor(handlers) {
    this.#handlers = handlers;
    setInterval(() => this.#checkSilence(), 1000);
  }

  /** Watches the map of a space, or none. */
  watch(space) {
    if (this.#source && space === this.#space) return;
    this.#space = space;
    this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#heard = performance.now();
    const query = this.#space === null ? "" : `?space=${this.#space}`;
    const source = new EventSource(`/api/events${query}`);
    this.#source = source;
    source.addEventListener("status", (event) => {
      this.#hear();
      this.#handlers.status(JSON.parse(event.data));
    });
    source.addEventListener("map", (event) => {
      this.#hear();
      this.#handlers.map(JSON.parse(event.data));
    });
    source.addEventListener("error", () => {
      if (source === this.#source) this.#lose();
    });
  }

  #hear() {
    this.#heard = performance.now();
    this.#retries = 0;
    this.#handlers.link("live");
  }

  #lose() {
    this.#source?.close();
    this.#handlers.link("lost");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), RETRY_MS[Math.min(this.#retries, RETRY_MS.length - 1)]);
    this.#retries += 1;
  }

  /** A server that hangs closes nothing: silence is a loss too. */
  #checkSilence() {
    const silent = performance.now() - this.#heard > SILENT_MS_MAX;
    if (silent && !document.hidden && this.#source?.readyState === EventSource.OPEN) this.#lose();
  }
}

/** Watch expressions: evaluated twice a second with their effects dropped; a value that changed lights up. */

import { byId, make, say } from "./format.js";

const PERIOD_MS = 500;
const WATCHES_MAX = 12;
const KEY = "kuafu-watches";

export class WatchList {
  #ask;
  #isShown;
  #entity = null;
  #role = null;
  #rows = [];

  /** `isShown`: whether anybody can see the values. */
  constructor(ask, isShown) {
    this.#ask = ask;
    this.#isShown = isShown;
    for (const watch of JSON.parse(sessionStorage.getItem(KEY) ?? "[]")) this.#add(watch);
    byId("watch-add").addEventListener("submit", (event) => {
      event.preventDefault();
      const source = byId("watch-source").value.trim();
      if (!source || !this.#entity) return;
      byId("watch-source").value = "";
      const { id, name, type } = this.#entity;
      this.#add({ source, role: this.#role, entity: id, label: name || type });
      this.#keep();
    });
    setInterval(() => this.#evaluateAll(), PERIOD_MS);
  }

  /** Whom new expressions are about. */
  address(entity, role) {
    this.#entity = entity;
    this.#role = role;
    this.#enable();
  }

  #enable() {
    byId("watch-source").disabled = byId("watch-button").disabled = !this.#entity || this.#rows.length >= WATCHES_MAX;
    byId("watch-none").hidden = this.#rows.length > 0;
  }

  #keep() {
    sessionStorage.setItem(KEY, JSON.stringify(this.#rows.map((row) => row.watch)));
    this.#enable();
  }

  #add(watch) {
    const value = make("pre", { class: "value" }, "…");
    const remove = make("button", { type: "button", "aria-label": `Watch ${watch.source} no more`, title: "remove" }, "×");
    const item = make("li", { "data-testid": "watch" },
      make("div", {}, make("code", {}, watch.source), make("small", {}, `${watch.label} in ${watch.role}`)), remove, value);
    const row = { watch, value, item, waiting: false };
    remove.addEventListener("click", () => {
      this.#rows = this.#rows.filter((other) => other !== row);
      item.remove();
      this.#keep();
    });
    this.#rows.push(row);
    byId("watches").append(item);
    this.#enable();
  }

  #evaluateAll() {
    if (document.hidden || !this.#isShown()) return;
    for (const row of this.#rows) if (!row.waiting) this.#evaluate(row);
  }

  async #evaluate(row) {
    row.waiting = true;
    const { role, entity, source } = row.watch;
    const { status, data } = await this.#ask("POST", "/api/logic/evaluate", { role, entity, source, watch: true });
    row.waiting = false;
    const text = status === 200 ? data.text : data.error.split("\n", 1)[0];
    row.value.classList.toggle("error", status !== 200);
    row.value.title = status === 200 ? "" : data.error;
    if (row.value.textContent === text) return;
    const first = row.value.textContent === "…";
    say(row.value, text);
    if (!first) row.value.animate([{ background: "color-mix(in srgb, var(--accent) 45%, transparent)" }, {}], { duration: 1200, easing: "ease-out" });
  }
}

/** Chooses an entity, by its id or from those of a type, and which of its parts is spoken to. */

import { byId, count, make, say } from "./format.js";

export class Chooser {
  #ask;
  #chosen;
  #entity = null;
  #part = "base";
  #asked = 0;

  /** `chosen(entity, role)`: told each time; both null when nothing is. */
  constructor(types, ask, chosen) {
    this.#ask = ask;
    this.#chosen = chosen;
    byId("find-type").append(new Option("any type", ""), ...types.map((name) => new Option(name, name)));
    byId("find").addEventListener("submit", (event) => {
      event.preventDefault();
      this.find({ id: byId("find-id").value.trim(), type: byId("find-type").value }, false);
    });
    byId("find-type").addEventListener("change", () => byId("find").requestSubmit());
  }

  /** Looks everywhere; what is found alone is chosen, be it `wanted` or not. */
  async find({ id, type }, wanted) {
    const query = new URLSearchParams();
    if (id) query.set("id", id);
    if (type) query.set("type", type);
    const asked = ++this.#asked;
    const { status, data } = await this.#ask("GET", `/api/logic/entities?${query}`);
    if (asked !== this.#asked) return;
    if (status !== 200) return say(byId("found-count"), data.error);
    const silent = data.silent.length ? `; ${data.silent.join(", ")} did not answer` : "";
    const number = data.list.length;
    const words = number === 0 ? "None is there" : `${count(number)}${data.more ? " of more" : ""} found`;
    if (!wanted || number === 0) say(byId("found-count"), words + silent);
    if (!wanted) byId("found").replaceChildren(...data.list.map((entity) => this.#row(entity)));
    if (number === 1) this.choose(data.list[0]);
  }

  #row(entity) {
    const button = make("button", { type: "button", "data-entity": entity.id },
      make("b", {}, entity.name || entity.type), make("span", {}, entity.name ? entity.type : ""), make("code", {}, String(entity.id)));
    button.addEventListener("click", () => this.choose(entity));
    return make("li", {}, button);
  }

  choose(entity) {
    this.#entity = entity;
    if (!entity[this.#part]) this.#part = entity.base ? "base" : "cell";
    const title = make("b", {}, entity.name || entity.type);
    const rest = make("span", { class: "dim" }, entity.name ? entity.type : "");
    byId("chosen").replaceChildren(title, rest, make("code", {}, String(entity.id)));
    for (const button of byId("found").querySelectorAll("button")) {
      button.classList.toggle("chosen", button.dataset.entity === String(entity.id));
    }
    this.#showParts();
  }

  #showParts() {
    const parts = ["base", "cell"].filter((part) => this.#entity[part]);
    byId("parts").replaceChildren(...parts.map((part) => {
      const button = make("button", { type: "button", "data-testid": `part-${part}`, "aria-pressed": String(part === this.#part) },
        part, make("small", {}, this.#entity[part].replace(/^[a-z]+/, "")));
      button.addEventListener("click", () => {
        this.#part = part;
        this.#showParts();
      });
      return button;
    }));
    this.#chosen(this.#entity, this.#entity[this.#part]);
  }
}

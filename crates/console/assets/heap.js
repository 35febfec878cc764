/** What the entities of each type take in one role, as bars. */

import { byId, bytes, count, make, say } from "./format.js";
import { offerRoles } from "./profile.js";

export class Heap {
  #ask;

  constructor(ask) {
    this.#ask = ask;
    byId("heap").addEventListener("submit", (event) => {
      event.preventDefault();
      this.load();
    });
    byId("heap-role").addEventListener("change", () => this.load());
  }

  offer(roles) {
    offerRoles(byId("heap-role"), roles, "cell");
  }

  async load() {
    const role = byId("heap-role").value;
    if (!role) return;
    const { status, data } = await this.#ask("GET", `/api/logic/heap?role=${encodeURIComponent(role)}`);
    if (status !== 200) return say(byId("heap-said"), data.error);
    const all = data.types.reduce((sum, row) => sum + row.bytes, 0);
    const entities = data.types.reduce((sum, row) => sum + row.entities, 0);
    say(byId("heap-said"), `${count(entities)} entities, about ${bytes(all).join(" ")}`);
    const most = Math.max(1, ...data.types.map((row) => row.bytes));
    byId("heap-types").replaceChildren(...data.types.map((row) => {
      const bar = make("i", { "aria-hidden": "true" });
      bar.style.width = `${(row.bytes / most) * 100}%`;
      const each = row.entities ? `${bytes(Math.round(row.bytes / row.entities)).join(" ")} each` : "";
      return make("li", { "data-testid": "heap-type", "data-type": row.type },
        make("b", {}, row.type), make("span", { class: "track" }, bar),
        make("span", { class: "amount" }, bytes(row.bytes).join(" ")),
        make("span", { class: "dim" }, `${count(row.entities)} · ${each}`));
    }));
  }
}

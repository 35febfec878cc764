/** The list of script faults. An entry that stands open stays open while others come. */

import { byId, count, make, say, span } from "./format.js";

export class Faults {
  #list = byId("faults");
  #shown = new Map();

  show(status) {
    const now = status.at;
    say(byId("faults-total"), status.faults_total ? `${count(status.faults_total)} in all` : "");
    byId("faults-none").hidden = status.faults.length > 0;
    const keys = new Set();
    const rows = status.faults.map((fault) => {
      const key = `${fault.type}\n${fault.entry}\n${fault.message}`;
      keys.add(key);
      const row = this.#shown.get(key) ?? this.#create(fault);
      this.#shown.set(key, row);
      say(row.time, `${span(now - fault.last)} ago`);
      row.time.title = new Date(fault.last).toLocaleString();
      say(row.times, fault.times > 1 ? `× ${count(fault.times)}` : "");
      return row.item;
    });
    for (const key of this.#shown.keys()) if (!keys.has(key)) this.#shown.delete(key);
    const same = rows.length === this.#list.children.length && rows.every((row, index) => row === this.#list.children[index]);
    if (!same) this.#list.replaceChildren(...rows);
  }

  #create(fault) {
    const time = make("time");
    const times = make("span", { class: "times-seen" });
    const item = make("li", { "data-testid": "fault" },
      make("details", {},
        make("summary", {},
          make("b", {}, `${fault.type}.${fault.entry}`), time,
          make("span", { class: "what" }, fault.message.split("\n", 1)[0]), times),
        make("pre", {}, `${fault.message}\n\nin ${fault.from}`)));
    return { item, time, times };
  }
}

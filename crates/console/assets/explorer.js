/** The script API, as scripts write it: a list that is searched by words. */

import { byId, count, make, say } from "./format.js";

export class Explorer {
  #rows = null;
  #groups = [];

  constructor() {
    byId("api-search").addEventListener("input", () => this.#filter());
  }

  /** Fetched when it is first wanted. */
  async load() {
    if (this.#rows) return;
    this.#rows = [];
    try {
      const { entries } = await (await fetch("/api/logic/api")).json();
      this.#build(entries);
    } catch {
      this.#rows = null;
    }
  }

  #build(entries) {
    for (const entry of entries) {
      let group = this.#groups.at(-1);
      if (group?.title !== entry.group) {
        const list = make("dl");
        group = { title: entry.group, list, section: make("section", {}, make("h3", {}, ...coded(entry.group)), list) };
        this.#groups.push(group);
      }
      const item = make("div", { "data-testid": "api-entry" },
        make("dt", {}, make("code", {}, make("b", {}, entry.name), separator(entry) + entry.signature)), make("dd", {}, ...coded(entry.doc)));
      group.list.append(item);
      this.#rows.push({ item, group, text: `${entry.name} ${entry.signature} ${entry.doc} ${entry.group}`.toLowerCase() });
    }
    byId("api").replaceChildren(...this.#groups.map((group) => group.section));
    this.#filter();
  }

  #filter() {
    const words = byId("api-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const full = new Set();
    let shown = 0;
    for (const row of this.#rows ?? []) {
      row.item.hidden = !words.every((word) => row.text.includes(word));
      if (row.item.hidden) continue;
      shown += 1;
      full.add(row.group);
    }
    for (const group of this.#groups) group.section.hidden = !full.has(group);
    say(byId("api-count"), `${count(shown)} of ${count(this.#rows?.length ?? 0)}`);
  }
}

/** What stands between backticks is code. */
function coded(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

/** Fields and types are said after a colon, functions begin with their arguments. */
function separator({ signature }) {
  return signature === "" || signature.startsWith("(") ? "" : ": ";
}

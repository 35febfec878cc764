/** The last lines of the audit log: what was steered, by whom, and what came of it. */

import { byId, make, millis } from "./format.js";

export class Audit {
  #ask;

  constructor(ask) {
    this.#ask = ask;
  }

  async load() {
    const { status, data } = await this.#ask("GET", "/api/logic/audit");
    if (status !== 200) return;
    byId("audit-none").hidden = data.list.length > 0;
    byId("audit").replaceChildren(...data.list.map(row));
  }
}

function row(line) {
  const about = [line.role, line.entity, line.seconds !== undefined ? `${line.seconds} s` : null].filter((part) => part !== undefined && part !== null);
  const first = (line.source ?? "").split("\n", 1)[0];
  const title = make("b", {}, line.action, make("small", {}, about.join(" · ")));
  if (line.keep) title.append(make("em", {}, "kept"));
  const when = new Date(line.at);
  const summary = make("summary", {}, title, make("time", { title: when.toLocaleString() }, when.toLocaleTimeString()));
  if (first) summary.append(make("code", { class: "what" }, first));
  const text = [line.source, `→ ${line.answer}`, `${line.outcome} after ${millis(line.took_ms)} ms, from ${line.from}`];
  return make("li", { "data-testid": "audit-line", "data-outcome": line.outcome },
    make("details", {}, summary, make("pre", {}, text.filter(Boolean).join("\n\n"))));
}

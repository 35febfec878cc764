/** The table of roles, each with a drawer of all its numbers. Rows are kept and updated, never rebuilt. */

import { byId, bytes, count, draw, make, millis, say, span } from "./format.js";

export class Roles {
  #body = byId("roles");
  #table = this.#body.closest("table");
  #rows = new Map();

  show(status) {
    const alive = status.roles.filter((role) => role.state !== "lost" && role.state !== "ended").length;
    const lost = status.roles.filter((role) => role.state === "lost").length;
    say(byId("roles-count"), `${alive} running${lost ? `, ${lost} lost` : ""}`);
    this.#showColumn(6, status.roles.some((role) => role.mailbox !== null));
    const seen = new Set();
    let before = null;
    for (const role of status.roles) {
      seen.add(role.id);
      let row = this.#rows.get(role.id);
      if (!row) {
        row = this.#create(role);
        this.#rows.set(role.id, row);
        if (before) before.after(row.main, row.drawer);
        else this.#body.prepend(row.main, row.drawer);
      }
      this.#update(row, role, status.at);
      before = row.drawer;
    }
    for (const [id, row] of this.#rows) {
      if (seen.has(id)) continue;
      row.main.remove();
      row.drawer.remove();
      this.#rows.delete(id);
    }
  }

  /** A column that no role fills is left out. */
  #showColumn(number, shown) {
    for (const row of this.#table.rows) {
      const cell = row.classList.contains("drawer") ? null : row.cells[number - 1];
      if (cell) cell.hidden = !shown;
    }
  }

  #create(role) {
    const button = make("button", { type: "button", "aria-expanded": "false", "aria-controls": `drawer-${role.id}` },
      role.role, make("small", {}, `#${role.incarnation}`));
    const cell = (kind) => make("td", kind ? { class: kind } : {});
    const bar = draw("rect", { width: 0 });
    const percent = make("span");
    const state = make("span", { class: "state" });
    const parts = {
      state, bar, percent, button, numbers: new Map(),
      rss: cell("number"), tick: cell("number"), mailbox: cell("number"), since: cell("number"),
      list: make("dl", { class: "numbers" }),
    };
    const name = make("td", {}, button);
    const cpu = make("td", { class: "number" }, make("span", { class: "cpu" }, draw("svg", { viewBox: "0 0 64 5", preserveAspectRatio: "none", "aria-hidden": "true" }, bar), percent));
    const main = make("tr", { class: "role", "data-testid": "role", "data-role": role.id });
    main.append(name, make("td", {}, state), cpu, parts.rss, parts.tick, parts.mailbox, parts.since);
    const drawer = make("tr", { class: "drawer", id: `drawer-${role.id}`, "data-testid": "drawer" });
    drawer.append(make("td", { colspan: "7" }, parts.list));
    drawer.hidden = true;
    main.addEventListener("click", () => {
      drawer.hidden = !drawer.hidden;
      button.setAttribute("aria-expanded", String(!drawer.hidden));
    });
    return { main, drawer, ...parts };
  }

  #update(row, role, now) {
    row.state.dataset.state = role.state;
    say(row.state, role.state === "lost" ? `lost for ${span(role.report_age_ms)}` : role.state);
    row.main.classList.toggle("gone", role.state === "lost" || role.state === "ended");
    say(row.percent, role.cpu_percent === null ? "–" : `${role.cpu_percent.toFixed(1)} %`);
    row.bar.setAttribute("width", String(Math.min(64, (role.cpu_percent ?? 0) * 0.64)));
    say(row.rss, role.rss_mib === null ? "–" : `${count(Math.round(role.rss_mib))} MiB`);
    say(row.tick, role.tick_ms === null ? "" : `${millis(role.tick_ms.p99)} ms`);
    say(row.mailbox, role.mailbox === null ? "" : count(role.mailbox));
    say(row.since, span(now - role.since));
    row.since.title = `since ${new Date(role.since).toLocaleString()}`;
    this.#updateNumbers(row, role);
  }

  #updateNumbers(row, role) {
    const all = new Map(Object.entries(role.numbers));
    if (role.tick_ms) {
      all.set("tick_ms_p50", role.tick_ms.p50).set("tick_ms_p99", role.tick_ms.p99).set("tick_ms_max", role.tick_ms.max);
      if (role.tick_hz !== null) all.set("tick_hz", role.tick_hz);
    }
    for (const [name, line] of row.numbers) {
      if (all.has(name)) continue;
      line.item.remove();
      row.numbers.delete(name);
    }
    for (const name of [...all.keys()].sort()) {
      let line = row.numbers.get(name);
      if (!line) {
        const [value, rate] = [make("span"), make("small")];
        line = { value, rate, item: make("div", {}, make("dt", { title: name }, name.replaceAll("_", " ")), make("dd", {}, value, rate)) };
        row.numbers.set(name, line);
        const after = [...row.numbers.keys()].sort();
        const next = row.numbers.get(after[after.indexOf(name) + 1]);
        row.list.insertBefore(line.item, next?.item ?? null);
      }
      say(line.value, number(name, all.get(name)));
      const rate = role.rates[name];
      say(line.rate, rate === undefined ? "" : `${number(name, rate)}/s`);
    }
  }
}

/** The unit is the last word of a number's name. */
function number(name, value) {
  if (name.startsWith("bytes_") || name.endsWith("_bytes")) return bytes(value).join(" ");
  if (name.includes("_ms")) return `${millis(value)} ms`;
  if (name.endsWith("_mib")) return `${count(value)} MiB`;
  return count(value);
}

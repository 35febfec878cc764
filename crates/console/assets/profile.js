/** Where scripts spend their steps: watches one role for some seconds, then shows functions and entries with bars. */

import { byId, count, make, say } from "./format.js";

const ROWS_MAX = 40;

export class Profile {
  #ask;

  constructor(ask) {
    this.#ask = ask;
    byId("profile").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#watch();
    });
  }

  offer(roles) {
    offerRoles(byId("profile-role"), roles, "cell");
  }

  async #watch() {
    const [role, seconds] = [byId("profile-role").value, Number(byId("profile-seconds").value)];
    const [start, running] = [byId("profile-start"), byId("profile-running")];
    if (start.disabled || !role) return;
    start.disabled = true;
    running.hidden = false;
    running.firstElementChild.animate([{ width: "0" }, { width: "100%" }], { duration: seconds * 1000, fill: "forwards" });
    say(byId("profile-said"), `Watching ${role}`);
    const { status, data } = await this.#ask("POST", "/api/logic/profile", { role, seconds });
    start.disabled = false;
    running.hidden = true;
    byId("profile-tables").hidden = status !== 200;
    if (status !== 200) return say(byId("profile-said"), data.error);
    const entered = data.entries.reduce((sum, row) => sum + row.times, 0);
    say(byId("profile-said"), `${role} was entered ${count(entered)} times in ${count(seconds)} s`);
    this.#show(data);
  }

  #show({ steps, functions, entries }) {
    const share = (part, whole) => (whole ? part / whole : 0);
    byId("profile-functions").replaceChildren(...functions.slice(0, ROWS_MAX).map((row) => {
      const [where, ...name] = row.function.split(" ");
      return make("tr", { "data-testid": "profile-function" },
        make("td", {}, make("b", {}, name.join(" "))), make("td", {}, make("code", {}, where)),
        shareCell(share(row.own_steps, steps)), shareCell(share(row.all_steps, steps)));
    }));
    const all = entries.reduce((sum, row) => sum + row.steps, 0);
    byId("profile-entries").replaceChildren(...entries.slice(0, ROWS_MAX).map((row) => make("tr", {},
      make("td", {}, make("b", {}, row.entry)), make("td", { class: "number" }, count(row.times)),
      shareCell(share(row.steps, all), count(row.steps)), make("td", { class: "number" }, count(row.steps_max)))));
  }
}

/** A share as a number and a bar behind it. */
function shareCell(share, text) {
  const bar = make("i", { "aria-hidden": "true" });
  bar.style.width = `${Math.min(100, share * 100)}%`;
  return make("td", { class: "number share" }, bar, make("span", {}, text ?? `${(share * 100).toFixed(1)} %`));
}

/** Fills a list of roles anew when they changed; what was chosen stays chosen. */
export function offerRoles(select, roles, usual) {
  if (select.dataset.roles === roles.join()) return;
  const chosen = select.value;
  select.dataset.roles = roles.join();
  select.replaceChildren(...roles.map((role) => new Option(role, role)));
  select.value = roles.includes(chosen) ? chosen : roles.find((role) => role.startsWith(usual)) ?? roles[0] ?? "";
}

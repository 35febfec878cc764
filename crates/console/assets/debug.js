/** The debug panel: which tool is shown, whether it is open to this reader, and what the tools tell each other. */

import { Audit } from "./audit.js";
import { Chooser } from "./chooser.js";
import { Explorer } from "./explorer.js";
import { byId, say } from "./format.js";
import { Heap } from "./heap.js";
import { Operator } from "./operator.js";
import { Profile } from "./profile.js";
import { Prompt } from "./prompt.js";
import { WatchList } from "./watch_list.js";

const TABS = ["entity", "profile", "heap", "audit", "api"];
/** What anybody may see. */
const FREE = new Set(["api"]);

export class Debug {
  #operator = new Operator((state, why) => this.#turn(state, why));
  #state = "locked";
  #tab = "entity";
  #chooser;
  #prompt;
  #watches;
  #profile;
  #heap;
  #audit;
  #explorer = new Explorer();

  /** `types`: names of entity types. `mark`: told which entity is chosen, to show it on the map. */
  constructor(types, mark) {
    const ask = (...request) => this.#operator.ask(...request);
    this.#prompt = new Prompt(ask);
    this.#watches = new WatchList(ask, () => this.#state === "open" && this.#tab === "entity");
    this.#chooser = new Chooser(types, ask, (entity, role) => {
      mark(entity?.id ?? null);
      this.#prompt.address(entity, role);
      this.#watches.address(entity, role);
    });
    this.#profile = new Profile(ask);
    this.#heap = new Heap(ask);
    this.#audit = new Audit(ask);
    for (const name of TABS) {
      byId(`tab-${name}`).addEventListener("click", () => this.#open(name));
      byId(`tab-${name}`).addEventListener("keydown", (event) => this.#key(event));
    }
    byId("unlock").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#operator.offer(byId("unlock-token").value);
      byId("unlock-token").value = "";
    });
    this.#showState();
    this.#operator.check();
  }

  /** An entity was clicked on the map. */
  choose(id) {
    if (this.#state !== "open") return;
    this.#open("entity");
    this.#chooser.find({ id }, true);
    byId("debug").scrollIntoView({ behavior: "smooth", block: "nearest" });
  }

  show(status) {
    const roles = status.roles.filter((role) => ["base", "cell"].includes(role.role) && !["lost", "ended"].includes(role.state));
    const ids = roles.map((role) => role.id);
    this.#profile.offer(ids);
    this.#heap.offer(ids);
  }

  #turn(state, why) {
    say(byId("unlock-wrong"), why);
    if (this.#state === state) return;
    this.#state = state;
    this.#showState();
    this.#open(this.#tab);
  }

  #showState() {
    byId("debug").dataset.state = this.#state;
    say(byId("debug-state"), this.#state === "open" ? "open" : "locked");
    const shut = this.#state !== "open" && !FREE.has(this.#tab);
    byId("debug-locked").hidden = !shut;
    for (const name of TABS) byId(`pane-${name}`).hidden = name !== this.#tab || shut;
  }

  #open(tab) {
    this.#tab = tab;
    for (const name of TABS) {
      byId(`tab-${name}`).setAttribute("aria-selected", String(name === tab));
      byId(`tab-${name}`).tabIndex = name === tab ? 0 : -1;
    }
    this.#showState();
    if (tab === "api") this.#explorer.load();
    if (this.#state !== "open") return;
    if (tab === "audit") this.#audit.load();
    if (tab === "heap") this.#heap.load();
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = TABS[(TABS.indexOf(this.#tab) + step + TABS.length) % TABS.length];
    this.#open(next);
    byId(`tab-${next}`).focus();
  }
}

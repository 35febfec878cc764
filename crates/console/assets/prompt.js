/** The Luau prompt: runs what is typed as a method of the chosen entity, and keeps what came of it. */

import { byId, make, millis } from "./format.js";

const LOG_MAX = 50;
const HISTORY_MAX = 100;
const HISTORY_KEY = "kuafu-prompt-history";

export class Prompt {
  #ask;
  #entity = null;
  #role = null;
  #history = JSON.parse(sessionStorage.getItem(HISTORY_KEY) ?? "[]");
  /** How far back in the history the prompt is; 0 is what is being typed. */
  #back = 0;
  #typed = "";

  constructor(ask) {
    this.#ask = ask;
    const source = byId("source");
    byId("prompt").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#run();
    });
    source.addEventListener("input", () => {
      this.#back = 0;
      fit(source);
    });
    source.addEventListener("keydown", (event) => this.#key(event));
    byId("keep").addEventListener("change", () => byId("prompt").classList.toggle("keeps", byId("keep").checked));
  }

  /** Who is spoken to from now on. */
  address(entity, role) {
    this.#entity = entity;
    this.#role = role;
    byId("source").disabled = byId("run").disabled = entity === null;
  }

  async #run() {
    const source = byId("source").value.trim();
    if (!source || !this.#entity || byId("run").disabled) return;
    const [entity, role, keep] = [this.#entity, this.#role, byId("keep").checked];
    this.#remember(source);
    byId("source").value = "";
    fit(byId("source"));
    const answer = make("pre", { class: "waiting" }, "…");
    const who = make("span", { class: "who" }, `${entity.name || entity.type} in ${role}`);
    const item = make("li", { "data-testid": "log-item" }, make("div", { class: "said" }, make("pre", {}, source), who), answer);
    if (keep) item.classList.add("kept");
    byId("log").append(item);
    while (byId("log").children.length > LOG_MAX) byId("log").firstElementChild.remove();
    this.#showNewest();
    const { status, data } = await this.#ask("POST", "/api/logic/evaluate", { role, entity: entity.id, source, keep });
    const well = status === 200;
    item.dataset.ended = well ? "done" : data.code ?? "failed";
    answer.className = well ? "result" : "error";
    answer.textContent = well ? data.text + (data.cut ? "\n… and more" : "") : data.error;
    if (data.took_ms !== undefined) who.append(`, ${millis(data.took_ms)} ms`);
    if (keep && well) who.append(", kept");
    this.#showNewest();
  }

  #showNewest() {
    byId("log").scrollTop = byId("log").scrollHeight;
  }

  #remember(source) {
    this.#history = [...this.#history.filter((before) => before !== source), source].slice(-HISTORY_MAX);
    sessionStorage.setItem(HISTORY_KEY, JSON.stringify(this.#history));
    this.#back = 0;
  }

  #key(event) {
    const source = byId("source");
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      return this.#run();
    }
    const oneLine = !source.value.includes("\n");
    if (event.key === "ArrowUp" && (oneLine || source.selectionStart === 0)) this.#recall(event, 1);
    if (event.key === "ArrowDown" && (oneLine || source.selectionStart === source.value.length)) this.#recall(event, -1);
  }

  #recall(event, step) {
    const back = this.#back + step;
    if (back < 0 || back > this.#history.length) return;
    event.preventDefault();
    if (this.#back === 0) this.#typed = byId("source").value;
    this.#back = back;
    byId("source").value = back === 0 ? this.#typed : this.#history[this.#history.length - back];
    fit(byId("source"));
  }
}

/** As many rows as the text has, within reason. */
function fit(textarea) {
  textarea.rows = Math.min(10, textarea.value.split("\n").length);
}

/**
 * The operator's token: taken from the page's address, kept for this tab alone, sent with each request that needs it.
 * The address loses it at once, so that no history and no screenshot has it. The game's own page opens in another tab,
 * which this tab's storage is not handed to.
 */

const KEY = "kuafu-operator";
const FRAGMENT = "#operator=";

export class Operator {
  #changed;

  /** `changed`: told "open", or "locked" and why. */
  constructor(changed) {
    this.#changed = changed;
    addEventListener("hashchange", () => this.#takeFragment() && this.check());
    this.#takeFragment();
  }

  get token() {
    return sessionStorage.getItem(KEY) ?? "";
  }

  #takeFragment() {
    if (!location.hash.startsWith(FRAGMENT)) return false;
    sessionStorage.setItem(KEY, location.hash.slice(FRAGMENT.length));
    history.replaceState(null, "", location.pathname + location.search);
    return true;
  }

  /** Tries a token that somebody typed; an address that holds one is welcome too. */
  async offer(text) {
    sessionStorage.setItem(KEY, text.slice(text.lastIndexOf("=") + 1).trim());
    await this.check();
  }

  /** Asks whether the token is the right one. */
  async check() {
    if (!this.token) return this.#changed("locked", "");
    const { status } = await this.ask("GET", "/api/logic/audit");
    if (status === 200) this.#changed("open", "");
  }

  /** Gives `{status, data}`; what could not be asked has status 0. */
  async ask(method, path, body) {
    const headers = { authorization: `Bearer ${this.token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      const response = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
      const data = await response.json();
      if (response.status === 401) sessionStorage.removeItem(KEY);
      if ([401, 403, 429].includes(response.status)) this.#changed("locked", data.error);
      return { status: response.status, data };
    } catch (error) {
      return { status: 0, data: { error: `the console cannot be reached: ${error.message}` } };
    }
  }
}

/** The page of the trade example: who is there, what is offered, and who agreed. All of it is the state of `client.me`. */

import { Kuafu } from "/sdk/kuafu.js";

const byId = (id) => document.getElementById(id);
const COLOURS = { pearl: "#9e9eb0", shell: "#d7a77d", coral: "#e2604f", amber: "#d99000" };

const config = await fetch("/play/config.json").then((answer) => answer.json());
const scheme = location.protocol === "https:" ? "wss" : "ws";
const client = new Kuafu({ login: `${scheme}://${location.hostname}:${config.login_port}` });

byId("gate").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, password] = [byId("name").value.trim(), byId("password").value];
  try {
    await client.register(name, password).catch((error) => {
      if (error.name !== "NameTaken") throw error;
    });
    const account = await client.login(name, password);
    await client.enter((account.roles[0] ?? (await client.createRole(name))[0]).id);
    document.body.dataset.screen = "game";
    show();
  } catch (error) {
    byId("status").textContent = error.text ?? String(error);
  }
});
client.on("disconnect", (error) => {
  document.body.dataset.screen = "gate";
  byId("status").textContent = error.text;
});
window.addEventListener("pagehide", () => client.leave());

function attempt(promise) {
  byId("notice").textContent = "";
  promise.catch((error) => (byId("notice").textContent = error.text));
}

function list(id, rows) {
  byId(id).replaceChildren(...rows.map(([text, click, isOffered]) => {
    const [row, button] = [document.createElement("li"), document.createElement("button")];
    button.textContent = text;
    button.style.setProperty("--dot", COLOURS[text]);
    button.disabled = !click;
    button.classList.toggle("offered", Boolean(isOffered));
    if (click) button.addEventListener("click", () => attempt(click()));
    row.append(button);
    return row;
  }));
}

/** Offers a thing as well, or no more. */
function toggle(id) {
  const { offer } = client.me;
  return client.me.base.offer_things(offer.includes(id) ? offer.filter((other) => other !== id) : [...offer, id]);
}

function show() {
  const { me } = client;
  if (!me) return;
  // An entity in a property is its id; 0 or null is none.
  const partner = me.partner ? client.world.entities.get(me.partner) : null;
  const others = [...client.world.entities.values()].filter((entity) => entity !== me && entity.type === "avatar");
  list("people", others.map((other) => [other.name, partner ? null : () => me.base.trade_with(other)]));
  list("mine", [...me.things].map(([id, { kind }]) =>
    [kind, me.partner ? () => toggle(id) : null, me.offer.includes(id)]));
  list("theirs", [...me.their_offer].map(([, { kind }]) => [kind, null, true]));
  byId("partner").textContent = partner?.name ?? "Nobody";
  byId("mine-state").textContent = me.agreed ? "agreed" : me.partner ? "click what you offer" : "";
  byId("theirs-state").textContent = me.they_agreed ? "agreed" : me.partner ? "offers" : "";
  byId("agree").disabled = !me.partner || me.agreed;
  byId("call-off").disabled = !me.partner;
}

client.world.on("changed", show);
client.world.on("enter", show);
client.world.on("leave", show);
client.world.on("call", (entity, method, args) => {
  if (method === "told") byId("notice").textContent = args[0];
});
// The number says which offer was on the screen when the button was pressed.
byId("agree").addEventListener("click", () => attempt(client.me.base.agree(client.me.their_no)));
byId("call-off").addEventListener("click", () => attempt(client.me.base.call_off()));

/** For tests and curious people. */
window.game = { client };

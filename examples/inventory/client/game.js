/** The page of the inventory example: three lists, and a call for every click. */

import { Kuafu } from "/sdk/kuafu.js";

const byId = (id) => document.getElementById(id);
const COLOURS = { apple: "#c62828", rope: "#b08d57", anvil: "#546e7a", crown: "#e0a800" };

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
    showMine();
  } catch (error) {
    byId("status").textContent = error.text ?? String(error);
  }
});
client.on("disconnect", (error) => {
  document.body.dataset.screen = "gate";
  byId("status").textContent = error.text;
});
window.addEventListener("pagehide", () => client.leave());

/** Calls, and shows a refusal as the server words it. */
async function attempt(call) {
  byId("notice").textContent = "";
  await call().catch((error) => (byId("notice").textContent = error.text));
}

function show(list, items, click) {
  byId(list).replaceChildren(...[...items].map(([id, { kind, uses }]) => {
    const row = thing(kind, () => click(id));
    row.title = `number ${id}, ${uses} uses left`;
    return row;
  }));
}

function thing(kind, click) {
  const [row, button] = [document.createElement("li"), document.createElement("button")];
  button.textContent = kind;
  button.style.setProperty("--dot", COLOURS[kind]);
  button.addEventListener("click", () => attempt(click));
  row.append(button);
  return row;
}

// The own bag is a property, which the library keeps up to date.

function showMine() {
  const { bag, gold } = client.me;
  byId("gold").textContent = gold;
  byId("weight").textContent = `holds ${bag.capacity} kg`;
  show("bag", bag.items, (id) => client.me.base.stow(chest, id));
}
client.world.on("changed", (entity) => {
  if (entity === client.me) showMine();
});

// The chest is another entity: its content is asked for when it comes into view, and when it says that it changed.

let chest = null;

async function lookIntoChest() {
  await attempt(async () => {
    const content = await client.me.base.look_into(chest);
    show("chest", content, (id) => client.me.base.fetch(chest, id));
  });
}
client.world.on("enter", (entity) => {
  if (entity.type !== "chest") return;
  chest = entity;
  chest.on("changed", lookIntoChest);
  lookIntoChest();
});

byId("shop").replaceChildren(...Object.keys(COLOURS).map((kind) => thing(kind, () => client.me.base.buy(kind))));

/** For tests and curious people. */
window.game = { client };

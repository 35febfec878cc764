/** The page of the channel hall: what is said arrives as a client method, the message of the day as a property. */

import { Kuafu } from "/sdk/kuafu.js";

const byId = (id) => document.getElementById(id);

const config = await fetch("/play/config.json").then((answer) => answer.json());
const scheme = location.protocol === "https:" ? "wss" : "ws";
const client = new Kuafu({ login: `${scheme}://${location.hostname}:${config.login_port}` });

/** What was heard, by channel and number: a line that comes twice is there once. @type {Map<string, Map<number, any>>} */
const heard = new Map();
let shown = "lobby";

byId("gate").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [name, password] = [byId("name").value.trim(), byId("password").value];
  try {
    await client.register(name, password).catch((error) => {
      if (error.name !== "NameTaken") throw error;
    });
    const account = await client.login(name, password);
    const me = await client.enter((account.roles[0] ?? (await client.createRole(name))[0]).id);
    document.body.dataset.screen = "game";
    byId("motd").value = me.motd;
    for (const channel of me.channels) await open(channel);
    await open(me.channels[0] ?? "lobby");
  } catch (error) {
    byId("status").textContent = error.text ?? String(error);
  }
});
client.on("disconnect", (error) => {
  document.body.dataset.screen = "gate";
  byId("status").textContent = error.text;
});
window.addEventListener("pagehide", () => client.leave());

async function attempt(promise) {
  byId("notice").textContent = "";
  await promise.catch((error) => (byId("notice").textContent = error.text));
}

async function open(channel) {
  await attempt(client.me.base.enter_channel(channel).then((lines) => {
    for (const line of lines) keep(channel, line);
    shown = channel;
    show();
  }));
}

function keep(channel, line) {
  if (!heard.has(channel)) heard.set(channel, new Map());
  heard.get(channel).set(line.no, line);
}

function show() {
  byId("channels").replaceChildren(...client.me.channels.map((channel) => {
    const [row, button] = [document.createElement("li"), document.createElement("button")];
    button.textContent = `# ${channel}`;
    button.classList.toggle("open", channel === shown);
    button.addEventListener("click", () => open(channel));
    row.append(button);
    return row;
  }));
  const lines = [...(heard.get(shown)?.values() ?? [])].sort((a, b) => a.no - b.no);
  byId("lines").replaceChildren(...lines.map(({ from, text }) => {
    const [row, who] = [document.createElement("li"), document.createElement("b")];
    who.textContent = `${from} `;
    row.append(who, text);
    return row;
  }));
  byId("lines").scrollTop = byId("lines").scrollHeight;
  byId("say").placeholder = `Say something in # ${shown}`;
}

client.world.on("call", (entity, method, [channel, line]) => {
  if (method !== "heard") return;
  keep(channel, line);
  if (channel === shown) show();
});
client.world.on("changed", (entity, property, value) => {
  if (property === "motd") byId("motd").value = value;
  if (property === "channels") show();
});

function onSubmit(form, input, work) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId(input).value.trim();
    if (input !== "motd") byId(input).value = "";
    if (text) work(text);
  });
}
onSubmit("say-form", "say", (text) => attempt(client.me.base.say(shown, text)));
onSubmit("open-form", "open", open);
onSubmit("motd-form", "motd", (text) => attempt(client.me.base.set_motd(text)));
byId("leave").addEventListener("click", () => attempt(client.me.base.leave_channel(shown)));

/** For tests and curious people. */
window.game = { client };

// What a person does in the page, for the comments of docs/tutorial.md.
const byTest = (id) => document.querySelector(`[data-testid="${id}"]`);
const pause = () => new Promise((done) => setTimeout(done, 50));
const until = async (what) => { while (!what()) await pause(); };
const client = () => window.player?.client;
const among = (type, kind) => [...client().world.entities.values()]
  .filter((entity) => entity.type === type && (!kind || (entity.kind === kind && entity.ripe)));
const away = (entity) => {
  const { x, z } = client().predicted;
  return Math.hypot(entity.position.x - x, entity.position.z - z);
};
const nearest = (entities) => entities.sort((a, b) => away(a) - away(b))[0];
const send = (element, event) => element.dispatchEvent(event);

// Clicks so that the avatar walks towards a place; the page knows no distance that is too far.
const clickAt = ({ x, z }) => {
  const here = client().predicted;
  const [clientX, clientY] = [innerWidth / 2 + (x - here.x) * 18, innerHeight / 2 + (z - here.z) * 18];
  send(document.querySelector("canvas"), new PointerEvent("pointerdown", { clientX, clientY }));
};

const comeIn = async (name) => {
  // A page that is being loaded again is the old one for a moment.
  await until(() => client() && document.body.dataset.screen === "gate" && !byTest("enter").disabled);
  byTest("name").value = name;
  byTest("password").value = "a good password";
  byTest("enter").click();
  await until(() => document.body.dataset.screen === "game" && client().space);
};
const say = (text) => {
  byTest("text").value = text;
  byTest("text").form.requestSubmit();
};
const press = (code) => void send(window, new KeyboardEvent("keydown", { code, cancelable: true }));
const walkTo = async (type, kind) => {
  await until(() => among(type, kind).length);
  const goal = nearest(among(type, kind));
  while (away(goal) > 0.5) {
    clickAt(goal.position);
    await pause();
  }
  await new Promise((done) => setTimeout(done, 400)); // the server hears of a step within a tick
};
const stayAway = async (type) => {
  await until(() => among(type).length);
  const places = [];
  for (let x = -14; x <= 14; x += 2) for (let z = -14; z <= 14; z += 2) places.push({ x, z });
  const room = (place) => Math.min(...among(type).map(({ position }) => Math.hypot(position.x - place.x, position.z - place.z)));
  const goal = places.filter((place) => room(place) > 5).sort((a, b) => away({ position: a }) - away({ position: b }))[0];
  while (away({ position: goal }) > 0.5) {
    clickAt(goal);
    await pause();
  }
  await new Promise((done) => setTimeout(done, 400));
};
const shows = (text) => document.body.innerText.includes(text);
const drawn = () => {
  const canvas = document.querySelector("canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.some((byte) => byte !== 0);
};
const bushes = () => among("bush").length;
const lamps = () => among("lamp").length;
const lit = () => among("lamp").filter((lamp) => lamp.lit).length;
const berries = () => Number(byTest("berries").innerText);
const note = (value) => void (localStorage.noted = value);
const noted = () => Number(localStorage.noted);

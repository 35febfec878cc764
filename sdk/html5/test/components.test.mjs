/** Components of entities: their properties, calls and events, beside those of the entity. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { classOf } from "../src/entity.js";
import { EntityType } from "../src/schema.js";

const property = (no, name, type, value) => ({ no, name, type, part: "cell", own_client: true, other_clients: true, default: value });
const method = (no, name, part, args = []) => ({ no, name, part, exposed: part === "client" ? undefined : "owner", arguments: args });
const points = { name: "points", type: "uint8" };

const TYPE = new EntityType(
  {
    no: 1, name: "avatar", parents: ["creature", "thing"], components: { stats: "stats", position: "hand", constructor: "hand" },
    properties: [
      property(1, "hp", "int16", 1), property(2, "stats.hp", "int16", 50), property(3, "stats.slot", "string", "x"),
      property(4, "position.holds", "string", "hat"),
    ],
    methods: [
      method(1, "stats.heal", "cell", [points, { name: "loudly", type: "bool", default: true }]),
      method(2, "stats.rest", "cell"), method(3, "stats.rest", "base"),
      method(4, "stats.healed", "client", [points]), method(5, "constructor.drop", "cell"), method(6, "heal", "cell", [points]),
    ],
  },
  () => undefined,
);

function avatar() {
  const calls = [];
  const Avatar = classOf(TYPE);
  const call = (_entity, { name, part }, args) => {
    calls.push([part, name, ...args]);
    return Promise.resolve(name);
  };
  return { entity: new Avatar(TYPE, 7, call), calls };
}

test("a component's properties are fields of the component", () => {
  const { entity } = avatar();
  assert.equal(entity.stats.hp, 50);
  assert.equal(entity.hp, 1, "the entity's own property is another");
  entity.applyProperties([[TYPE.property(2), 60]]);
  assert.equal(entity.stats.hp, 60);
  assert.deepEqual(entity.stats.properties, { hp: 60, slot: "x" });
  assert.equal(entity.properties["stats.hp"], 60);
  assert.equal(entity.stats, entity.component("stats"), "it stays the same object");
  assert.deepEqual([entity.stats.slot, entity.stats.type, entity.stats.entity], ["stats", "stats", entity]);
  assert.throws(() => { entity.stats.hp = 3; }, TypeError);
});

test("a component's methods return promises, and what was left out has its default", async () => {
  const { entity, calls } = avatar();
  assert.equal(await entity.stats.heal(3), "stats.heal");
  await entity.cell.stats.heal(4, false);
  await entity.cell.heal(5);
  assert.equal(entity.stats.rest, undefined, "both parts have it");
  await entity.base.stats.rest();
  await entity.cell.stats.rest();
  assert.deepEqual(calls, [
    ["cell", "stats.heal", 3, true], ["cell", "stats.heal", 4, false], ["cell", "heal", 5],
    ["base", "stats.rest"], ["cell", "stats.rest"],
  ]);
});

test("changes and client methods of a component are told by the component and by the entity", () => {
  const { entity } = avatar();
  const told = [];
  entity.on("changed", (...change) => told.push(["entity", ...change]));
  entity.stats.on("changed", (...change) => told.push(["stats", ...change]));
  entity.component("position").on("changed", () => told.push("another component"));
  entity.applyProperties([[TYPE.property(2), 60], [TYPE.property(1), 2]]);
  entity.applyProperties([[TYPE.property(2), 60]]);
  assert.deepEqual(told, [["entity", "stats.hp", 60, 50], ["stats", "hp", 60, 50], ["entity", "hp", 2, 1]]);
});

test("a slot that is called like something an entity has anyway is found by its name", async () => {
  const { entity, calls } = avatar();
  assert.equal(entity.position, null, "it is the place");
  assert.equal(entity.component("position").holds, "hat");
  assert.equal(entity.component("position").type, "hand");
  await entity.component("constructor").drop();
  assert.deepEqual(calls, [["cell", "constructor.drop"]]);
  assert.equal(entity.component("nothing"), undefined);
});

test("an entity is of its type and of those that it inherits from", () => {
  const { entity } = avatar();
  assert.deepEqual(["avatar", "creature", "thing", "stone"].map((type) => entity.is(type)), [true, true, true, false]);
});

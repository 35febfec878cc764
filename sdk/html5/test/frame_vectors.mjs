/** Runs `frames.json`: packets in turn, and what a client must know of the world after each. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { bytesOfHex } from "../src/connection.js";
import { decodePacket } from "../src/messages.js";
import { Prediction } from "../src/prediction.js";
import { Schema } from "../src/schema.js";
import { valueFromJson } from "../src/values.js";
import { World } from "../src/world.js";

/** How far the prediction of the own entity may be from a record that only echoes. */
const ECHO_M = 0.75;

/** @param {URL} folder */
export function checkFrames(folder) {
  const { schema: json, steps } = JSON.parse(readFileSync(new URL("frames.json", folder), "utf8"));
  const schema = new Schema(JSON.stringify(json));
  const prediction = new Prediction();
  const world = new World({ now: () => 0 }, () => {}, prediction);
  const calls = [];
  world.on("call", (entity, method, args) => calls.push({ entity: entity.id, method, arguments: args }));
  for (const { hex, known, what } of steps) {
    calls.length = 0;
    for (const message of decodePacket(bytesOfHex(hex))) {
      if (message.message === "Attached") world.attach(schema, message);
      else world.receive(message);
    }
    assert.equal(world.space?.name ?? null, known.space, what);
    if (known.sequence > 0) assert.equal(world.sequence, known.sequence, what);
    assert.deepEqual(calls, known.calls, what);
    checkOwn(world.me, known.own, what);
    checkEntities(world, prediction, known.entities, what);
  }
}

function checkOwn(me, own, what) {
  assert.deepEqual([me.id, me.type], [own.entity, own.type], what);
  checkProperties(me, own.properties, what);
}

function checkEntities(world, prediction, entities, what) {
  const others = entities.filter(({ slot }) => slot !== 0);
  assert.deepEqual([...world.entities.keys()].sort(), others.map(({ entity }) => entity).sort(), what);
  for (const known of entities) {
    const entity = world.get(known.entity);
    assert.equal(entity.type, known.type, what);
    checkProperties(entity, known.properties, what);
    const place = known.slot === 0 ? prediction.place : entity.track.newest;
    const [x, y, z] = known.position;
    assert.ok(Math.hypot(place.x - x, place.y - y, place.z - z) <= (known.slot === 0 ? ECHO_M : 0), `${what}: slot ${known.slot}`);
    if (known.slot !== 0) assert.equal(Math.round((place.yaw / (2 * Math.PI)) * 256), known.yaw_steps, what);
  }
}

function checkProperties(entity, expected, what) {
  const types = new Map([...entity.entityType.properties.values()].map(({ name, type }) => [name, type]));
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(entity[name], valueFromJson(types.get(name), value), `${what}: ${entity.type}.${name}`);
  }
}

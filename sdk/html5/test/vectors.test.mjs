/** Runs the shared vectors of `sdk/vectors/`: the protocol page by example, the same for every client library. */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { applyEdit, decodeChanges, encodeChanges } from "../src/changes.js";
import { bytesOfHex, hexOfBytes } from "../src/connection.js";
import { decodePacket, encodeMessage, Opcode } from "../src/messages.js";
import { Reader } from "../src/reader.js";
import { EntityType, namedTypes } from "../src/schema.js";
import { decodeValue, encodeValue, parseType, valueFromJson } from "../src/values.js";
import { Writer } from "../src/writer.js";
import { checkFrames } from "./frame_vectors.mjs";
import { checkSchemas } from "./schema_vectors.mjs";

const FOLDER = new URL("../../vectors/", import.meta.url);
const load = (file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));

test("every vector file is known to this test", () => {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  assert.deepEqual(files.filter((name) => !["messages.json", "values.json", "frames.json", "schema.json"].includes(name)), []);
});

/** Fields as the vectors write them: snake case, bytes as hex, an outcome's fields beside the number. */
function plain(value) {
  if (value instanceof Uint8Array) return hexOfBytes(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), plain(inner)]);
  return Object.fromEntries(entries);
}

function fieldsOf({ message, outcome, ...fields }) {
  const { kind, ...ending } = outcome ?? {};
  return plain(outcome ? { ...fields, outcome: kind, ...ending } : fields);
}

test("messages are read as the vectors say, and written back to the same bytes", () => {
  for (const vector of load("messages.json").messages) {
    const [message, ...more] = decodePacket(bytesOfHex(vector.hex));
    assert.equal(more.length, 0, vector.name);
    assert.equal(message.message, vector.name);
    assert.equal(Opcode[vector.name], vector.opcode);
    assert.deepEqual(fieldsOf(message), vector.fields, vector.name);
    assert.equal(hexOfBytes(encodeMessage(vector.name, message)), vector.hex, vector.name);
  }
});

test("the vectors hold every message that this library knows", () => {
  const named = new Set(load("messages.json").messages.map((vector) => vector.name));
  assert.deepEqual(Object.keys(Opcode).filter((name) => !named.has(name)), []);
});

test("odd but allowed packets are tolerated, and broken ones refused", () => {
  const vectors = load("messages.json");
  for (const { hex, messages, why } of vectors.tolerated) {
    assert.deepEqual(decodePacket(bytesOfHex(hex)).map((message) => message.message), messages, why);
  }
  for (const { hex, why } of vectors.refused) {
    assert.throws(() => decodePacket(bytesOfHex(hex)), { name: "MalformedError" }, why);
  }
});

test("values of every type are read and written as the vectors say", () => {
  const vectors = load("values.json");
  const named = namedTypes(vectors);
  for (const { type: text, hex, value } of vectors.values) {
    const type = parseType(text, named);
    const reader = new Reader(bytesOfHex(hex));
    const read = decodeValue(reader, type);
    assert.equal(reader.left, 0, text);
    const writer = new Writer();
    encodeValue(writer, type, read);
    assert.equal(hexOfBytes(writer.finish()), hex, text);
    const fromJson = new Writer();
    encodeValue(fromJson, type, valueFromJson(type, value));
    assert.equal(hexOfBytes(fromJson.finish()), hex, `${text} from its JSON`);
  }
  for (const { type, hex, why } of vectors.refused) {
    const read = () => decodeValue(new Reader(bytesOfHex(hex)), parseType(type, named));
    assert.throws(read, { name: "MalformedError" }, `${type}: ${why}`);
  }
});

test("changes turn the value before into the value after", () => {
  const vectors = load("values.json");
  const named = namedTypes(vectors);
  for (const { type: text, hex, before, after } of vectors.changes) {
    const holder = new EntityType({ no: 1, name: "holder", properties: [{ no: 3, name: "thing", type: text }] }, named);
    const { type } = holder.property(3);
    const changes = decodeChanges(new Reader(bytesOfHex(hex)), holder);
    const old = valueFromJson(type, before);
    const value = changes.reduce((held, change) => applyEdit(type, held, change.steps, change.edit, change.value), old);
    assert.deepEqual([...asEntries(value)], [...asEntries(valueFromJson(type, after))], text);
    assert.deepEqual(old, valueFromJson(type, before), "the old value is as it was");
    const writer = new Writer();
    encodeChanges(writer, changes);
    assert.equal(hexOfBytes(writer.finish()), hex, text);
  }
});

/** `deepEqual` takes maps in any order as equal; their entries in a row it does not. */
function asEntries(value) {
  return value instanceof Map ? value : [value];
}

test("frames give the view that the vectors say", () => checkFrames(FOLDER));

test("an older schema and a newer one are read to the same properties, methods and bytes", () => {
  checkSchemas(load("schema.json"));
});

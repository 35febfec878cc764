/** `schema.json`: schemas of today and of the first form, read to the same. */

import assert from "node:assert/strict";

import { decodeProperties, encodeProperties } from "../src/changes.js";
import { bytesOfHex, hexOfBytes } from "../src/connection.js";
import { classOf } from "../src/entity.js";
import { Reader } from "../src/reader.js";
import { Schema } from "../src/schema.js";
import { encodeValue, parseType, valueFromJson } from "../src/values.js";
import { Writer } from "../src/writer.js";

const written = (write) => {
  const writer = new Writer();
  write(writer);
  return hexOfBytes(writer.finish());
};

function checkMembers(type, members) {
  for (const { is, no, type: text, ...expected } of members) {
    const found = is === "property" ? type.property(no) : type.method(no);
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(found[key], value, `${expected.name}: ${key}`);
    if (text && !text.includes("Item")) assert.deepEqual(found.type, parseType(text, () => undefined), text);
  }
}

function checkBytes(type, values, fillsIn) {
  const properties = decodeProperties(new Reader(bytesOfHex(values.properties_hex)), type);
  for (const [property, value] of properties) {
    assert.deepEqual(value, valueFromJson(property.type, values.properties[property.name]), property.name);
  }
  assert.equal(written((writer) => encodeProperties(writer, properties)), values.properties_hex);
  let sent = null;
  const Avatar = classOf(type);
  const avatar = new Avatar(type, 5, (_entity, method, args) => (sent = { method, args }));
  avatar.cell.stats.heal(...(fillsIn ? values.given : values.arguments));
  const encode = (writer) => sent.method.arguments.forEach((argument, at) => encodeValue(writer, argument.type, sent.args[at]));
  assert.equal(written(encode), values.arguments_hex);
  const reader = new Reader(bytesOfHex(values.call_hex));
  const heard = [];
  avatar.stats.on("healed", (points) => heard.push(points));
  assert.deepEqual(avatar.receiveCall(reader.varint(), reader), { name: "stats.healed", args: values.call });
  assert.deepEqual(heard, values.call);
}

/** @param {any} vectors the file */
export function checkSchemas({ older, newer, members, only_newer: more, values }) {
  const avatar = (schema) => [...new Schema(JSON.stringify(schema)).types.values()].find((type) => type.name === "avatar");
  for (const schema of [older, newer]) {
    checkMembers(avatar(schema), members);
    checkBytes(avatar(schema), values, schema === newer);
  }
  const type = avatar(newer);
  assert.deepEqual(type.parents, more.parents);
  assert.deepEqual(Object.fromEntries(type.components), more.components);
  const items = [...type.properties.values()].filter((property) => property.items);
  assert.deepEqual(items.map((property) => property.name), more.items);
  for (const [name, defaults] of Object.entries(more.defaults)) {
    const method = [...type.methods.values()].find((one) => one.member === name);
    assert.deepEqual(method.arguments.map((argument) => argument.default ?? null), defaults);
  }
  const old = avatar(older);
  assert.deepEqual([old.parents, [...old.components], items.length], [[], [], more.items.length]);
}

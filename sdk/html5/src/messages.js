/**
 * The messages of the protocol as a table, and packets made of them (protocol page, sections 1 and 3 to 5).
 *
 * A field of kind `rest` runs to the end of the body: what it holds depends on the schema or on other fields, and
 * whoever receives the message reads it then.
 * @module
 */

import { MalformedError } from "./errors.js";
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

const ROLE = [["id", "varint"], ["name", "text"], ["deletedAtMs", "u64"]];

/** Name, opcode and fields of every message. */
const TABLE = [
  ["Hello", 0x01, [["version", "u16"], ["flags", "u8"], ["digest", "token"], ["name", "text"]]],
  ["Register", 0x02, [["account", "text"], ["password", "text"]]],
  ["Login", 0x03, [["account", "text"], ["password", "text"]]],
  ["RoleCreate", 0x04, [["name", "text"]]],
  ["RoleDelete", 0x05, [["role", "varint"]]],
  ["RoleRestore", 0x06, [["role", "varint"]]],
  ["RoleSelect", 0x07, [["role", "varint"]]],
  ["Attach", 0x10, [["token", "token"]]],
  ["Call", 0x11, [["number", "varint"], ["entity", "varint"], ["part", "u8"], ["method", "varint"], ["arguments", "rest"]]],
  ["Move", 0x12, [["sequence", "varint"], ["position", "xyz"], ["yaw", "f32"]]],
  ["Ack", 0x13, [["sequence", "varint"]]],
  ["Ping", 0x14, [["clockMs", "f64"]]],
  ["Bye", 0x15, []],
  ["Welcome", 0x81, [["version", "u16"], ["digest", "token"], ["idleMs", "u32"], ["heartbeatMs", "u32"], ["name", "text"]]],
  ["Schema", 0x82, [["json", "text"]]],
  ["Registered", 0x83, []],
  ["LoggedIn", 0x84, [["account", "varint"], ["rolesMax", "varint"], ["roles", ROLE]]],
  ["Roles", 0x85, [["roles", ROLE]]],
  ["Queue", 0x86, [["position", "varint"], ["length", "varint"]]],
  ["Enter", 0x87, [["ticket", "token"], ["host", "text"], ["port", "u16"]]],
  ["Error", 0x8f, [["code", "u16"], ["fatal", "flag"], ["answers", "u8"], ["text", "text"]]],
  ["Attached", 0x90, [
    ["entity", "varint"], ["typeNo", "varint"], ["record", "varint"], ["resume", "token"], ["retaken", "flag"], ["properties", "rest"],
  ]],
  ["Frame", 0x91, [["body", "rest"]]],
  ["Result", 0x92, [["number", "varint"], ["outcome", "outcome"]]],
  ["Pong", 0x93, [["clockMs", "f64"], ["spaceTimeMs", "f64"], ["heldUs", "u32"]]],
  ["Own", 0x94, [["changes", "rest"]]],
  ["CallClient", 0x95, [["method", "varint"], ["arguments", "rest"]]],
  ["SpaceEnter", 0x96, [
    ["space", "varint"], ["name", "text"], ["origin", "xyz"], ["step", "xyz"], ["least", "xz"], ["greatest", "xz"],
    ["tickHz", "u16"], ["viewRadius", "f32"], ["topSpeed", "f32"], ["position", "xyz"], ["yaw", "f32"],
  ]],
  ["SpaceLeave", 0x97, []],
  ["Correct", 0x98, [["sequence", "varint"], ["position", "xyz"], ["yaw", "f32"], ["code", "u16"]]],
  ["SeeYou", 0x99, []],
];

const OUTCOMES = ["value", "refused", "unknown"];

/** The kinds of field that are more than one number or text, or less than all of it. */
const KINDS = {
  rest: { read: (reader) => reader.rest(), write: (writer, value) => writer.raw(value ?? new Uint8Array(0)) },
  flag: { read: readFlag, write: (writer, value) => writer.u8(value ? 1 : 0) },
  xz: { read: (reader) => [reader.f32(), reader.f32()], write: writeFloats },
  xyz: { read: (reader) => [reader.f32(), reader.f32(), reader.f32()], write: writeFloats },
  outcome: { read: readOutcome, write: writeOutcome },
};

function readFlag(reader) {
  const byte = reader.u8();
  if (byte > 1) throw new MalformedError(`a flag is ${byte}`);
  return byte === 1;
}

function writeFloats(writer, values) {
  for (const value of values) writer.f32(value);
}

function readOutcome(reader) {
  const kind = OUTCOMES[reader.u8()];
  if (!kind) throw new MalformedError("a call ended in an unknown way");
  return kind === "value" ? { kind, value: reader.rest() } : { kind, code: reader.u16(), text: reader.text() };
}

function writeOutcome(writer, outcome) {
  writer.u8(OUTCOMES.indexOf(outcome.kind));
  if (outcome.kind === "value") return writer.raw(outcome.value);
  writer.u16(outcome.code);
  writer.text(outcome.text);
}

/** The opcode of each message by its name. */
export const Opcode = Object.freeze(Object.fromEntries(TABLE.map(([name, opcode]) => [name, opcode])));

const BY_NAME = new Map(TABLE.map(([name, opcode, fields]) => [name, { opcode, fields }]));
const BY_OPCODE = new Map(TABLE.map(([name, opcode, fields]) => [opcode, { name, fields }]));

/**
 * Every message of a packet that is known, in order: `{message: its name, ...fields}`. Unknown opcodes are passed over.
 * @param {Uint8Array} packet
 * @returns {any[]}
 */
export function decodePacket(packet) {
  const reader = new Reader(packet);
  const messages = [];
  while (reader.left > 0) {
    const opcode = reader.u8();
    const body = new Reader(reader.blob());
    const known = BY_OPCODE.get(opcode);
    if (known) messages.push({ message: known.name, ...decodeFields(body, known.fields) });
  }
  return messages;
}

/**
 * One message with its opcode and length.
 * @param {string} name
 * @param {Record<string, any>} [fields]
 * @returns {Uint8Array}
 */
export function encodeMessage(name, fields = {}) {
  const known = BY_NAME.get(name);
  if (!known) throw new MalformedError(`there is no message ${name}`);
  const body = new Writer();
  encodeFields(body, known.fields, fields);
  const packet = new Writer(body.length + 6);
  packet.u8(known.opcode);
  packet.blob(body.finish());
  return packet.finish();
}

function decodeFields(reader, fields) {
  const message = {};
  for (const [name, kind] of fields) {
    message[name] = typeof kind !== "string" ? decodeList(reader, kind) : KINDS[kind] ? KINDS[kind].read(reader) : reader[kind]();
  }
  return message;
}

function decodeList(reader, fields) {
  return Array.from({ length: reader.count(2) }, () => decodeFields(reader, fields));
}

function encodeFields(writer, fields, message) {
  for (const [name, kind] of fields) {
    const value = message[name];
    if (typeof kind !== "string") {
      writer.varint(value.length);
      for (const item of value) encodeFields(writer, kind, item);
    } else if (KINDS[kind]) KINDS[kind].write(writer, value);
    else writer[kind](value);
  }
}

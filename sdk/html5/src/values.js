/**
 * Values by declared type: parsing type texts, and reading and writing values (protocol page, sections 2 and 7).
 *
 * In JavaScript an integer is a Number (a BigInt when declared `wide`), an enum its variant's name, a struct an object
 * by field name, a map a Map sorted by key, `bytes` a Uint8Array, a vector `{x, y, z, w}`, an entity its id. Values are
 * never changed in place: an edit gives a new value that shares what it left alone, so `===` tells what changed.
 * @module
 */

import { Code } from "./codes.js";
import { MalformedError, refused } from "./errors.js";

/**
 * @typedef {{kind: "bool" | "float32" | "float64" | "string" | "bytes" | "entity"}
 *   | {kind: "int", bits: number, signed: boolean, wide: boolean}
 *   | {kind: "vector", parts: string[]}
 *   | {kind: "list", item: Type}
 *   | {kind: "map", key: Type, value: Type}
 *   | {kind: "struct", name: string, fields: {name: string, type: Type}[]}
 *   | {kind: "enum", name: string, variants: string[]}} Type
 */

const DEPTH_MAX = 16;
const VECTOR_PARTS = ["x", "y", "z", "w"];

/**
 * Reads a type text such as `list<Item>` or `int64 wide`.
 * @param {string} text
 * @param {(name: string) => Type | undefined} named finds a struct or enum
 * @returns {Type}
 */
export function parseType(text, named) {
  const tokens = text.match(/[A-Za-z_][A-Za-z0-9_]*|[<>,]|\S/g) ?? [];
  let at = 0;
  const expect = (token) => {
    if (tokens[at++] !== token) throw new MalformedError(`the type "${text}" lacks a "${token}"`);
  };
  const parse = (depth) => {
    if (depth > DEPTH_MAX) throw new MalformedError(`the type "${text}" is nested too deep`);
    const name = tokens[at++] ?? "";
    if (name === "list") {
      expect("<");
      const item = parse(depth + 1);
      expect(">");
      return { kind: "list", item };
    }
    if (name === "map") {
      expect("<");
      const key = parse(depth + 1);
      expect(",");
      const value = parse(depth + 1);
      expect(">");
      return { kind: "map", key, value };
    }
    const type = builtIn(name) ?? named(name);
    if (!type) throw new MalformedError(`the type "${text}" names "${name}", which is not declared`);
    if (tokens[at] !== "wide") return type;
    at++;
    return { ...type, wide: true };
  };
  const type = parse(1);
  if (at !== tokens.length) throw new MalformedError(`the type "${text}" goes on where it should end`);
  return type;
}

/**
 * @param {string} name
 * @returns {Type | undefined}
 */
function builtIn(name) {
  const int = /^(u?)int(8|16|32|64)$/.exec(name);
  if (int) return { kind: "int", bits: Number(int[2]), signed: !int[1], wide: false };
  const vector = /^vec([234])$/.exec(name);
  if (vector) return { kind: "vector", parts: VECTOR_PARTS.slice(0, Number(vector[1])) };
  if (["bool", "float32", "float64", "string", "bytes", "entity"].includes(name)) return /** @type {any} */ ({ kind: name });
  return undefined;
}

/**
 * @param {import("./reader.js").Reader} reader
 * @param {Type} type
 * @returns {any}
 */
export function decodeValue(reader, type) {
  switch (type.kind) {
    case "bool": {
      const byte = reader.u8();
      if (byte > 1) throw new MalformedError(`${byte} is no bool`);
      return byte === 1;
    }
    case "int": return decodeInt(reader, type);
    case "float32": return reader.f32();
    case "float64": return reader.f64();
    case "string": return reader.text();
    case "bytes": return reader.blob().slice();
    case "entity": return decodeEntity(reader);
    case "vector": return Object.fromEntries(type.parts.map((part) => [part, reader.f32()]));
    case "enum": {
      const index = reader.varint();
      if (index >= type.variants.length) throw new MalformedError(`${type.name} has no variant ${index}`);
      return type.variants[index];
    }
    case "struct": return Object.fromEntries(type.fields.map((field) => [field.name, decodeValue(reader, field.type)]));
    case "list": return Array.from({ length: countOf(reader, type.item) }, () => decodeValue(reader, type.item));
    case "map": return decodeMap(reader, type);
  }
}

/** The count of items, bounded by what is left; items without a byte of their own are bounded by the packet size. */
function countOf(reader, type) {
  return type.kind === "struct" && type.fields.length === 0 ? Math.min(reader.varint(), 65536) : reader.count(1);
}

function decodeEntity(reader) {
  const id = reader.varint();
  if (!Number.isSafeInteger(id)) throw new MalformedError(`${id} is no entity`);
  return id;
}

function decodeMap(reader, type) {
  const map = new Map();
  const order = orderOf(type.key);
  let before;
  for (let left = reader.count(1); left > 0; left--) {
    const key = decodeValue(reader, type.key);
    if (map.size > 0 && order(before, key) >= 0) throw new MalformedError("the keys of a map do not rise");
    before = key;
    map.set(key, decodeValue(reader, type.value));
  }
  return map;
}

function decodeInt(reader, { bits, signed, wide }) {
  if (bits === 8) return signed ? reader.i8() : reader.u8();
  if (bits === 16) return signed ? reader.i16() : reader.u16();
  if (wide) return signed ? reader.svarintBig() : reader.varintBig();
  const number = signed ? reader.svarint() : reader.varint();
  if (bits === 32 && (signed ? number !== (number | 0) : number > 0xffffffff)) {
    throw new MalformedError(`${number} does not fit into 32 bits`);
  }
  return number;
}

/**
 * @param {import("./writer.js").Writer} writer
 * @param {Type} type
 * @param {any} value
 * @param {string} [place] what the value is, for the text of an error
 * @throws {import("./errors.js").KuafuError} `ArgumentInvalid` when the value is not of the type
 */
export function encodeValue(writer, type, value, place = "the value") {
  const need = (holds, what) => {
    if (!holds) throw refused(Code.ArgumentInvalid, `${place} must be ${what}, not ${shown(value)}`);
  };
  switch (type.kind) {
    case "bool":
      need(typeof value === "boolean", "true or false");
      return writer.u8(value ? 1 : 0);
    case "int": return encodeInt(writer, type, value, need);
    case "float32":
    case "float64":
      need(typeof value === "number", "a number");
      return type.kind === "float32" ? writer.f32(value) : writer.f64(value);
    case "string":
      need(typeof value === "string", "a text");
      return writer.text(value);
    case "bytes":
      need(value instanceof Uint8Array, "a Uint8Array");
      return writer.blob(value);
    case "entity": {
      const id = typeof value === "object" && value !== null ? value.id : value;
      need(Number.isSafeInteger(id) && id >= 0, "an entity or its id");
      return writer.varint(id);
    }
    case "vector":
      for (const part of type.parts) {
        need(typeof value?.[part] === "number", `an object with the numbers ${type.parts.join(", ")}`);
        writer.f32(value[part]);
      }
      return;
    case "enum": {
      const index = typeof value === "number" ? value : type.variants.indexOf(value);
      need(index in type.variants, `one of ${type.variants.join(", ")}`);
      return writer.varint(index);
    }
    case "struct":
      need(typeof value === "object" && value !== null, `an object with the fields of ${type.name}`);
      for (const field of type.fields) encodeValue(writer, field.type, value[field.name], `${place}.${field.name}`);
      return;
    case "list":
      need(Array.isArray(value), "an array");
      writer.varint(value.length);
      value.forEach((item, index) => encodeValue(writer, type.item, item, `${place}[${index}]`));
      return;
    case "map": {
      need(value instanceof Map, "a Map");
      writer.varint(value.size);
      for (const [key, item] of sortedEntries(value, type.key)) {
        encodeValue(writer, type.key, key, `a key of ${place}`);
        encodeValue(writer, type.value, item, `${place}[${shown(key)}]`);
      }
    }
  }
}

function encodeInt(writer, { bits, signed, wide }, value, need) {
  const whole = wide ? typeof value === "bigint" || Number.isSafeInteger(value) : Number.isInteger(value);
  need(whole, wide ? "a BigInt or a whole number" : "a whole number");
  const span = bits === 64 && !wide ? 2n ** 53n : 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
  const least = !signed ? 0n : bits === 64 && !wide ? -span : -span - 1n;
  need(BigInt(value) >= least && BigInt(value) <= span, `from ${least} to ${span}`);
  if (bits === 8) return signed ? writer.i8(value) : writer.u8(value);
  if (bits === 16) return signed ? writer.i16(value) : writer.u16(value);
  return signed ? writer.svarint(value) : writer.varint(value);
}

/**
 * The value that stands in the JSON of a schema: a default.
 * @param {Type} type
 * @param {any} json
 */
export function valueFromJson(type, json) {
  if (json === undefined || json === null) return emptyValue(type);
  switch (type.kind) {
    case "int": return type.wide ? BigInt(json) : Number(json);
    case "float32":
    case "float64":
    case "entity": return Number(json);
    case "bytes": return Uint8Array.from(String(json).match(/../g) ?? [], (pair) => parseInt(pair, 16));
    case "vector":
      return Object.fromEntries(type.parts.map((part, index) => [part, Array.isArray(json) ? json[index] : json[part]]));
    case "struct":
      return Object.fromEntries(type.fields.map((field) => [field.name, valueFromJson(field.type, json[field.name])]));
    case "list": return Array.from(json, (item) => valueFromJson(type.item, item));
    case "map": {
      const pairs = Array.isArray(json) ? json : Object.entries(json);
      return new Map(pairs.map(([key, value]) => [valueFromJson(type.key, key), valueFromJson(type.value, value)]));
    }
    default: return json;
  }
}

/** @param {Type} type */
function emptyValue(type) {
  switch (type.kind) {
    case "bool": return false;
    case "int": return type.wide ? 0n : 0;
    case "string": return "";
    case "bytes": return new Uint8Array(0);
    case "vector": return Object.fromEntries(type.parts.map((part) => [part, 0]));
    case "enum": return type.variants[0];
    case "struct": return Object.fromEntries(type.fields.map((field) => [field.name, emptyValue(field.type)]));
    case "list": return [];
    case "map": return new Map();
    default: return 0;
  }
}

/**
 * The entries of a map in the protocol's order: numbers by value, texts by their UTF-8 bytes, enums by index.
 * @param {Map<any, any>} map
 * @param {Type} keyType
 */
export function sortedEntries(map, keyType) {
  const order = orderOf(keyType);
  return [...map].sort(([a], [b]) => order(a, b));
}

function orderOf(keyType) {
  if (keyType.kind === "string") return orderOfTexts;
  const rank = keyType.kind === "enum" ? (key) => keyType.variants.indexOf(key) : (key) => key;
  return (a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0);
}

/** UTF-8 orders as code points do, which for surrogates is not how JavaScript compares strings. */
function orderOfTexts(a, b) {
  const left = Array.from(a, (char) => char.codePointAt(0));
  const right = Array.from(b, (char) => char.codePointAt(0));
  const differs = left.findIndex((point, index) => point !== right[index]);
  return differs < 0 ? left.length - right.length : differs >= right.length ? 1 : left[differs] - right[differs];
}

function shown(value) {
  const text = typeof value === "string" ? JSON.stringify(value) : typeof value === "bigint" ? `${value}` : String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

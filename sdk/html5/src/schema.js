/**
 * The schema of a game, as the server tells it at the handshake (protocol page, section 7).
 *
 * It takes the place of generated code: entity types, their properties and methods by number and by name.
 * @module
 */

import { MalformedError } from "./errors.js";
import { parseType, valueFromJson } from "./values.js";

/** The parts of an entity, by their number on the wire. */
export const PARTS = ["base", "cell", "client"];

/**
 * @typedef {import("./values.js").Type} Type
 * @typedef {{number: number, name: string, slot: string | null, member: string, type: Type, items: boolean, part: string,
 *   ownClient: boolean, otherClients: boolean, default: any}} Property
 * @typedef {{name: string, type: Type, default: any}} Argument the default is undefined where there is none
 * @typedef {{number: number, name: string, slot: string | null, member: string, part: string,
 *   exposed: "owner" | "view" | {within: number} | null, arguments: Argument[], result: Type | null}} Method
 */

/** What a client knows of a game's definitions. */
export class Schema {
  /** @param {string} text the JSON of the Schema message */
  constructor(text) {
    const json = parseJson(text);
    /** 32 hex digits. */
    this.digest = String(json.digest ?? "");
    const named = namedTypes(json);
    /** @type {Map<number, EntityType>} */
    this.types = new Map();
    for (const type of json.types ?? []) this.types.set(type.no, new EntityType(type, named));
  }

  /**
   * @param {number} number
   * @returns {EntityType}
   */
  type(number) {
    const type = this.types.get(number);
    if (!type) throw new MalformedError(`there is no entity type ${number}`);
    return type;
  }
}

/** One entity type. */
export class EntityType {
  /**
   * @param {any} json
   * @param {(name: string) => Type | undefined} named
   */
  constructor(json, named) {
    /** @type {number} */
    this.number = json.no;
    /** @type {string} */
    this.name = json.name;
    /** The types that it inherits from, the nearest first. @type {string[]} */
    this.parents = Array.isArray(json.parents) ? json.parents.map(String) : [];
    /** The type of each component, by its slot. @type {Map<string, string>} */
    this.components = new Map(Object.entries(json.components ?? {}));
    /** @type {Map<number, Property>} */
    this.properties = new Map();
    /** @type {Map<number, Method>} */
    this.methods = new Map();
    for (const property of json.properties ?? []) this.#addProperty(property, named);
    for (const method of json.methods ?? []) this.#addMethod(method, named);
  }

  #addProperty(json, named) {
    const type = parseType(json.type, named);
    this.properties.set(json.no, {
      number: json.no,
      name: json.name,
      ...inSlot(json.name),
      type,
      items: Boolean(json.items),
      part: partName(json.part),
      ownClient: Boolean(json.own_client),
      otherClients: Boolean(json.other_clients),
      default: valueFromJson(type, json.default),
    });
  }

  #addMethod(json, named) {
    this.methods.set(json.no, {
      number: json.no,
      name: json.name,
      ...inSlot(json.name),
      part: partName(json.part),
      exposed: json.exposed ?? null,
      arguments: (json.arguments ?? []).map((argument) => readArgument(argument, named)),
      result: json.result ? parseType(json.result, named) : null,
    });
  }

  /**
   * @param {number} number
   * @returns {Property}
   */
  property(number) {
    const property = this.properties.get(number);
    if (!property) throw new MalformedError(`${this.name} has no property ${number}`);
    return property;
  }

  /**
   * @param {number} number
   * @returns {Method}
   */
  method(number) {
    const method = this.methods.get(number);
    if (!method) throw new MalformedError(`${this.name} has no method ${number}`);
    return method;
  }
}

/** A member of a component is called `slot.member`; the entity's own have no slot. */
function inSlot(name) {
  const dot = name.indexOf(".");
  return dot < 0 ? { slot: null, member: name } : { slot: name.slice(0, dot), member: name.slice(dot + 1) };
}

/** @returns {Argument} */
function readArgument(json, named) {
  const type = parseType(json.type, named);
  return { name: json.name, type, default: "default" in json ? valueFromJson(type, json.default) : undefined };
}

function partName(part) {
  return typeof part === "number" ? PARTS[part] : String(part);
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new MalformedError("the schema is not JSON");
  }
}

/**
 * Structs and enums, built when first named: a struct may use others that stand after it.
 * @param {any} json with `structs` and `enums`
 * @returns {(name: string) => Type | undefined}
 */
export function namedTypes(json) {
  const structs = byName(json.structs, "fields");
  const enums = byName(json.enums, "variants");
  const built = new Map();
  const named = (name) => {
    if (!built.has(name)) built.set(name, build(name));
    return built.get(name);
  };
  const build = (name) => {
    if (enums.has(name)) return { kind: "enum", name, variants: enums.get(name) };
    const fields = structs.get(name);
    if (!fields) return undefined;
    built.set(name, undefined);
    return { kind: "struct", name, fields: fields.map((field) => ({ name: field.name, type: parseType(field.type, named) })) };
  };
  return named;
}

/** Declarations may stand as an object by name or as a list of objects with a name. */
function byName(declared, inner) {
  const entries = Array.isArray(declared) ? declared.map((one) => [one.name, one]) : Object.entries(declared ?? {});
  return new Map(entries.map(([name, one]) => [name, Array.isArray(one) ? one : one[inner]]));
}

/**
 * Properties and changes: snapshots, deltas, and applying an edit inside a value (protocol page, section 2).
 *
 * Applying the same changes in the same order to equal values gives equal values on every side.
 * @module
 */

import { MalformedError } from "./errors.js";
import { decodeValue, encodeValue, sortedEntries } from "./values.js";

/** The edits, by their number on the wire. */
export const EDITS = ["set", "insert", "remove"];

/**
 * @typedef {import("./values.js").Type} Type
 * @typedef {{number: number, name: string, type: Type}} Property
 * @typedef {{property: Property, edit: "set" | "insert" | "remove", steps: any[], value?: any}} Change
 */

/**
 * A snapshot.
 * @param {import("./reader.js").Reader} reader
 * @param {import("./schema.js").EntityType} entityType
 * @returns {[Property, any][]}
 */
export function decodeProperties(reader, entityType) {
  const properties = [];
  for (let left = reader.count(1); left > 0; left--) {
    const property = entityType.property(reader.varint());
    properties.push([property, decodeValue(reader, property.type)]);
  }
  return properties;
}

/**
 * A delta.
 * @param {import("./reader.js").Reader} reader
 * @param {import("./schema.js").EntityType} entityType
 * @returns {Change[]}
 */
export function decodeChanges(reader, entityType) {
  const changes = [];
  for (let left = reader.count(3); left > 0; left--) {
    const property = entityType.property(reader.varint());
    const edit = EDITS[reader.u8()];
    if (!edit) throw new MalformedError("a change with an unknown edit");
    const { steps, type } = decodeSteps(reader, property.type);
    changes.push(edit === "remove" ? { property, edit, steps } : { property, edit, steps, value: decodeValue(reader, type) });
  }
  return changes;
}

function decodeSteps(reader, outer) {
  const steps = [];
  let type = outer;
  for (let left = reader.count(1); left > 0; left--) {
    const inner = stepType(type);
    steps.push(inner.key ? decodeValue(reader, inner.key) : reader.varint());
    type = inner.into(steps[steps.length - 1]);
  }
  return { steps, type };
}

/** How a step into the type is written, and the type that it leads to. */
function stepType(type) {
  switch (type.kind) {
    case "list": return { into: () => type.item };
    case "map": return { key: type.key, into: () => type.value };
    case "struct":
      return {
        into: (number) => {
          if (!type.fields[number]) throw new MalformedError(`${type.name} has no field ${number}`);
          return type.fields[number].type;
        },
      };
    default: throw new MalformedError(`a step into a ${type.kind}`);
  }
}

/**
 * @param {import("./writer.js").Writer} writer
 * @param {[Property, any][]} properties
 */
export function encodeProperties(writer, properties) {
  writer.varint(properties.length);
  for (const [property, value] of properties) {
    writer.varint(property.number);
    encodeValue(writer, property.type, value, property.name);
  }
}

/**
 * @param {import("./writer.js").Writer} writer
 * @param {Change[]} changes
 */
export function encodeChanges(writer, changes) {
  writer.varint(changes.length);
  for (const change of changes) {
    writer.varint(change.property.number);
    writer.u8(EDITS.indexOf(change.edit));
    writer.varint(change.steps.length);
    let type = change.property.type;
    for (const step of change.steps) {
      const inner = stepType(type);
      if (inner.key) encodeValue(writer, inner.key, step, "a step");
      else writer.varint(step);
      type = inner.into(step);
    }
    if (change.edit !== "remove") encodeValue(writer, type, change.value, change.property.name);
  }
}

/**
 * The value after an edit; the old one stays as it was.
 * @param {Type} type the type of the value
 * @param {any} value
 * @param {any[]} steps
 * @param {"set" | "insert" | "remove"} edit
 * @param {any} [inner] what is set or inserted
 * @returns {any}
 */
export function applyEdit(type, value, steps, edit, inner) {
  if (steps.length === 0) {
    if (edit !== "set") throw new MalformedError(`${edit} needs a way to a place`);
    return inner;
  }
  const [step, ...rest] = steps;
  switch (type.kind) {
    case "list": return applyInList(type, value, step, rest, edit, inner);
    case "map": return applyInMap(type, value, step, rest, edit, inner);
    case "struct": {
      const field = type.fields[step];
      if (!field || (rest.length === 0 && edit !== "set")) throw new MalformedError(`no ${edit} in a struct's field`);
      return { ...value, [field.name]: applyEdit(field.type, value[field.name], rest, edit, inner) };
    }
    default: throw new MalformedError(`a step into a ${type.kind}`);
  }
}

function applyInList(type, value, index, rest, edit, inner) {
  const inserts = rest.length === 0 && edit === "insert";
  if (index > value.length || (index === value.length && !inserts)) throw new MalformedError(`no item ${index} to ${edit}`);
  const items = value.slice();
  if (inserts) items.splice(index, 0, inner);
  else if (rest.length === 0 && edit === "remove") items.splice(index, 1);
  else items[index] = applyEdit(type.item, items[index], rest, edit, inner);
  return items;
}

function applyInMap(type, value, key, rest, edit, inner) {
  const entries = new Map(value);
  if (rest.length === 0 && edit === "set") {
    const isNew = !entries.has(key);
    entries.set(key, inner);
    return isNew ? new Map(sortedEntries(entries, type.key)) : entries;
  }
  if (!entries.has(key) || (rest.length === 0 && edit === "insert")) throw new MalformedError(`no key to ${edit}`);
  if (rest.length === 0) entries.delete(key);
  else entries.set(key, applyEdit(type.value, entries.get(key), rest, edit, inner));
  return entries;
}

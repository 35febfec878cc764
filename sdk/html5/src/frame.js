/**
 * The frame: the world as the client's entity sees it, one a tick (protocol page, section 6).
 *
 * Decoding needs no state: which type a slot's blob follows is known to the world that applies the frame.
 * @module
 */

import { MalformedError } from "./errors.js";
import { Writer } from "./writer.js";

/**
 * @typedef {{x: number, y: number, z: number, yaw: number}} Lattice numbers as sent: u16, u16, u16, u8
 * @typedef {{slot: number, entity: number, type: number, record: Lattice, properties: Uint8Array}} Enter
 * @typedef {{sequence: number, spaceTimeMs: number, leaves: number[], enters: Enter[],
 *   moves: {slot: number, record: Lattice}[], states: {slot: number, changes: Uint8Array}[],
 *   calls: {slot: number, body: Uint8Array}[]}} Frame
 */

/**
 * @param {import("./reader.js").Reader} reader
 * @returns {Frame}
 */
export function decodeFrame(reader) {
  const sequence = reader.varint();
  const spaceTimeMs = reader.varint();
  const sections = reader.u8();
  const has = (bit) => (sections & (1 << bit)) !== 0;
  return {
    sequence,
    spaceTimeMs,
    leaves: has(0) ? list(reader, 1, () => reader.varint()) : [],
    enters: has(1) ? list(reader, 11, () => decodeEnter(reader)) : [],
    moves: has(2) ? decodeMoves(reader) : [],
    states: has(3) ? list(reader, 2, () => ({ slot: reader.varint(), changes: reader.blob() })) : [],
    calls: has(4) ? list(reader, 2, () => ({ slot: reader.varint(), body: reader.blob() })) : [],
  };
}

function list(reader, bytesEach, read) {
  return Array.from({ length: reader.count(bytesEach) }, read);
}

function decodeRecord(reader) {
  return { x: reader.u16(), z: reader.u16(), y: reader.u16(), yaw: reader.u8() };
}

function decodeEnter(reader) {
  const slot = reader.varint();
  const entity = reader.varint();
  const type = reader.varint();
  return { slot, entity, type, record: decodeRecord(reader), properties: reader.blob() };
}

function decodeMoves(reader) {
  const moves = [];
  reader.blob().forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit++) {
      if (byte & (1 << bit)) moves.push({ slot: at * 8 + bit, record: decodeRecord(reader) });
    }
  });
  return moves;
}

/**
 * @param {Frame} frame
 * @returns {Uint8Array}
 */
export function encodeFrame(frame) {
  const writer = new Writer(256);
  const parts = [frame.leaves, frame.enters, frame.moves, frame.states, frame.calls];
  writer.varint(frame.sequence);
  writer.varint(frame.spaceTimeMs);
  writer.u8(parts.reduce((bits, part, bit) => (part.length ? bits | (1 << bit) : bits), 0));
  const each = (items, write) => {
    if (items.length === 0) return;
    writer.varint(items.length);
    items.forEach(write);
  };
  each(frame.leaves, (slot) => writer.varint(slot));
  each(frame.enters, (enter) => {
    writer.varint(enter.slot);
    writer.varint(enter.entity);
    writer.varint(enter.type);
    encodeRecord(writer, enter.record);
    writer.blob(enter.properties);
  });
  if (frame.moves.length) encodeMoves(writer, frame.moves);
  each(frame.states, ({ slot, changes }) => {
    writer.varint(slot);
    writer.blob(changes);
  });
  each(frame.calls, ({ slot, body }) => {
    writer.varint(slot);
    writer.blob(body);
  });
  return writer.finish();
}

function encodeRecord(writer, record) {
  writer.u16(record.x);
  writer.u16(record.z);
  writer.u16(record.y);
  writer.u8(record.yaw);
}

function encodeMoves(writer, moves) {
  const rising = [...moves].sort((a, b) => a.slot - b.slot);
  const bitmap = new Uint8Array((rising[rising.length - 1].slot >> 3) + 1);
  for (const { slot } of rising) {
    if (bitmap[slot >> 3] & (1 << (slot & 7))) throw new MalformedError(`slot ${slot} moves twice`);
    bitmap[slot >> 3] |= 1 << (slot & 7);
  }
  writer.blob(bitmap);
  for (const { record } of rising) encodeRecord(writer, record);
}

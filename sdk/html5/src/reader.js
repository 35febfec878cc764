/**
 * Reads the protocol's numbers and texts from bytes (protocol page, section 2).
 *
 * Whatever the bytes are, the end is a value or a MalformedError; nothing is allocated by a length that the bytes
 * themselves do not hold.
 * @module
 */

import { MalformedError } from "./errors.js";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const EXACT_MAX = BigInt(Number.MAX_SAFE_INTEGER) + 1n;

/** A place in some bytes that moves on as things are read. */
export class Reader {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  /** Bytes that are left. */
  get left() {
    return this.bytes.length - this.at;
  }

  /**
   * Moves on by so many bytes and gives where they began.
   * @param {number} count
   */
  #take(count) {
    if (count > this.left) throw new MalformedError(`${count} bytes wanted, ${this.left} left`);
    const from = this.at;
    this.at += count;
    return from;
  }

  u8() { return this.view.getUint8(this.#take(1)); }
  u16() { return this.view.getUint16(this.#take(2), true); }
  u32() { return this.view.getUint32(this.#take(4), true); }
  i8() { return this.view.getInt8(this.#take(1)); }
  i16() { return this.view.getInt16(this.#take(2), true); }
  f32() { return this.view.getFloat32(this.#take(4), true); }
  f64() { return this.view.getFloat64(this.#take(8), true); }

  /** A u64 that must be exact as a Number. */
  u64() {
    return exact(this.view.getBigUint64(this.#take(8), true));
  }

  /** A varint that must be exact as a Number. */
  varint() {
    let result = 0;
    let factor = 1;
    const from = this.at;
    for (let count = 0; count < 4; count++) {
      const byte = this.u8();
      result += (byte & 0x7f) * factor;
      if (byte < 0x80) return result;
      factor *= 128;
    }
    this.at = from;
    return exact(this.varintBig());
  }

  /** A varint of the whole 64 bits. */
  varintBig() {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (result >> 64n) throw new MalformedError("a varint beyond 64 bits");
        return result;
      }
    }
    throw new MalformedError("a varint of more than 10 bytes");
  }

  /** A zigzag varint that must be exact as a Number. */
  svarint() {
    return exact(this.svarintBig());
  }

  /** A zigzag varint of the whole 64 bits. */
  svarintBig() {
    const raw = this.varintBig();
    return raw & 1n ? -(raw >> 1n) - 1n : raw >> 1n;
  }

  /**
   * A number of items, each of which takes at least `bytesEach` bytes of what is left.
   * @param {number} bytesEach
   */
  count(bytesEach = 1) {
    const count = this.varint();
    if (count * bytesEach > this.left) throw new MalformedError(`${count} items cannot be in ${this.left} bytes`);
    return count;
  }

  /**
   * So many bytes, as a view of the same memory.
   * @param {number} count
   */
  take(count) {
    const from = this.#take(count);
    return this.bytes.subarray(from, from + count);
  }

  /** Everything that is left. */
  rest() {
    return this.take(this.left);
  }

  blob() {
    return this.take(this.varint());
  }

  text() {
    try {
      return UTF8.decode(this.blob());
    } catch (error) {
      throw error instanceof MalformedError ? error : new MalformedError("a text is not UTF-8");
    }
  }

  token() {
    return this.take(16).slice();
  }
}

/**
 * @param {bigint} number
 * @returns {number}
 */
function exact(number) {
  if (number > EXACT_MAX || number < -EXACT_MAX) throw new MalformedError(`${number} is beyond 2^53`);
  return Number(number);
}

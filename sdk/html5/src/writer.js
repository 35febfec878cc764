/**
 * Writes the protocol's numbers and texts into growing bytes (protocol page, section 2).
 *
 * It trusts its caller: what a value may be is looked at by `values.js` before it comes here.
 * @module
 */

const UTF8 = new TextEncoder();

/** Bytes that grow as things are written. */
export class Writer {
  /** @param {number} [capacity] bytes to begin with */
  constructor(capacity = 64) {
    this.buffer = new Uint8Array(capacity);
    this.view = new DataView(this.buffer.buffer);
    this.length = 0;
  }

  /**
   * Makes room and gives where it begins.
   * @param {number} count
   */
  #room(count) {
    const from = this.length;
    this.length += count;
    if (this.length > this.buffer.length) {
      const grown = new Uint8Array(Math.max(this.length, this.buffer.length * 2));
      grown.set(this.buffer);
      this.buffer = grown;
      this.view = new DataView(grown.buffer);
    }
    return from;
  }

  /** What was written, as its own memory. */
  finish() {
    return this.buffer.slice(0, this.length);
  }

  u8(value) { const at = this.#room(1); this.view.setUint8(at, value); }
  u16(value) { const at = this.#room(2); this.view.setUint16(at, value, true); }
  u32(value) { const at = this.#room(4); this.view.setUint32(at, value, true); }
  u64(value) { const at = this.#room(8); this.view.setBigUint64(at, BigInt(value), true); }
  i8(value) { const at = this.#room(1); this.view.setInt8(at, value); }
  i16(value) { const at = this.#room(2); this.view.setInt16(at, value, true); }
  f32(value) { const at = this.#room(4); this.view.setFloat32(at, value, true); }
  f64(value) { const at = this.#room(8); this.view.setFloat64(at, value, true); }

  /** @param {number | bigint} value not negative */
  varint(value) {
    if (typeof value === "bigint" || value > 0x7fffffff) return this.#varintBig(BigInt(value));
    let left = value;
    while (left >= 0x80) {
      this.u8((left & 0x7f) | 0x80);
      left >>>= 7;
    }
    this.u8(left);
  }

  #varintBig(value) {
    let left = value;
    while (left >= 0x80n) {
      this.u8(Number(left & 0x7fn) | 0x80);
      left >>= 7n;
    }
    this.u8(Number(left));
  }

  /** @param {number | bigint} value */
  svarint(value) {
    const whole = BigInt(value);
    this.varint(whole < 0n ? -whole * 2n - 1n : whole * 2n);
  }

  /** @param {Uint8Array} bytes */
  raw(bytes) {
    const at = this.#room(bytes.length);
    this.buffer.set(bytes, at);
  }

  /** @param {Uint8Array} bytes */
  blob(bytes) {
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** @param {string} text */
  text(text) {
    this.blob(UTF8.encode(text));
  }

  /** @param {Uint8Array} bytes 16 of them */
  token(bytes) {
    this.raw(bytes);
  }
}

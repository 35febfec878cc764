/** The parts by themselves: interpolation, prediction, backoff, and random values there and back. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { applyEdit } from "../src/changes.js";
import { decodeFrame, encodeFrame } from "../src/frame.js";
import { PlaybackClock, Track, turn } from "../src/interpolation.js";
import { Prediction } from "../src/prediction.js";
import { Reader } from "../src/reader.js";
import { Schema } from "../src/schema.js";
import { backoffMs } from "../src/timers.js";
import { decodeValue, encodeValue, parseType } from "../src/values.js";
import { Writer } from "../src/writer.js";
import { SCHEMA_JSON } from "./plaza_schema.mjs";

/** Seeded chance, so that a failure can be repeated. */
function chance(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * below);
  };
}

const place = (x, z = 0) => ({ x, y: 0, z, yaw: 0 });

test("the playback clock runs evenly behind frames that arrive unevenly, and never back", () => {
  const clock = new PlaybackClock(100);
  const dice = chance(5);
  let now = 0;
  let last = -Infinity;
  for (let frame = 0; frame < 200; frame++) {
    const arrival = frame * 100 + 40 + dice(60);
    for (; now < arrival; now += 16) {
      const at = clock.at(now);
      if (frame > 2) {
        assert.ok(at >= last);
        assert.ok(frame < 30 || at - last < 16 * 1.2 + 0.01, `a step of ${at - last} ms`);
      }
      last = at;
    }
    clock.observe(frame * 100, arrival);
  }
  assert.ok(clock.delayMs > 120 && clock.delayMs < 300, `delay ${clock.delayMs}`);
});

test("a track stands where nothing was told, walks between records, and goes on only for a moment", () => {
  const track = new Track(place(0), 0);
  track.push(place(0.5), 1000, 100, 6);
  track.draw(850, 1000, 16);
  assert.equal(track.shown.x, 0, "it stood until a tick before");
  track.draw(950, 1000, 100);
  assert.ok(Math.abs(track.shown.x - 0.25) < 0.01);
  track.draw(1100, 1000, 100);
  assert.ok(Math.abs(track.shown.x - 1) < 0.02, "no newer frame: it goes on");
  track.draw(3000, 1000, 1000);
  assert.ok(track.shown.x < 1.8, "but not for long");
  track.draw(3000, 3000, 1000);
  assert.ok(Math.abs(track.shown.x - 0.5) < 0.01, "a newer frame said nothing: it stands");
});

test("a track jumps when the way is too far to have been walked", () => {
  const track = new Track(place(0), 0);
  track.draw(50, 0, 16);
  track.push(place(60), 100, 100, 6);
  track.draw(60, 100, 16);
  assert.equal(track.shown.x, 60);
});

test("angles turn the shorter way", () => {
  assert.ok(Math.abs(turn(6.2, 0.1, 0.5) - (6.2 + (0.1 + 2 * Math.PI - 6.2) / 2)) < 1e-9);
  assert.ok(Math.abs(turn(0.1, 6.2, 1) - (6.2 - 2 * Math.PI)) < 1e-9);
});

test("prediction replays the moves after the one that was corrected", () => {
  const prediction = new Prediction();
  prediction.put(place(0));
  const sent = [1, 2, 3].map((x) => {
    prediction.move(place(x));
    return prediction.poll(x * 100);
  });
  assert.deepEqual(sent.map(({ sequence }) => sequence), [1, 2, 3]);
  prediction.move(place(3.5));
  assert.equal(prediction.poll(350), null, "its time has not come");
  prediction.correct(1, place(0.2), (at) => at);
  assert.ok(Math.abs(prediction.place.x - 2.7) < 1e-9, "0.2 and the moves 2, 3 and the one not sent");
  const { sequence, place: again } = prediction.poll(450);
  assert.deepEqual([sequence, again.x.toFixed(6)], [4, "2.700000"], "the place is sent anew");
  prediction.correct(4, place(2.7), (at) => at);
  assert.ok(Math.abs(prediction.place.x - 2.7) < 1e-9);
  assert.equal(prediction.poll(900), null, "both sides agree");
  prediction.move(place(3.2));
  prediction.correct(4, place(0.2), (at) => at);
  assert.ok(Math.abs(prediction.place.x - 0.7) < 1e-9);
});

test("a record of the own entity that only echoes changes nothing; one from elsewhere counts", () => {
  const prediction = new Prediction();
  prediction.put(place(0));
  prediction.move(place(1));
  prediction.poll(100);
  prediction.move(place(2));
  prediction.moved(place(1.01));
  assert.equal(prediction.place.x, 2);
  prediction.moved(place(40));
  assert.equal(prediction.place.x, 40);
});

test("pauses between attempts double up to the most, within a third", () => {
  const limits = { firstMs: 300, mostMs: 8000 };
  for (let attempt = 1; attempt < 50; attempt++) {
    const middle = Math.min(8000, 300 * 2 ** (attempt - 1));
    assert.ok(backoffMs(attempt, limits, () => 0) >= middle * 0.66);
    assert.ok(backoffMs(attempt, limits, () => 0.999) <= middle * 1.34);
  }
});

test("random frames are the same after the way there and back, and cut ones are refused", () => {
  const dice = chance(11);
  const record = () => ({ x: dice(65536), z: dice(65536), y: dice(65536), yaw: dice(256) });
  const bytes = () => Uint8Array.from({ length: dice(9) }, () => dice(256));
  const some = (make) => Array.from({ length: dice(4) }, make);
  for (let round = 0; round < 300; round++) {
    const slots = [...new Set(some(() => dice(600)))].sort((a, b) => a - b);
    const frame = {
      sequence: dice(1e6), spaceTimeMs: dice(2 ** 40), leaves: some(() => dice(300)),
      enters: some(() => ({ slot: dice(300), entity: dice(2 ** 50), type: dice(9), record: record(), properties: bytes() })),
      moves: slots.map((slot) => ({ slot, record: record() })),
      states: some(() => ({ slot: dice(300), changes: bytes() })), calls: some(() => ({ slot: dice(300), body: bytes() })),
    };
    const encoded = encodeFrame(frame);
    assert.deepEqual(decodeFrame(new Reader(encoded)), frame);
    for (let cut = 0; cut < encoded.length; cut++) {
      assert.throws(() => decodeFrame(new Reader(encoded.subarray(0, cut))), { name: "MalformedError" });
    }
  }
});

test("random bytes never do more than be refused", () => {
  const dice = chance(17);
  const type = parseType("map<string, list<map<int64, vec3>>>", () => undefined);
  for (let round = 0; round < 5000; round++) {
    const bytes = Uint8Array.from({ length: dice(40) }, () => dice(round % 2 ? 256 : 6));
    for (const decode of [() => decodeFrame(new Reader(bytes)), () => decodeValue(new Reader(bytes), type)]) {
      try {
        decode();
      } catch (error) {
        assert.equal(error.name, "MalformedError", error.stack);
      }
    }
  }
});

test("whole numbers are held to their range", () => {
  const encode = (text, value) => encodeValue(new Writer(), parseType(text, () => undefined), value);
  const wrong = [
    ["int8", 128], ["uint8", -1], ["uint16", 65536], ["int32", 2 ** 31], ["uint32", -1],
    ["int64", 2 ** 53 + 2], ["uint8", 1.5], ["int64 wide", 2n ** 63n], ["bool", 1],
  ];
  for (const [text, value] of wrong) {
    assert.throws(() => encode(text, value), { name: "ArgumentInvalid" }, `${text} ${value}`);
  }
  encode("int64 wide", 5);
  encode("int64 wide", -(2n ** 63n));
});

test("edits share what they leave alone", () => {
  const { properties } = new Schema(SCHEMA_JSON).type(1);
  const { type } = properties.get(4);
  const bag = [{ kind: "hat", hue: 1 }, { kind: "gem", hue: 2 }];
  const edited = applyEdit(type, bag, [1, 1], "set", 9);
  assert.deepEqual(edited, [{ kind: "hat", hue: 1 }, { kind: "gem", hue: 9 }]);
  assert.equal(edited[0], bag[0]);
  assert.equal(bag[1].hue, 2);
  for (const [steps, edit] of [[[], "remove"], [[2], "remove"], [[3], "insert"], [[0, 5], "set"], [[0, 0], "remove"], [[0, 0, 0], "set"]]) {
    assert.throws(() => applyEdit(type, bag, steps, edit, 1), { name: "MalformedError" });
  }
});

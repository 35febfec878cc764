/**
 * The picture: ground, shadows, everything that stands from back to front, light, and words on top.
 *
 * It reads entities and draws them; it knows nothing of connections, and changes nothing in the game.
 * @module
 */

import { Actor } from "./actors.js";
import { Camera, DEPTH, HEIGHT } from "./camera.js";
import { chanceAt } from "./chance.js";
import { CrowdPictures } from "./crowd.js";
import { drawPerson, drawThing, drawWisp } from "./figures.js";
import { drawFountain } from "./fountain.js";
import { Ground } from "./ground.js";
import { drawBubble, drawName } from "./labels.js";
import { LightLayer, lightAt, rgbOfHue } from "./light.js";
import { LAMPS, STALLS, STRINGS, propsOfPlan } from "./plan.js";
import { LAMP_LIGHT, PropPictures } from "./props.js";

const TAU = Math.PI * 2;
const PERSON_SCALE = 1.2;
const THING_SCALE = 0.82;
/** With more people than this in the picture, poses are copied instead of drawn. */
const CROWD = 30;
/** In a crowd only so many of the nearest have their name over them, and those who speak. */
const CROWD_NAMES = 14;
const WARM = "255,196,118";
const BULBS = ["255,214,140", "255,170,150", "190,220,255", "220,190,255"];
/** How far and wide the shadow of a prop falls. */
const SHADOWS = {
  tree: [2.3, 0.9], bush: [1, 0.3], rock: [0.7, 0.2], lamp: [0.4, 0.15], bench: [1.2, 0.25], stall: [2.6, 0.7], pot: [0.65, 0.25],
};

/** The plaza on a canvas. */
export class Scene {
  camera = new Camera();
  /** The thing that can be picked up just now. @type {any} */
  picked = null;
  /** Where the own figure was told to go. @type {{x: number, z: number, atMs: number} | null} */
  target = null;

  #canvas;
  #context;
  #ground = new Ground();
  #light = new LightLayer();
  #pictures = new PropPictures();
  #crowd = new CrowdPictures();
  #isCrowd = false;
  #props = propsOfPlan();
  /** @type {Map<any, Actor>} */
  #actors = new Map();
  #shadow = blurredDisc();
  #lastMs = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#props.push({ kind: "fountain", x: 0, z: 0, variant: 0, size: 1 });
    this.#props.sort((a, b) => a.z - b.z);
  }

  /** The actor of an entity, made when first asked for. */
  actor(entity) {
    let actor = this.#actors.get(entity);
    if (!actor) this.#actors.set(entity, (actor = new Actor(entity, performance.now())));
    return actor;
  }

  /** An entity left: it fades. */
  forget(entity) {
    const actor = this.#actors.get(entity);
    if (actor) actor.goneMs = performance.now();
  }

  /**
   * @param {number} now own time
   * @param {any} me the own entity, if there is one
   * @param {Iterable<any>} entities others in view
   * @param {number} spaceTimeMs
   */
  draw(now, me, entities, spaceTimeMs) {
    const passedMs = Math.min(100, now - this.#lastMs);
    this.#lastMs = now;
    this.#fit();
    this.#updateActors(now, passedMs, me, entities);
    this.#moveCamera(now, passedMs, me);
    const context = this.#context;
    const { camera } = this;
    const light = lightAt(spaceTimeMs);
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.#ground.draw(context, camera);
    const bounds = camera.bounds(1);
    const within = ({ x, z }, aside, below) =>
      x > bounds.left - aside && x < bounds.right + aside && z > bounds.top - aside && z < bounds.bottom + below;
    const props = this.#props.filter((prop) => within(prop, 3, 8));
    const actors = [...this.#actors.values()].filter((actor) => within(actor, 0, 3));
    actors.sort((a, b) => a.z - b.z);
    this.#isCrowd = actors.filter(({ entity }) => entity.type === "avatar").length > CROWD;
    this.#drawShadows(props, actors, now, light);
    this.#drawMarks(now, me);
    this.#drawStanding(props, actors, now, me);
    this.#drawStrings(now, light, false);
    this.#drawLight(props, actors, now, light);
    this.#drawWords(actors, now, me);
  }

  #fit() {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(this.#canvas.clientWidth * ratio);
    const height = Math.round(this.#canvas.clientHeight * ratio);
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.camera.resize(width, height, ratio);
  }

  #updateActors(now, passedMs, me, entities) {
    if (me?.position) this.actor(me).update(now, passedMs);
    for (const entity of entities) this.actor(entity).update(now, passedMs);
    for (const [entity, actor] of this.#actors) {
      if (entity.gone && actor.goneMs === Infinity) actor.goneMs = now;
      if (now - actor.goneMs > 400 || (!entity.position && entity !== me)) this.#actors.delete(entity);
    }
  }

  #moveCamera(now, passedMs, me) {
    if (me?.position) return this.camera.follow(me.position.x, me.position.z, passedMs);
    const turn = now / 16000;
    const wide = this.camera.width > this.camera.height;
    const aside = wide ? -(this.camera.width / this.camera.scale) * 0.17 : 0;
    const above = wide ? 0 : (this.camera.height / this.camera.scale / DEPTH) * 0.24;
    this.camera.follow(aside + Math.sin(turn) * 2.5, above + Math.cos(turn * 0.8) * 2, passedMs * 0.4);
  }

  #drawShadows(props, actors, now, { lamps }) {
    const context = this.#context;
    const { camera } = this;
    const lay = (x, z, width, lean, alpha) => {
      context.globalAlpha = alpha;
      const radius = width * camera.scale;
      const flat = radius * DEPTH * 0.8;
      const [left, top] = [camera.screenX(x + lean) - radius * 1.25, camera.screenY(z - lean * 0.12) - flat];
      context.drawImage(this.#shadow, left, top, radius * 2.5, flat * 2);
    };
    const strength = 0.5 - lamps * 0.2;
    for (const { kind, x, z, size } of props) {
      if (kind === "fountain") lay(x, z, 5.2, 0.7, 0.4);
      else lay(x, z, SHADOWS[kind][0] * size, SHADOWS[kind][1], strength);
    }
    for (const actor of actors) {
      const width = { avatar: 0.52, wisp: 0.3, thing: 0.4 }[actor.entity.type] ?? 0.5;
      lay(actor.x, actor.z, width, 0.1, actor.presence(now) * 0.55);
    }
    context.globalAlpha = 1;
  }

  #ring(x, z, radius, colour, width) {
    const context = this.#context;
    const { camera } = this;
    context.strokeStyle = colour;
    context.lineWidth = width * camera.scale;
    context.beginPath();
    context.ellipse(camera.screenX(x), camera.screenY(z), radius * camera.scale, radius * camera.scale * DEPTH, 0, 0, TAU);
    context.stroke();
  }

  #drawMarks(now, me) {
    if (me?.position) this.#ring(me.position.x, me.position.z, 0.62, `hsla(${me.hue ?? 40}, 90%, 80%, 0.75)`, 0.06);
    if (this.target) {
      const age = (now - this.target.atMs) / 900;
      for (const shift of [0, 0.5]) {
        const part = (age + shift) % 1;
        this.#ring(this.target.x, this.target.z, 0.15 + part * 0.5, `rgba(255, 244, 214, ${0.8 * (1 - part)})`, 0.07);
      }
    }
    if (this.picked?.position) {
      const pulse = 0.55 + Math.sin(now / 180) * 0.06;
      this.#ring(this.picked.position.x, this.picked.position.z, pulse, "rgba(255, 214, 120, 0.9)", 0.07);
    }
  }

  /** Both lists are sorted by depth: they are merged. */
  #drawStanding(props, actors, now, me) {
    let next = 0;
    for (const actor of actors) {
      while (next < props.length && props[next].z <= actor.z) this.#drawProp(props[next++], now, me);
      this.#drawActor(actor, now);
    }
    while (next < props.length) this.#drawProp(props[next++], now, me);
  }

  #drawProp(prop, now, me) {
    const context = this.#context;
    const { camera } = this;
    const x = camera.screenX(prop.x);
    const y = camera.screenY(prop.z);
    if (prop.kind === "fountain") {
      context.save();
      context.translate(x, y);
      context.scale(camera.scale, camera.scale * HEIGHT);
      drawFountain(context, now / 1000);
      context.restore();
      return;
    }
    const picture = this.#pictures.of(prop, camera.scale);
    const sways = prop.kind === "tree" ? Math.sin(now / 1400 + prop.x) * 0.012 : 0;
    context.globalAlpha = prop.kind === "tree" && hides(prop, me) ? 0.42 : 1;
    context.setTransform(prop.size, 0, sways, prop.size, x, y);
    context.drawImage(picture.canvas, picture.left, picture.top);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
  }

  #drawActor(actor, now) {
    const context = this.#context;
    const { camera } = this;
    const { entity } = actor;
    const presence = actor.presence(now);
    const time = now / 1000;
    context.save();
    context.globalAlpha = presence;
    context.translate(camera.screenX(actor.x), camera.screenY(actor.z, actor.y));
    if (entity.type === "avatar") {
      const { yaw, stride, phase } = actor;
      this.#drawAvatar({ hue: entity.hue, seed: seedOf(entity.name), yaw, stride, phase, wave: actor.waveShare(now), time }, presence);
    } else if (entity.type === "thing") {
      const size = camera.scale * THING_SCALE * presence;
      context.scale(size, size);
      drawThing(context, entity.kind, entity.hue, time, entity.id % 7);
    } else {
      const at = wispPlace(actor, now);
      context.translate(at.x * camera.scale, at.y * camera.scale);
      context.scale(camera.scale, camera.scale);
      drawWisp(context, entity.hue ?? 50, Boolean(entity.startled), time + (entity.id % 9));
    }
    context.restore();
  }

  #drawAvatar(pose, presence) {
    const context = this.#context;
    const size = this.camera.scale * PERSON_SCALE;
    const height = size * HEIGHT * 1.06;
    if (this.#isCrowd && pose.wave === 0) return this.#crowd.draw(context, pose, size, height);
    const grown = 0.6 + presence * 0.4;
    context.scale(size * grown, height * grown);
    drawPerson(context, pose);
  }

  #drawStrings(now, light, glowing) {
    const context = this.#context;
    const { camera } = this;
    const radius = camera.scale * 0.34;
    STRINGS.forEach(([from, to], index) => {
      const point = (part) => {
        const sag = 4 * part * (1 - part) * 1.15 + Math.sin(now / 1500 + index) * 0.04;
        return [camera.screenX(from.x + (to.x - from.x) * part), camera.screenY(from.z + (to.z - from.z) * part, 3.55 - sag)];
      };
      if (!glowing) {
        context.strokeStyle = "rgba(58, 44, 72, 0.65)";
        context.lineWidth = Math.max(1, camera.scale * 0.035);
        context.beginPath();
        for (let step = 0; step <= 12; step++) context.lineTo(...point(step / 12));
        context.stroke();
      }
      for (let bulb = 1; bulb < 12; bulb++) {
        const [x, y] = point(bulb / 12);
        const colour = BULBS[(bulb + index) % BULBS.length];
        if (glowing) {
          context.globalAlpha = 0.25 + light.lamps * 0.6;
          context.drawImage(this.#light.glow(colour), x - radius, y - radius, radius * 2, radius * 2);
        } else {
          context.fillStyle = `rgb(${colour})`;
          context.beginPath();
          context.arc(x, y + radius * 0.2, radius * 0.3, 0, TAU);
          context.fill();
        }
      }
    });
    context.globalAlpha = 1;
  }

  #drawLight(props, actors, now, light) {
    const context = this.#context;
    const { camera } = this;
    const { scale } = camera;
    this.#light.begin(camera, light.ambient);
    const dim = 1 - Math.min(...light.ambient) / 255;
    const lit = Math.min(1, light.lamps * (0.25 + dim));
    const lamps = LAMPS.filter(({ x, z }) => near(camera, x, z));
    for (const lamp of lamps) this.#light.add(camera.screenX(lamp.x), camera.screenY(lamp.z, 0.8), scale * 9, WARM, lit * 0.9);
    for (const stall of STALLS) this.#light.add(camera.screenX(stall.x), camera.screenY(stall.z + 0.6, 1), scale * 6, WARM, lit * 0.7);
    this.#light.add(camera.screenX(0), camera.screenY(0, 1.5), scale * 10, "150,226,235", lit * 0.75);
    for (const actor of actors) {
      const { type, kind, hue } = actor.entity;
      const strength = actor.presence(now);
      const shed = (radius, colour, share) =>
        this.#light.add(camera.screenX(actor.x), camera.screenY(actor.z, actor.y + 0.5), scale * radius, colour, strength * share);
      if (type === "wisp") shed(4.5, rgbOfHue(hue ?? 50), 0.12 + lit * 0.75);
      else if (kind === "lantern") shed(4, rgbOfHue(hue), lit);
      else if (type === "avatar") shed(3.4, "255,232,204", lit * 0.4);
    }
    this.#light.apply(context, camera);
    this.#drawGlows(lamps, actors, now, light, lit);
  }

  /** What shines itself is laid over the darkness. */
  #drawGlows(lamps, actors, now, light, lit) {
    const context = this.#context;
    const { camera } = this;
    const { scale } = camera;
    context.globalCompositeOperation = "lighter";
    const shine = (x, y, radius, colour, alpha) => {
      context.globalAlpha = Math.max(0, Math.min(1, alpha));
      context.drawImage(this.#light.glow(colour), x - radius, y - radius, radius * 2, radius * 2);
    };
    for (const lamp of lamps) {
      const y = camera.screenY(lamp.z) - LAMP_LIGHT * scale * HEIGHT;
      shine(camera.screenX(lamp.x), y, scale * 2.3, WARM, light.lamps * 0.75);
      shine(camera.screenX(lamp.x), y, scale * 0.6, "255,240,205", light.lamps);
    }
    this.#drawStrings(now, light, true);
    for (const actor of actors) {
      const { entity } = actor;
      const [x, y] = [camera.screenX(actor.x), camera.screenY(actor.z, actor.y)];
      const strength = actor.presence(now);
      if (entity.type === "wisp") this.#drawWispGlow(actor, x, y, now, strength * (0.5 + lit * 0.5), shine);
      else if (entity.kind === "lantern") shine(x, y - scale * 0.6, scale * 1.3, rgbOfHue(entity.hue), strength * (0.2 + lit * 0.7));
      else if (entity.type === "thing") {
        shine(x, y - scale * 0.5, scale * 0.8, "255,240,200", strength * (0.16 + 0.1 * Math.sin(now / 420 + entity.id)));
      }
    }
    context.globalCompositeOperation = "source-over";
    context.globalAlpha = 1;
  }

  #drawWispGlow(actor, x, y, now, strength, shine) {
    const { scale } = this.camera;
    const { entity } = actor;
    const colour = rgbOfHue(entity.hue ?? 50, 0.95, 0.66);
    const at = wispPlace(actor, now);
    const flicker = 0.75 + 0.15 * Math.sin(now / (entity.startled ? 45 : 260) + entity.id);
    shine(x + at.x * scale, y + at.y * scale, scale * (entity.startled ? 2.2 : 1.5), colour, strength * flicker);
    for (let spark = 0; spark < 5; spark++) {
      const age = (now / 1700 + spark / 5 + (entity.id % 11) / 11) % 1;
      const drift = Math.sin(spark * 2.4 + now / 900) * 0.5 * age - Math.sin(actor.yaw) * age * actor.stride;
      shine(x + (at.x + drift) * scale, y + (at.y + age * 0.95) * scale, scale * 0.2 * (1 - age * 0.6), colour, strength * (1 - age));
    }
  }

  #named(actors, me) {
    const people = actors.filter(({ entity }) => entity.type === "avatar");
    if (!this.#isCrowd || !me?.position) return people;
    const { x, z } = me.position;
    const away = (actor) => (actor.bubble ? 0 : Math.hypot(actor.x - x, actor.z - z));
    const nearest = new Set([...people].sort((a, b) => away(a) - away(b)).slice(0, CROWD_NAMES));
    const shown = people.filter((actor) => nearest.has(actor) && actor.entity !== me);
    return [...shown, ...people.filter(({ entity }) => entity === me)];
  }

  #drawWords(actors, now, me) {
    const context = this.#context;
    const { camera } = this;
    const size = Math.max(11, Math.round(camera.scale * 0.5));
    const top = (actor) => camera.screenY(actor.z, actor.y) - camera.scale * PERSON_SCALE * 2.08;
    for (const actor of this.#named(actors, me)) {
      context.globalAlpha = actor.presence(now);
      drawName(context, actor.entity.name, camera.screenX(actor.x), top(actor), size, { hue: actor.entity.hue, own: actor.entity === me });
    }
    context.globalAlpha = 1;
    for (const actor of actors) {
      if (actor.bubble) drawBubble(context, actor.bubble, camera.screenX(actor.x), top(actor) - size * 1.9, size * 1.08, now);
    }
  }
}

function near(camera, x, z) {
  const [left, top] = [camera.screenX(x), camera.screenY(z)];
  const margin = camera.scale * 10;
  return left > -margin && left < camera.width + margin && top > -margin && top < camera.height + margin * 1.4;
}

/** Whether a tree stands before the own figure. */
function hides(prop, me) {
  if (!me?.position) return false;
  const behind = prop.z - me.position.z;
  return behind > 0 && behind < 8 && Math.abs(prop.x - me.position.x) < 2.4;
}

/** Where a wisp floats over its place, in metres of the screen. */
function wispPlace({ entity, y }, now) {
  const seed = entity.id % 13;
  const shiver = entity.startled ? Math.sin(now / 28) * 0.08 : 0;
  return { x: Math.sin(now / 900 + seed) * 0.18 + shiver, y: -(y > 0.5 ? 0.2 : 1.25) - Math.sin(now / 640 + seed) * 0.2 };
}

function blurredDisc() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 128;
  const context = canvas.getContext("2d");
  const gradient = context.createRadialGradient(64, 64, 0, 64, 64, 64);
  gradient.addColorStop(0, "rgba(38, 22, 58, 0.95)");
  gradient.addColorStop(0.5, "rgba(38, 22, 58, 0.62)");
  gradient.addColorStop(1, "rgba(38, 22, 58, 0)");
  context.fillStyle = gradient;
  context.fillRect(0, 0, 128, 128);
  return canvas;
}

/** What a person looks like follows from the name, so that friends know each other again. */
export function seedOf(name) {
  let seed = 7;
  for (const letter of String(name)) seed = (Math.imul(seed, 31) + letter.codePointAt(0)) | 0;
  return Math.floor(chanceAt(seed, 77) * 1e6);
}

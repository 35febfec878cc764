// How a client uses the stubs: that this type-checks, and that each line marked as an error is one, is a test.

import { Kuafu } from "/sdk/kuafu.js";
import type { Entity } from "/sdk/kuafu.js";
import { DIGEST, Hero, ItemEntity, Mood } from "./game.js";
import type { Item } from "./game.js";

export async function play(client: Kuafu): Promise<number> {
  const me = await client.enter<Hero>(1);
  const hp: number = me.stats.hp + me.properties["pet.hp"];
  const marks: readonly Item[] | undefined = me.marks.get("calm");
  const gift: Item = { mood: Mood[1], type: "box", weights: [1], owner: me.id, at: { x: 1, y: 2, z: 3 }, serial: 4n };
  const counts: ReadonlyMap<string, number> = await me.base.give(me, gift);
  await me.cell.poke(ItemEntity.among(client.world), 5n);
  await me.stats.heal(1).then(() => me.cell.pet.heal(2));
  const stop: () => void = Hero.handle(client.world, {
    told: (hero, entity, loud) => console.log(hero.face.length, entity + 1, loud === true),
    "stats.healed": (hero, by) => console.log(hero.total + BigInt(by)),
  });
  stop();

  // @ts-expect-error a number is wanted
  await me.stats.heal("much");
  // @ts-expect-error there is no such method
  await me.base.steal();
  // @ts-expect-error no such mood
  const mood: Mood = "sad";
  // @ts-expect-error properties are not written by clients
  me.total = 5n;
  // @ts-expect-error an item is no hero
  await me.base.give({} as ItemEntity, gift);
  // @ts-expect-error no such client method
  Hero.handle(client.world, { shouted: () => {} });
  return hp + counts.size + (marks?.length ?? 0) + mood.length + DIGEST.length;
}

/** What is not known to be a hero becomes one by asking. */
export function face(entity: Entity): Uint8Array | null {
  return Hero.is(entity) ? entity.face : null;
}

import { IdMap } from "../../session/id_map.ts";
import { assertEquals } from "../deps.ts";
import { Random } from "../helpers/random.ts";

/** The values of a Map in the order of its keys. */
function byId<T>(map: Map<number, T>): T[] {
  return [...map].sort(([a], [b]) => a - b).map(([, value]) => value);
}

/** Makes ids; `step` is the number of the call. */
const IDS: Readonly<Record<string, (random: Random, step: number) => number>> =
  {
    "few ids again and again": (random) => random.int(1, 60),
    "ids that go up, one side's": (random, step) =>
      Math.max(1, 2 * step + 1 - 2 * random.int(0, 100)),
    "ids that go up, and old ones": (random, step) =>
      random.chance(0.1)
        ? random.int(1, 50)
        : Math.max(1, step - random.int(0, 300)),
    "ids that share their low bits": (random, step) =>
      0x7fff0000 - 0x10000 * random.int(0, 20) + (step & 1),
    "the highest ids": (random) => 0x7fffffff - random.int(0, 2000),
  };

for (const [name, nextId] of Object.entries(IDS)) {
  Deno.test(`IdMap: it behaves like a Map, in the order of ids: ${name}`, () => {
    const random = new Random(1);
    const map = new IdMap<string>();
    const model = new Map<number, string>();
    for (let step = 0; step < 20_000; step++) {
      const id = nextId(random, step);
      if (random.chance(0.5)) {
        map.set(id, `value ${step}`);
        model.set(id, `value ${step}`);
      } else {
        assertEquals(map.delete(id), model.delete(id));
      }
      const asked = nextId(random, step);
      assertEquals(map.get(asked), model.get(asked));
      assertEquals(map.size, model.size);
      if (step % 100 === 0) assertEquals([...map.values()], byId(model));
      if (step % 3000 === 0) {
        map.clear();
        model.clear();
      }
    }
  });
}

Deno.test("IdMap: 0 is not an id and never present", () => {
  const map = new IdMap<number>();
  assertEquals(map.get(0), undefined);
  assertEquals(map.delete(0), false);
  map.set(1, 1);
  assertEquals(map.get(0), undefined);
  assertEquals(map.delete(0), false);
  assertEquals(map.size, 1);
});

Deno.test("IdMap: an entry that is removed during an iteration is not visited", () => {
  const map = new IdMap<number>();
  for (let id = 1; id <= 5; id++) map.set(id, id);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(value + 1);
  }
  assertEquals(seen, [1, 3, 5]);
});

Deno.test("IdMap: an iteration ends when all entries are removed", () => {
  const map = new IdMap<number>();
  map.set(1, 1);
  map.set(2, 2);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(1);
    map.delete(2);
  }
  assertEquals(seen, [1]);
});

Deno.test("IdMap: a grown table is empty when all entries are removed, and can grow again", () => {
  const map = new IdMap<number>();
  for (let round = 0; round < 3; round++) {
    for (let id = 1; id < 4000; id += 2) map.set(id, id + round);
    assertEquals(map.size, 2000);
    for (let id = 1; id < 4000; id += 2) {
      assertEquals(map.get(id), id + round);
      assertEquals(map.delete(id), true);
      assertEquals(map.get(id), undefined);
      assertEquals(map.delete(id), false);
    }
    assertEquals([map.size, [...map.values()]], [0, []]);
  }
});

import { IdMap } from "../../session/id_map.ts";
import { assertEquals } from "../deps.ts";
import { Random } from "../helpers/random.ts";

Deno.test("IdMap: does what a Map does, in the same order", () => {
  const random = new Random(1);
  const map = new IdMap<string>();
  const model = new Map<number, string>();
  for (let step = 0; step < 20_000; step++) {
    const id = random.int(0, 60);
    if (random.chance(0.5)) {
      map.set(id, `value ${step}`);
      model.set(id, `value ${step}`);
    } else {
      assertEquals(map.delete(id), model.delete(id));
    }
    const asked = random.int(0, 60);
    assertEquals(map.get(asked), model.get(asked));
    assertEquals(map.size, model.size);
    if (step % 100 === 0) assertEquals([...map.values()], [...model.values()]);
    if (step % 3000 === 0) {
      map.clear();
      model.clear();
    }
  }
});

Deno.test("IdMap: an entry taken out during a walk does not come", () => {
  const map = new IdMap<number>();
  for (let id = 1; id <= 5; id++) map.set(id, id);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(value + 1);
  }
  assertEquals(seen, [1, 3, 5]);
});

Deno.test("IdMap: a walk ends when all entries are taken out", () => {
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

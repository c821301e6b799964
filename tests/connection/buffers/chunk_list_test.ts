/** The list of received chunks: which of them share memory, and that it keeps none. */

import { ChunkList } from "../../../connection/buffers/chunk_list.ts";
import { assertEquals } from "../../deps.ts";
import { collect, withCollector } from "../../helpers/collector.ts";
import { turn } from "../../helpers/virtual_time.ts";

/** How many chunks must wait before small ones share memory. */
const MANY = 32;

/** A list in which this many chunks of one byte wait. */
function listOf(count: number): ChunkList {
  const list = new ChunkList();
  for (let index = 0; index < count; index++) list.keep(Uint8Array.of(index));
  return list;
}

/** The sizes of all chunks that are left. */
function sizesIn(list: ChunkList): number[] {
  const sizes: number[] = [];
  while (!list.isEmpty) sizes.push(list.shift().length);
  return sizes;
}

Deno.test("chunk list: chunks of up to 1 KiB share memory when 32 wait, larger ones never do", () => {
  const few = listOf(MANY - 2);
  for (const size of [1, 1, 1024]) few.keep(new Uint8Array(size));
  assertEquals(sizesIn(few).slice(MANY - 2), [1, 1, 1024]);

  const many = listOf(MANY);
  for (const size of [1024, 1024, 1, 1025, 5, 6]) {
    many.keep(new Uint8Array(size));
  }
  assertEquals(sizesIn(many).slice(MANY), [2049, 1025, 11]);
});

Deno.test("chunk list: chunks share memory of up to 16 KiB, and the next chunk begins another one", () => {
  const list = listOf(MANY);
  for (let count = 0; count < 20; count++) list.keep(new Uint8Array(1000));
  for (let count = 0; count < 20; count++) list.keep(new Uint8Array(1024));
  assertEquals(
    sizesIn(list).slice(MANY),
    [17_000, 3000 + 14 * 1024, 6 * 1024],
  );
});

Deno.test("chunk list: bytes stay in order, in whatever way they are taken", () => {
  const list = listOf(100);
  assertEquals(list.isBegun, false);
  const buffer = new Uint8Array(40);
  assertEquals(list.fill(buffer), 40);
  assertEquals(buffer, Uint8Array.from({ length: 40 }, (_, index) => index));
  assertEquals(list.isBegun, true);
  const next = list.shift();
  assertEquals([next[0], next.at(-1), list.isEmpty], [40, 99, true]);
  assertEquals([list.fill(buffer), list.isBegun], [0, false]);
});

for (const end of ["drop", "shift", "fill"] as const) {
  withCollector.test({
    name: `chunk list: after ${end}() of everything it keeps no memory`,
    async fn() {
      const list = listOf(MANY);
      const memory = keepOne(list);
      if (end === "drop") list.drop();
      else if (end === "fill") list.fill(new Uint8Array(2000));
      else sizesIn(list);
      // A WeakRef keeps its object until the end of the turn in which it was
      // created.
      await turn();
      collect?.();
      assertEquals(memory.deref(), undefined);
      assertEquals(list.isEmpty, true);
    },
  });
}

/** Adds a chunk whose memory later chunks may share. */
function keepOne(list: ChunkList): WeakRef<ArrayBufferLike> {
  const chunk = new Uint8Array(1000);
  list.keep(chunk);
  return new WeakRef(chunk.buffer);
}

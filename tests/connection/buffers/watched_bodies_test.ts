/**
 * The registry that cancels bodies which nobody can read any more, and which
 * bodies it watches. An entry keeps the stream of its body until the next full
 * garbage collection.
 */

import { ReceiveBuffer } from "../../../connection/buffers/receive_buffer.ts";
import { assertEquals } from "../../deps.ts";

/** Counts the entries that are added and removed while `work` runs. */
async function countEntries(
  work: () => Promise<void>,
): Promise<{ added: number; removed: number }> {
  const { prototype } = FinalizationRegistry;
  const { register, unregister } = prototype;
  const counts = { added: 0, removed: 0 };
  prototype.register = function (target, held, token) {
    if (held instanceof ReceiveBuffer) counts.added++;
    return register.call(this, target, held, token);
  };
  prototype.unregister = function (token) {
    const removed = unregister.call(this, token);
    if (token instanceof ReceiveBuffer && removed) counts.removed++;
    return removed;
  };
  try {
    await work();
  } finally {
    prototype.register = register;
    prototype.unregister = unregister;
  }
  return counts;
}

function bodyWith(text: string): ReceiveBuffer {
  const buffer = new ReceiveBuffer({
    consumed: () => {},
    waits: () => {},
    cancelled: () => {},
  });
  buffer.presentBody((error) => error);
  buffer.push(new TextEncoder().encode(text));
  buffer.settle();
  return buffer;
}

Deno.test("watched bodies: one that was read to its end is not watched any more", async () => {
  const counts = await countEntries(async () => {
    const buffer = bodyWith("hello");
    const text = new Response(buffer.readable).text();
    buffer.finish();
    assertEquals(await text, "hello");
  });
  assertEquals(counts, { added: 1, removed: 1 });
});

Deno.test("watched bodies: one that is cancelled, or that fails after its last byte, is not watched any more", async () => {
  const cancelled = await countEntries(() =>
    bodyWith("hello").readable.cancel()
  );
  assertEquals(cancelled, { added: 1, removed: 1 });
  const failed = await countEntries(async () => {
    const buffer = bodyWith("");
    const reader = buffer.readable.getReader();
    buffer.fail(new TypeError("broken"));
    await reader.read().catch(() => {});
  });
  assertEquals(failed, { added: 1, removed: 1 });
});

Deno.test("watched bodies: one with unread bytes is watched, and one that has already ended is not", async () => {
  const unread = await countEntries(async () => {
    const buffer = bodyWith("hello");
    assertEquals(buffer.readable.locked, false);
    buffer.finish();
    await Promise.resolve();
  });
  assertEquals(unread, { added: 1, removed: 0 });
  const ended = await countEntries(async () => {
    const buffer = bodyWith("");
    buffer.finish();
    assertEquals(await new Response(buffer.readable).text(), "");
  });
  assertEquals(ended, { added: 0, removed: 0 });
});

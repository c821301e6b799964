import { collect, concat } from "../bytes.ts";
import { assert, assertEquals, assertRejects } from "./deps.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

Deno.test("concat joins any number of parts, and copies also a single one", () => {
  assertEquals(concat([]), bytes());
  assertEquals(concat([bytes(), bytes()]), bytes());
  assertEquals(concat([bytes(1, 2), bytes(), bytes(3)]), bytes(1, 2, 3));
  const part = bytes(1, 2, 3, 4).subarray(1, 3);
  const copy = concat([part]);
  part[0] = 9;
  assertEquals(copy, bytes(2, 3));
  assertEquals(copy.buffer.byteLength, 2);
});

Deno.test("collect reads a source up to its limit, and leaves a longer one", async () => {
  const read: number[] = [];
  let isClosed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for (const size of [2, 0, 3]) {
        read.push(size);
        yield new Uint8Array(size).fill(size);
      }
    } finally {
      isClosed = true;
    }
  }
  const tooMuch = () => new RangeError("too much");
  assertEquals(await collect(source(), 5, tooMuch), bytes(2, 2, 3, 3, 3));
  for (const [limit, sizes] of [[4, [2, 0, 3]], [1, [2]]] as const) {
    read.length = 0;
    isClosed = false;
    await assertRejects(
      () => collect(source(), limit, tooMuch),
      RangeError,
      "too much",
    );
    assertEquals(read, [...sizes]);
    assert(isClosed);
  }
});

Deno.test("collect fails with the source's own error, and cancels a stream that is too long", async () => {
  const failing = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new TypeError("broken")),
  });
  const tooMuch = () => new RangeError("too much");
  await assertRejects(() => collect(failing, 9, tooMuch), TypeError, "broken");
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(bytes(1, 2)),
    cancel: () => {
      isCancelled = true;
    },
  });
  await assertRejects(() => collect(endless, 9, tooMuch), RangeError);
  assert(isCancelled);
});

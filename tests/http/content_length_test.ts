import { ReceiveBuffer } from "../../connection/buffers/receive_buffer.ts";
import {
  announcedLength,
  parseContentLength,
  wrongLength,
} from "../../http/message/content_length.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";

/** A receive buffer that expects this many bytes, and what it reported about a wrong number. */
function expecting(
  length: number,
): { receiveBuffer: ReceiveBuffer; told: string[] } {
  const told: string[] = [];
  const receiveBuffer = new ReceiveBuffer({
    consumed() {},
    cancelled() {},
    waits() {},
  });
  receiveBuffer.expect(length, (arrived) => {
    told.push(arrived);
    return wrongLength(length, arrived);
  });
  return { receiveBuffer, told };
}

function push(receiveBuffer: ReceiveBuffer, ...sizes: number[]): void {
  for (const size of sizes) {
    receiveBuffer.push(new Uint8Array(size));
    receiveBuffer.settle();
  }
}

async function readToEnd(receiveBuffer: ReceiveBuffer): Promise<number> {
  const buffer = new Uint8Array(3);
  for (let size = 0;;) {
    const read = await receiveBuffer.read(buffer);
    if (read === null) return size;
    size += read;
  }
}

Deno.test("a body of the announced length is read", async () => {
  for (const sizes of [[], [0], [5], [2, 0, 3], [1, 1, 1, 1, 1]]) {
    const announced = sizes.reduce((sum, size) => sum + size, 0);
    const direct = expecting(announced);
    push(direct.receiveBuffer, ...sizes);
    direct.receiveBuffer.finish();
    assertEquals(await readToEnd(direct.receiveBuffer), announced);
    const web = expecting(announced);
    const reading = new Response(web.receiveBuffer.readable).bytes();
    push(web.receiveBuffer, ...sizes);
    web.receiveBuffer.finish();
    assertEquals((await reading).length, announced);
    const whole = expecting(announced);
    push(whole.receiveBuffer, ...sizes);
    whole.receiveBuffer.finish();
    assertEquals(whole.receiveBuffer.takeAll()?.length, announced);
  }
});

Deno.test("a body that is too short fails only at its end", async () => {
  const { receiveBuffer, told } = expecting(5);
  const reader = receiveBuffer.readable.getReader();
  push(receiveBuffer, 2, 2);
  assertEquals((await reader.read()).value?.length, 2);
  receiveBuffer.finish();
  assertEquals(receiveBuffer.takeAll(), undefined);
  assertEquals((await reader.read()).value?.length, 2);
  const error = await assertRejects(() => reader.read(), HttpMessageError);
  assertEquals(error.message, "content-length is 5, but only 4 bytes arrived");
  assertEquals(told, ["only 4"]);
});

Deno.test("a body that is too long fails after the bytes that arrived", async () => {
  const { receiveBuffer, told } = expecting(6);
  push(receiveBuffer, 4, 4, 4);
  receiveBuffer.finish();
  const buffer = new Uint8Array(10);
  assertEquals(await receiveBuffer.read(buffer), 4);
  const error = await assertRejects(
    () => receiveBuffer.read(buffer),
    HttpMessageError,
  );
  assertEquals(error.message, "content-length is 6, but more bytes arrived");
  assertEquals(told, ["more"]);
});

Deno.test("bytes that arrived before the length was known are counted", async () => {
  for (const length of [3, 5]) {
    for (const finished of [true, false]) {
      const receiveBuffer = new ReceiveBuffer({
        consumed() {},
        cancelled() {},
        waits() {},
      });
      push(receiveBuffer, 2, 2);
      if (finished) receiveBuffer.finish();
      receiveBuffer.expect(length, (arrived) => wrongLength(length, arrived));
      if (!finished) receiveBuffer.finish();
      await assertRejects(() => readToEnd(receiveBuffer), HttpMessageError);
    }
  }
});

Deno.test("cancelling and failing do not count as a wrong length", async () => {
  const cancelled = expecting(6);
  await cancelled.receiveBuffer.readable.cancel("enough");
  cancelled.receiveBuffer.finish();
  const failed = expecting(6);
  failed.receiveBuffer.fail(new Error("broken"));
  await assertRejects(() => readToEnd(failed.receiveBuffer), Error, "broken");
  const dropped = expecting(6);
  dropped.receiveBuffer.discard(() => new Error("dropped"));
  dropped.receiveBuffer.finish();
  assertEquals([cancelled.told, failed.told, dropped.told], [[], [], []]);
});

Deno.test("a length is decimal digits, and the error names the side at fault", () => {
  assertEquals(parseContentLength("007", "remote"), 7);
  assertEquals(announcedLength([["a", "b"]]), undefined);
  assertEquals(announcedLength([["a", "b"], ["content-length", "12"]]), 12);
  for (const value of ["", "x", "-1", "1e3", "5, 5", "0x10", "9".repeat(16)]) {
    const error = assertThrows(
      () => announcedLength([["content-length", value]]),
      HttpMessageError,
      "is not a number of bytes",
    );
    assertEquals(error.initiator, "local");
    assertThrows(() => parseContentLength(value, "remote"), HttpMessageError);
  }
});

import { assertEquals, assertRejects, assertThrows } from "../../deps.ts";
import {
  announcedLength,
  parseContentLength,
  wrongLength,
} from "../../../connection/http/content_length.ts";
import { HttpMessageError } from "../../../connection/http/message_error.ts";
import { Inbox } from "../../../connection/inbox.ts";

/** An inbox that expects so many bytes, and what it told of a wrong number. */
function expecting(length: number): { inbox: Inbox; told: string[] } {
  const told: string[] = [];
  const inbox = new Inbox({ consumed() {}, cancelled() {}, waits() {} });
  inbox.expect(length, (came) => {
    told.push(came);
    return wrongLength(length, came);
  });
  return { inbox, told };
}

function push(inbox: Inbox, ...sizes: number[]): void {
  for (const size of sizes) {
    inbox.push(new Uint8Array(size));
    inbox.settle();
  }
}

async function readToEnd(inbox: Inbox): Promise<number> {
  const buffer = new Uint8Array(3);
  for (let size = 0;;) {
    const read = await inbox.read(buffer);
    if (read === null) return size;
    size += read;
  }
}

Deno.test("a body of the announced length passes", async () => {
  for (const sizes of [[], [0], [5], [2, 0, 3], [1, 1, 1, 1, 1]]) {
    const announced = sizes.reduce((sum, size) => sum + size, 0);
    const direct = expecting(announced);
    push(direct.inbox, ...sizes);
    direct.inbox.finish();
    assertEquals(await readToEnd(direct.inbox), announced);
    const web = expecting(announced);
    const reading = new Response(web.inbox.readable).bytes();
    push(web.inbox, ...sizes);
    web.inbox.finish();
    assertEquals((await reading).length, announced);
    const whole = expecting(announced);
    push(whole.inbox, ...sizes);
    whole.inbox.finish();
    assertEquals(whole.inbox.takeAll()?.length, announced);
  }
});

Deno.test("a body that is too short fails at its end, not before", async () => {
  const { inbox, told } = expecting(5);
  const reader = inbox.readable.getReader();
  push(inbox, 2, 2);
  assertEquals((await reader.read()).value?.length, 2);
  inbox.finish();
  assertEquals(inbox.takeAll(), undefined);
  assertEquals((await reader.read()).value?.length, 2);
  const error = await assertRejects(() => reader.read(), HttpMessageError);
  assertEquals(error.message, "content-length is 5, but only 4 bytes came");
  assertEquals(told, ["only 4"]);
});

Deno.test("a body that is too long fails at once, behind what came before", async () => {
  const { inbox, told } = expecting(6);
  push(inbox, 4, 4, 4);
  inbox.finish();
  const buffer = new Uint8Array(10);
  assertEquals(await inbox.read(buffer), 4);
  const error = await assertRejects(() => inbox.read(buffer), HttpMessageError);
  assertEquals(error.message, "content-length is 6, but more bytes came");
  assertEquals(told, ["more"]);
});

Deno.test("what came before the length was known counts", async () => {
  for (const length of [3, 5]) {
    for (const finished of [true, false]) {
      const inbox = new Inbox({ consumed() {}, cancelled() {}, waits() {} });
      push(inbox, 2, 2);
      if (finished) inbox.finish();
      inbox.expect(length, (came) => wrongLength(length, came));
      if (!finished) inbox.finish();
      await assertRejects(() => readToEnd(inbox), HttpMessageError);
    }
  }
});

Deno.test("cancelling and failing are not taken for a wrong length", async () => {
  const cancelled = expecting(6);
  await cancelled.inbox.readable.cancel("enough");
  cancelled.inbox.finish();
  const failed = expecting(6);
  failed.inbox.fail(new Error("broken"));
  await assertRejects(() => readToEnd(failed.inbox), Error, "broken");
  const dropped = expecting(6);
  dropped.inbox.discard(() => new Error("dropped"));
  dropped.inbox.finish();
  assertEquals([cancelled.told, failed.told, dropped.told], [[], [], []]);
});

Deno.test("a length is decimal digits, and says whose fault it is if not", () => {
  assertEquals(parseContentLength("007", "remote"), 7);
  assertEquals(announcedLength([["a", "b"]]), undefined);
  assertEquals(announcedLength([["a", "b"], ["content-length", "12"]]), 12);
  for (const value of ["", "x", "-1", "1e3", "5, 5", "0x10", "9".repeat(16)]) {
    const error = assertThrows(
      () => announcedLength([["content-length", value]]),
      HttpMessageError,
      "is no number of bytes",
    );
    assertEquals(error.initiator, "local");
    assertThrows(() => parseContentLength(value, "remote"), HttpMessageError);
  }
});

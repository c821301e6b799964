import { assert, assertEquals, assertRejects } from "../../deps.ts";
import { checkLength } from "../../../connection/http/content_length.ts";
import { HttpMessageError } from "../../../connection/http/message_error.ts";

function body(...sizes: number[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(sizes.map((size) => new Uint8Array(size)));
}

Deno.test("a body of the announced length passes", async () => {
  for (const sizes of [[], [0], [5], [2, 0, 3], [1, 1, 1, 1, 1]]) {
    const announced = sizes.reduce((sum, size) => sum + size, 0);
    const bytes = await new Response(checkLength(body(...sizes), announced))
      .bytes();
    assertEquals(bytes.length, announced);
  }
});

Deno.test("a body that is too short fails at its end, not before", async () => {
  const heard: HttpMessageError[] = [];
  const reader = checkLength(body(2, 2), 5, (error) => heard.push(error))
    .getReader();
  assertEquals((await reader.read()).value?.length, 2);
  assertEquals((await reader.read()).value?.length, 2);
  const error = await assertRejects(() => reader.read(), HttpMessageError);
  assertEquals(error.message, "content-length is 5, but only 4 bytes came");
  assertEquals(heard, [error]);
});

Deno.test("a body that is too long fails at once and its source is cancelled", async () => {
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(4)),
    cancel: (given) => {
      reason = given;
    },
  });
  const reader = checkLength(source, 6).getReader();
  assertEquals((await reader.read()).value?.length, 4);
  const error = await assertRejects(() => reader.read(), HttpMessageError);
  assertEquals(error.message, "content-length is 6, but more bytes came");
  assert(reason === error);
});

Deno.test("cancelling and failing pass through", async () => {
  let reason: unknown;
  const source = new ReadableStream<Uint8Array>({
    cancel: (given) => {
      reason = given;
    },
  });
  await checkLength(source, 6).cancel("enough");
  assertEquals(reason, "enough");
  const failing = new ReadableStream<Uint8Array>({
    start: (controller) => controller.error(new Error("broken")),
  });
  await assertRejects(
    () => checkLength(failing, 6).getReader().read(),
    Error,
    "broken",
  );
});

import { AnswerTimer, type GatewayTimeout } from "../../cli/proxy/rules.ts";
import { assertEquals } from "../deps.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

/** A body with as many chunks as are read, and the calls of the timer. */
function upload(timeout: number): {
  readonly timer: AnswerTimer;
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly errors: readonly string[];
} {
  const errors: string[] = [];
  const timer = new AnswerTimer(
    timeout,
    ({ message }: GatewayTimeout) => errors.push(message),
  );
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(1)),
  }, { highWaterMark: 0 });
  return { timer, reader: timer.watch(body).getReader(), errors };
}

Deno.test("proxy: the time for an answer begins anew with each part of the body", async () => {
  using time = virtualTime();
  const { reader, errors } = upload(60_000);
  for (let count = 0; count < 10; count++) {
    await time.advance(50_000);
    await reader.read();
  }
  assertEquals(errors, []);
  await time.advance(60_000);
  assertEquals(errors, ["no answer within 60 s (--timeout)"]);
});

Deno.test("proxy: after the beginning of an answer, or after its timeout, the upload starts no timer", async () => {
  using time = virtualTime();
  for (const late of [false, true]) {
    const { timer, reader, errors } = upload(1000);
    if (late) await time.advance(1000);
    else timer.stop();
    await reader.read();
    assertEquals(time.timers, 0);
    await time.advance(5000);
    assertEquals(errors.length, late ? 1 : 0);
  }
});

Deno.test("proxy: --timeout 0 is no limit", async () => {
  using time = virtualTime();
  const { reader } = upload(0);
  await reader.read();
  assertEquals(time.timers, 0);
});

/** Chunks that the write buffer accepts during the call of write(), without a promise. */

import { SendBuffer } from "../../../connection/buffers/send_buffer.ts";
import { SendScheduler } from "../../../connection/flow/send_scheduler.ts";
import type { IoLoop } from "../../../connection/io_loop.ts";
import type { TracedFrame } from "../../../connection/options.ts";
import type { OpenStreams } from "../../../connection/stream/open_streams.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import type { StreamCore } from "../../../connection/stream/stream_core.ts";
import { DATA, HEADERS } from "../../../frame/constants.ts";
import type { CtrlFrame } from "../../../frame/types.ts";
import { CLIENT, PROTO_SPDY3_1, Session } from "../../../mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../../deps.ts";
import { type PairOptions, tcpPair } from "../../helpers/connections.ts";
import { Random } from "../../helpers/random.ts";

/** A scheduler whose write buffer contains bytes of this turn, unless `io` says otherwise. */
function schedulerOn(session: Session, io: Partial<IoLoop> = {}): {
  scheduler: SendScheduler;
  filled: () => number;
} {
  let filled = 0;
  const scheduler = new SendScheduler(
    {
      out: { length: 1 },
      isFilling: true,
      flush: () => {},
      fillNow: () => filled++,
      ...io,
    } as unknown as IoLoop,
    session,
    { get: () => undefined } as unknown as OpenStreams,
    1000,
  );
  return { scheduler, filled: () => filled };
}

function stream(): StreamCore {
  return {
    isScheduled: false,
    sender: { submit: () => {} },
  } as unknown as StreamCore;
}

/** The stream has submitted bytes that are in the write buffer. */
function submitted(scheduler: SendScheduler, state: StreamCore): void {
  scheduler.add(state);
  scheduler.submit();
}

Deno.test("send now: only the stream whose bytes were added last sends at once", () => {
  const { scheduler, filled } = schedulerOn(
    new Session(CLIENT, PROTO_SPDY3_1),
  );
  const [first, second] = [stream(), stream()];
  assertEquals(scheduler.sendNow(first), false);
  submitted(scheduler, first);
  assertEquals([scheduler.sendNow(second), filled()], [false, 0]);
  assertEquals([scheduler.sendNow(first), filled()], [true, 1]);
  submitted(scheduler, second);
  assertEquals(scheduler.sendNow(first), false);
});

Deno.test("send now: not while another stream waits to submit", () => {
  const { scheduler } = schedulerOn(new Session(CLIENT, PROTO_SPDY3_1));
  const [first, second] = [stream(), stream()];
  submitted(scheduler, first);
  scheduler.add(second);
  assertEquals(scheduler.sendNow(first), false);
});

Deno.test("send now: not while the session has other frames, nor without bytes of this turn", () => {
  const session = new Session(CLIENT, PROTO_SPDY3_1);
  const state = stream();
  const { scheduler } = schedulerOn(session);
  submitted(scheduler, state);
  session.submitPing();
  assertEquals(scheduler.sendNow(state), false);
  session.send();
  assertEquals(scheduler.sendNow(state), true);

  const idle = schedulerOn(session, { isFilling: false }).scheduler;
  submitted(idle, state);
  assertEquals(idle.sendNow(state), false);
});

Deno.test("send now: a stream is forgotten when the bytes have left, and when the connection ends", () => {
  const out = { length: 1 };
  const { scheduler } = schedulerOn(
    new Session(CLIENT, PROTO_SPDY3_1),
    { out } as Partial<IoLoop>,
  );
  const state = stream();
  submitted(scheduler, state);
  out.length = 0;
  scheduler.submit();
  out.length = 1;
  assertEquals(scheduler.sendNow(state), false);
  submitted(scheduler, state);
  scheduler.clear();
  assertEquals(scheduler.sendNow(state), false);
});

/** A buffer whose chunks are accepted by `taken` during the call of write(). */
function bufferWith(taken: (buffer: SendBuffer) => void): SendBuffer {
  const buffer: SendBuffer = new SendBuffer({
    ready: () => {},
    readyNow: () => {
      taken(buffer);
      return true;
    },
    aborted: () => {},
  }, { reserve: () => false, release: () => {} });
  return buffer;
}

Deno.test("send now: a chunk that is taken at once needs no promise, a rest waits, and a failure is thrown", async () => {
  const chunk = new Uint8Array(5000);
  const whole = bufferWith((buffer) => buffer.take(5000));
  assertEquals(whole.write(chunk), undefined);
  assertEquals(whole.writerWaits, false);

  const partly = bufferWith((buffer) => buffer.take(3000));
  let resolved = false;
  const waits = partly.write(chunk)?.then(() => resolved = true);
  await Promise.resolve();
  assertEquals([resolved, partly.size, partly.writerWaits], [
    false,
    2000,
    true,
  ]);
  assertEquals(partly.take(2000).length, 2000);
  await waits;

  const failed = bufferWith((buffer) => buffer.fail(new TypeError("broken")));
  assertThrows(() => failed.write(chunk), TypeError, "broken");
});

Deno.test("send now: while earlier chunks wait, a chunk is queued after them", async () => {
  let asked = 0;
  const buffer = bufferWith(() => asked++);
  const first = buffer.write(new Uint8Array(5000).fill(1));
  const second = buffer.write(new Uint8Array(5000).fill(2));
  assertEquals(asked, 1);
  assertEquals(buffer.take(9000)[0], 1);
  assertEquals(buffer.take(9000)[0], 2);
  await Promise.all([first, second]);
});

Deno.test("send now: a place behind queued chunks is known when the last of them is taken at once", async () => {
  const seen: number[] = [];
  const buffer = bufferWith((buffer) => {
    seen.push(buffer.before(place));
    buffer.take(9000);
    seen.push(buffer.before(place));
  });
  const writer = buffer.writable.getWriter();
  const writes = [5000, 6000, 0].map((size) =>
    writer.write(new Uint8Array(size))
  );
  const place = buffer.place();
  await Promise.all(writes.slice(0, 2));
  // The empty chunk is still in front of that place.
  assertEquals(seen, [Infinity, Infinity, Infinity, Infinity]);
  await writes[2];
  assertEquals(buffer.before(place), 0);

  seen.length = 0;
  const last = bufferWith((buffer) => {
    seen.push(buffer.before(end));
    buffer.take(9000);
    seen.push(buffer.before(end));
  });
  const other = last.writable.getWriter();
  const first = other.write(new Uint8Array(5000));
  const second = other.write(new Uint8Array(6000));
  const end = last.place();
  await Promise.all([first, second]);
  assertEquals(seen, [Infinity, Infinity, 6000, 0]);
});

/** Sends on a stream of a client over TCP; resolves to all bytes that the server receives. */
async function exchange(
  send: (stream: Stream) => Promise<void>,
  options: PairOptions = {},
): Promise<Uint8Array> {
  await using pair = await tcpPair(options);
  const stream = await pair.client.openStream([["x", "y"]]);
  const sending = send(stream);
  const { value } = await pair.server[Symbol.asyncIterator]().next();
  if (value === undefined) throw new Error("the stream did not arrive");
  await value.reply([["x", "y"]], { fin: true });
  const body = await new Response(value.readable).bytes();
  await sending;
  return body;
}

Deno.test("send now: a writer may reuse its buffer as soon as a write has resolved", async () => {
  // More than a write buffer and a window: some chunks are accepted at once,
  // some in part, and some later.
  const size = 40_000;
  const count = 100;
  const body = await exchange(async (stream) => {
    const buffer = new Uint8Array(size);
    for (let index = 0; index < count; index++) {
      buffer.fill(index);
      await stream.write(buffer);
    }
    buffer.fill(255);
    await stream.closeWrite();
  });
  assertEquals(body.length, size * count);
  for (let at = 0; at < body.length; at++) {
    if (body[at] !== Math.floor(at / size)) {
      throw new Error(`byte ${at} is ${body[at]}`);
    }
  }
});

Deno.test("send now: a chunk that is written inside a callback of the session is sent after it", async () => {
  let writes: Promise<void>[] = [];
  let stream: Stream | undefined;
  const onFrame = (_: string, frame: CtrlFrame | { frameType: number }) => {
    if (frame.frameType !== DATA || writes.length >= 3) return;
    const chunk = new Uint8Array(5000).fill(writes.length + 1);
    if (stream !== undefined) writes = [...writes, stream.write(chunk)];
  };
  const body = await exchange(async (opened) => {
    stream = opened;
    await opened.write(new Uint8Array(5000));
    while (writes.length < 3) await new Promise((next) => setTimeout(next, 1));
    await Promise.all(writes);
    await opened.closeWrite();
  }, { client: { onFrame } });
  assertEquals(body.length, 20_000);
  assertEquals([...body].filter((_, at) => at % 5000 === 0), [0, 1, 2, 3]);
});

Deno.test("send now: a write after the stream was reset rejects", async () => {
  await using pair = await tcpPair();
  const stream = await pair.client.openStream([["x", "y"]]);
  const first = stream.write(new Uint8Array(5000));
  await first;
  stream.reset();
  await assertRejects(() => stream.write(new Uint8Array(5000)));
});

Deno.test("send now: not inside a callback of the session", () => {
  const state = stream();
  const results: boolean[] = [];
  const session: Session = new Session(CLIENT, PROTO_SPDY3_1, {
    onCtrlSend: () => results.push(scheduler.sendNow(state)),
  });
  const { scheduler } = schedulerOn(session);
  submitted(scheduler, state);
  session.submitPing();
  session.send();
  assertEquals(results, [false]);
  assertEquals(scheduler.sendNow(state), true);
});

Deno.test("send now: headers follow the chunks that were written before them, also if those were taken at once", async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new Random(seed);
    let received = 0;
    const arrived: number[] = [];
    const onFrame = (direction: string, frame: TracedFrame) => {
      if (direction !== "received") return;
      if (frame.frameType === DATA) received += frame.length;
      if (frame.frameType === HEADERS) arrived.push(received);
    };
    await using pair = await tcpPair({ server: { onFrame } });
    const stream = await pair.client.openStream([["x", "y"]]);
    await pair.client.ping();
    const writer = stream.writable.getWriter();
    const expected: number[] = [];
    let written = 0;
    // Less than the first window, so that nothing waits for the peer.
    for (let step = random.int(2, 8); step > 0; step--) {
      if (random.int(0, 3) > 0) {
        const chunk = random.bytes(random.pick([100, 5000, 7000]));
        writer.write(chunk).catch(() => {});
        written += chunk.length;
      } else {
        stream.sendHeaders([["a", "b"]]).catch(() => {});
        expected.push(written);
      }
    }
    stream.sendHeaders([["trailer", "b"]], { fin: true }).catch(() => {});
    expected.push(written);
    writer.closed.catch(() => {});
    await pair.client.ping();
    await pair.client.ping();
    assertEquals(arrived, expected, `seed ${seed}`);
  }
});

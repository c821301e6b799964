/** Chunks that the write buffer accepts during the call of write(), without a promise. */

import { SendBuffer } from "../../../connection/buffers/send_buffer.ts";
import { WriteBuffer } from "../../../connection/buffers/write_buffer.ts";
import { SendScheduler } from "../../../connection/flow/send_scheduler.ts";
import type { IoLoop } from "../../../connection/io_loop.ts";
import type { TracedFrame } from "../../../connection/options.ts";
import type { OpenStreams } from "../../../connection/stream/open_streams.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import type { StreamCore } from "../../../connection/stream/stream_core.ts";
import {
  CANCEL,
  DATA,
  DATA_FLAG_FIN,
  HEADERS,
  PING,
} from "../../../frame/constants.ts";
import {
  CLIENT,
  DataProvider,
  PROTO_SPDY3_1,
  READ_EOF,
  Session,
  type SessionOptions,
} from "../../../mod.ts";
import { sendNow } from "../../../session.ts";
import { assertEquals, assertRejects, assertThrows } from "../../deps.ts";
import { bytes } from "../../helpers/bytes.ts";
import { type PairOptions, tcpPair } from "../../helpers/connections.ts";
import { Random } from "../../helpers/random.ts";

/** A client's session with two open streams, 1 and 3. */
function openSession(callbacks: SessionOptions = {}): Session {
  const session = new Session(CLIENT, PROTO_SPDY3_1, callbacks);
  for (let count = 0; count < 2; count++) {
    session.submitSynStream(0, 0, 0, [["x", "y"]]);
  }
  session.send();
  return session;
}

/** A write buffer that holds a byte of this turn. */
function begunBuffer(most = 100_000): WriteBuffer {
  const out = new WriteBuffer(most);
  out.append(bytes(255));
  return out;
}

/** A scheduler whose write buffer holds bytes of this turn, unless `io` says otherwise. */
function schedulerOn(
  session: Session,
  io: Partial<IoLoop> = {},
): SendScheduler {
  return new SendScheduler(
    {
      out: begunBuffer(),
      isFilling: true,
      flush: () => {},
      ...io,
    } as unknown as IoLoop,
    session,
    { get: () => undefined } as unknown as OpenStreams,
    1000,
  );
}

function stream(id = 1, isClear = true): StreamCore {
  return {
    id,
    isScheduled: false,
    sender: { submit: () => {}, isClear },
  } as unknown as StreamCore;
}

/** The stream has submitted bytes that are in the write buffer. */
function submitted(scheduler: SendScheduler, core: StreamCore): void {
  scheduler.add(core);
  scheduler.submit();
}

const CHUNK = bytes(7, 8, 9);

/** A WINDOW_UPDATE of up to 255 bytes. */
function windowUpdate(streamId: number, delta: number): Uint8Array {
  return bytes(0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, streamId, 0, 0, 0, delta);
}

Deno.test("send now: only the stream whose bytes were added last sends at once", () => {
  const out = begunBuffer();
  const scheduler = schedulerOn(openSession(), { out } as Partial<IoLoop>);
  const [first, second] = [stream(1), stream(3)];
  assertEquals(scheduler.sendNow(first, CHUNK), false);
  submitted(scheduler, first);
  assertEquals([scheduler.sendNow(second, CHUNK), out.length], [false, 1]);
  assertEquals(scheduler.sendNow(first, CHUNK), true);
  // A DATA frame of stream 1 without flags.
  assertEquals(out.view.slice(1), bytes(0, 0, 0, 1, 0, 0, 0, 3, 7, 8, 9));
  submitted(scheduler, second);
  assertEquals(scheduler.sendNow(first, CHUNK), false);
});

Deno.test("send now: a stream does not send at once while another stream waits to submit, or while its own bytes or headers wait", () => {
  const scheduler = schedulerOn(openSession());
  const [first, second] = [stream(1), stream(3)];
  submitted(scheduler, first);
  scheduler.add(second);
  assertEquals(scheduler.sendNow(first, CHUNK), false);
  const busy = stream(1, false);
  submitted(scheduler, busy);
  assertEquals(scheduler.sendNow(busy, CHUNK), false);
});

Deno.test("send now: a stream does not send at once while the session has other frames, or after the turn of its last bytes", () => {
  const session = openSession();
  const core = stream();
  const scheduler = schedulerOn(session);
  submitted(scheduler, core);
  session.submitPing();
  assertEquals(scheduler.sendNow(core, CHUNK), false);
  session.send();
  assertEquals(scheduler.sendNow(core, CHUNK), true);

  const idle = schedulerOn(session, { isFilling: false });
  submitted(idle, core);
  assertEquals(idle.sendNow(core, CHUNK), false);
});

Deno.test("send now: a stream does not send at once after its bytes have left the write buffer, or after the end of the connection", () => {
  const out = begunBuffer();
  const scheduler = schedulerOn(openSession(), { out } as Partial<IoLoop>);
  const core = stream();
  submitted(scheduler, core);
  out.clear(0);
  scheduler.submit();
  out.append(bytes(1));
  assertEquals(scheduler.sendNow(core, CHUNK), false);
  submitted(scheduler, core);
  scheduler.clear();
  assertEquals(scheduler.sendNow(core, CHUNK), false);
});

Deno.test("send now: a chunk is sent at once only if both windows and the write buffer have room for it and its heads", () => {
  const session = openSession({ limits: { maxDataFrameSize: 1000 } });
  const send = (size: number, room: number): boolean => {
    const frames: number[] = [];
    const sent = sendNow(session, 1, new Uint8Array(size), {
      room,
      appendData: (_, payload) => frames.push(payload.length),
    });
    const full = Math.floor(size / 1000);
    const expected = new Array(full).fill(1000);
    if (size % 1000 > 0) expected.push(size % 1000);
    assertEquals(frames, sent ? expected : []);
    return sent;
  };
  assertEquals(send(1000, 1007), false);
  assertEquals(send(1000, 1008), true);
  assertEquals(send(2001, 2024), false);
  assertEquals(send(2001, 2025), true);
  const left = 65_536 - 3001;
  assertEquals(send(left + 1, 1e6), false);
  assertEquals(send(left, 1e6), true);
  assertEquals(send(1, 1e6), false);
  // The window of the stream alone, and then that of the session alone, is used up.
  session.recv(windowUpdate(0, 100));
  assertEquals(send(1, 1e6), false);
  session.recv(windowUpdate(1, 200));
  assertEquals(send(101, 1e6), false);
  assertEquals(send(100, 1e6), true);
  assertEquals(send(100, 1e6), false);
});

Deno.test("send now: nothing is sent at once on a stream that is closed, has ended or is being reset, nor after the session has failed", () => {
  const target = {
    room: 1e6,
    appendData: () => {
      throw new Error("something was sent");
    },
  };
  const session = openSession();
  assertEquals(sendNow(session, 5, CHUNK, target), false);
  session.submitRstStream(1, CANCEL);
  session.send();
  assertEquals(sendNow(session, 1, CHUNK, target), false);
  const end = new DataProvider(undefined, (_session, _id, _length, ctrl) => {
    ctrl.flags = READ_EOF;
    return new Uint8Array(0);
  });
  session.submitData(3, DATA_FLAG_FIN, end);
  session.send();
  assertEquals(sendNow(session, 3, CHUNK, target), false);

  const failed = openSession();
  failed.failSession(1);
  failed.send();
  assertEquals(sendNow(failed, 1, CHUNK, target), false);
});

Deno.test("send now: a stream that a callback resets sends no further frame", () => {
  const sent: number[] = [];
  const session: Session = openSession({
    limits: { maxDataFrameSize: 1000 },
    onDataSend: (session, _flags, streamId, length) => {
      sent.push(length);
      if (sent.length === 2) session.submitRstStream(streamId, CANCEL);
    },
  });
  let taken = 0;
  const target = { room: 1e6, appendData: () => taken++ };
  assertEquals(sendNow(session, 1, new Uint8Array(5000), target), true);
  assertEquals([sent, taken], [[1000, 1000], 2]);
});

Deno.test("send now: an exception of a callback ends the connection, after the frames", () => {
  const failures: unknown[] = [];
  const session = openSession({
    limits: { maxDataFrameSize: 2 },
    onDataSend: () => {
      throw new TypeError("thrown");
    },
  });
  const out = begunBuffer();
  const scheduler = schedulerOn(session, {
    out,
    fillFailed: (error: unknown) => failures.push(error),
  } as Partial<IoLoop>);
  const core = stream();
  submitted(scheduler, core);
  assertEquals(scheduler.sendNow(core, CHUNK), true);
  assertEquals([String(failures), out.length], ["TypeError: thrown", 20]);
});

/** A buffer whose chunks `take` may send during the call of write(). */
function bufferWith(
  take: (buffer: SendBuffer, chunk: Uint8Array) => boolean,
): SendBuffer {
  const buffer: SendBuffer = new SendBuffer({
    ready: () => {},
    sendNow: (chunk) => take(buffer, chunk),
    aborted: () => {},
  }, { reserve: () => false, release: () => {} });
  return buffer;
}

Deno.test("send now: a chunk that is sent at once needs no promise, another waits, and a failure is thrown", async () => {
  const chunk = new Uint8Array(5000);
  const sending = bufferWith(() => true);
  assertEquals(sending.write(chunk), undefined);
  assertEquals([sending.writerWaits, sending.size], [false, 0]);

  const full = bufferWith(() => false);
  let resolved = false;
  const waits = full.write(chunk)?.then(() => resolved = true);
  await Promise.resolve();
  assertEquals([resolved, full.size, full.writerWaits], [false, 5000, true]);
  assertEquals(full.take(5000).length, 5000);
  await waits;

  const failed = bufferWith((buffer) => {
    buffer.fail(new TypeError("broken"));
    return true;
  });
  assertThrows(() => failed.write(chunk), TypeError, "broken");
});

Deno.test("send now: while earlier chunks wait, a chunk is queued after them", async () => {
  let asked = 0;
  const buffer = bufferWith(() => {
    asked++;
    return false;
  });
  const first = buffer.write(new Uint8Array(5000).fill(1));
  const second = buffer.write(new Uint8Array(5000).fill(2));
  assertEquals(asked, 1);
  assertEquals(buffer.take(9000)[0], 1);
  assertEquals(buffer.take(9000)[0], 2);
  await Promise.all([first, second]);
});

Deno.test("send now: chunks in the queue of a web stream whose half is to end wait, so that the last one has the FIN", async () => {
  let asked = 0;
  const buffer = bufferWith(() => {
    asked++;
    return true;
  });
  const writer = buffer.writable.getWriter();
  const writes = [5000, 6000].map((size) => writer.write(new Uint8Array(size)));
  buffer.end();
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  await turn();
  assertEquals([asked, buffer.size, buffer.complete], [0, 5000, false]);
  buffer.take(5000);
  await turn();
  assertEquals([asked, buffer.size, buffer.complete], [0, 6000, true]);
  buffer.take(6000);
  await Promise.all(writes);
});

Deno.test("send now: a place behind queued chunks is known when the last of them is sent at once", async () => {
  const seen: number[] = [];
  const buffer = bufferWith((buffer) => {
    seen.push(buffer.before(place));
    return true;
  });
  const writer = buffer.writable.getWriter();
  const writes = [5000, 6000, 0].map((size) =>
    writer.write(new Uint8Array(size))
  );
  const place = buffer.place();
  await Promise.all(writes.slice(0, 2));
  // The empty chunk is still in front of that place.
  assertEquals(seen, [Infinity, Infinity]);
  await writes[2];
  assertEquals(buffer.before(place), 0);

  const last = bufferWith((buffer) => {
    seen.push(buffer.before(end));
    return true;
  });
  const other = last.writable.getWriter();
  const first = other.write(new Uint8Array(5000));
  const second = other.write(new Uint8Array(6000));
  const end = last.place();
  await Promise.all([first, second]);
  assertEquals(seen.slice(2), [Infinity, 0]);
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
  const onFrame = (_: string, frame: TracedFrame) => {
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

Deno.test("send now: a stream does not send at once inside a callback of the session", () => {
  const core = stream();
  const results: boolean[] = [];
  const session: Session = openSession({
    onCtrlSend: (_, { frameType }) => {
      if (frameType === PING) results.push(scheduler.sendNow(core, CHUNK));
    },
  });
  const scheduler = schedulerOn(session);
  submitted(scheduler, core);
  session.submitPing();
  session.send();
  assertEquals(results, [false]);
  assertEquals(scheduler.sendNow(core, CHUNK), true);
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

/** When a connection without flow control stops reading, and when it continues. */

import { ReceiveBuffer } from "../../../connection/buffers/receive_buffer.ts";
import { ReceiveFlow } from "../../../connection/flow/receive_flow.ts";
import { resolveOptions } from "../../../connection/options.ts";
import type {
  StreamCore,
  Wait,
} from "../../../connection/stream/stream_core.ts";
import { CLIENT, PROTO_SPDY2, Session } from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";
import { collect, withCollector } from "../../helpers/collector.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

/** Bytes that may be unread. */
const BOUND = 1000;

/** Receives bytes of one stream, and records when reading stops and continues. */
class Receiver {
  readonly log: string[] = [];
  wait: Wait = "none";
  readonly flow: ReceiveFlow;
  readonly #stream: StreamCore;

  constructor(maxUnreadBytes = BOUND) {
    const options = { maxBufferedBytes: BOUND, maxUnreadBytes };
    this.flow = new ReceiveFlow(
      new Session(CLIENT, PROTO_SPDY2),
      resolveOptions({ side: CLIENT, version: PROTO_SPDY2, ...options }),
      65536,
      {
        measurePath: () => Promise.resolve(0),
        sentBytes: () => 0,
        flush: () => {},
        expectsBulk: () => true,
        holdReading: (hold) => this.log.push(hold ? "stop" : "go on"),
        wait: () => this.wait,
        stuck: (most) => this.log.push(`stuck at ${most}`),
      },
    );
    const receiveBuffer = new ReceiveBuffer({
      consumed: () => {},
      waits: () => {},
      cancelled: () => {},
    });
    const stream = { receiveBuffer, discounted: 0, pendingUpdate: 0 };
    this.#stream = stream as unknown as StreamCore;
  }

  arrive(size: number): void {
    this.flow.received(this.#stream, new Uint8Array(size));
    this.flow.settle();
  }

  read(size: number): void {
    this.flow.consumed(this.#stream, size);
  }
}

Deno.test("receive flow: reading stops above the limit and continues at half of it", () => {
  const receiver = new Receiver();
  receiver.arrive(BOUND);
  assertEquals(receiver.log, []);
  receiver.arrive(1);
  assertEquals(receiver.log, ["stop"]);
  receiver.read(500);
  assertEquals([receiver.log, receiver.flow.unread], [["stop"], 501]);
  receiver.read(1);
  assertEquals(receiver.log, ["stop", "go on"]);
  // From here on, the whole limit applies again.
  receiver.arrive(500);
  assertEquals([receiver.log.length, receiver.flow.unread], [2, BOUND]);
});

Deno.test("receive flow: an application that needs more input gets up to maxUnreadBytes", async () => {
  using time = virtualTime();
  const receiver = new Receiver(3 * BOUND);
  receiver.wait = "need";
  receiver.arrive(3 * BOUND);
  await time.advance(10_000);
  assertEquals(receiver.log, []);
  receiver.arrive(1);
  assertEquals(receiver.log, ["stop"]);
  // The application has a second to read some of it, counted from its last
  // read.
  await time.advance(900);
  receiver.read(1);
  await time.advance(900);
  assertEquals(receiver.log, ["stop", "go on"]);
  receiver.arrive(1);
  await time.advance(999);
  assertEquals(receiver.log, ["stop", "go on", "stop"]);
  await time.advance(1);
  assertEquals(receiver.log.slice(3), [`stuck at ${3 * BOUND}`]);
});

Deno.test("receive flow: after its end, reading is neither stopped nor resumed", () => {
  const receiver = new Receiver();
  receiver.flow.stop();
  receiver.arrive(2 * BOUND);
  receiver.read(2 * BOUND);
  assertEquals(receiver.log, []);
});

withCollector.test({
  name: "receive buffer: a chunk that was read is not kept",
  async fn() {
    const buffer = new ReceiveBuffer({
      consumed: () => {},
      waits: () => {},
      cancelled: () => {},
    });
    // Large enough to be copied into memory of their own.
    for (let left = 20; left > 0; left--) {
      buffer.push(new Uint8Array(100_000));
      buffer.settle();
    }
    const reader = buffer.readable.getReader();
    const chunks: WeakRef<ArrayBufferLike>[] = [];
    for (let left = 10; left > 0; left--) {
      const { value } = await reader.read();
      chunks.push(new WeakRef(value!.buffer));
    }
    let held = chunks.length;
    // A turn of the event loop in between, because a WeakRef keeps its object
    // until then.
    for (let left = 20; left > 0 && held > 1; left--) {
      await new Promise((resolve) => setTimeout(resolve));
      collect?.();
      held = chunks.filter((chunk) => chunk.deref() !== undefined).length;
    }
    // The last one may still be a value of the loop above.
    assertEquals(held <= 1, true, `${held} of ${chunks.length} are held`);
    assertEquals(buffer.size, 10 * 100_000);
  },
});

/** Random use of the receive buffer, compared with a plain list of bytes. */

import { ReceiveBuffer } from "../../../connection/buffers/receive_buffer.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
} from "../../deps.ts";
import { collect, withCollector } from "../../helpers/collector.ts";
import { Random } from "../../helpers/random.ts";
import { turn } from "../../helpers/virtual_time.ts";

/** Most bytes in one read of the transport. */
const READ = 8000;

/** A receive buffer, and what its reader must get. */
class Model {
  readonly buffer: ReceiveBuffer;
  /** All bytes that arrived. */
  readonly arrived: number[] = [];
  /** How many of them were read. */
  read = 0;
  /** How many of them count as consumed. */
  consumed = 0;
  readonly #random: Random;
  #next = 0;

  constructor(random: Random) {
    this.#random = random;
    this.buffer = new ReceiveBuffer({
      consumed: (size) => void (this.consumed += size),
      waits: () => {},
      cancelled: () => {},
    });
  }

  /**
   * One read of the transport, whose memory is used again afterwards. `between`
   * runs before that.
   */
  async arrive(between: () => Promise<void>): Promise<void> {
    const random = this.#random;
    const memory = new Uint8Array(READ);
    let settles = 0;
    let end = 0;
    for (let pieces = random.int(1, 5); pieces > 0; pieces--) {
      const most = random.int(0, 3) === 0 ? READ / 5 : 40;
      const piece = memory.subarray(end, end + random.int(1, most));
      for (let at = 0; at < piece.length; at++) {
        piece[at] = this.#next = (this.#next + 7) % 251;
        this.arrived.push(piece[at]);
      }
      end += piece.length;
      if (this.buffer.push(piece)) settles++;
    }
    assertEquals(settles, 1);
    const isLeft = this.buffer.deliver();
    if (isLeft && random.int(0, 1) === 0) await between();
    this.buffer.settle();
    memory.fill(255);
    this.check();
  }

  /** Checks the bytes that a reader got. */
  got(bytes: Uint8Array): void {
    const wanted = this.arrived.slice(this.read, this.read + bytes.length);
    assertEquals([...bytes], wanted);
    this.read += bytes.length;
  }

  check(): void {
    assertEquals(this.consumed, this.buffer.taken);
    assertEquals(
      this.buffer.size + this.buffer.taken,
      this.arrived.length,
    );
  }
}

Deno.test("receive buffer: read() returns every byte once, whatever the sizes and the order of calls are", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed);
    const model = new Model(random);
    const { buffer } = model;
    let pending: Promise<void> | undefined;
    const readOnce = (): Promise<void> => {
      const most = random.int(0, 3) === 0 ? 5000 : 30;
      const into = new Uint8Array(random.int(1, most));
      const waits = buffer.size === 0;
      const before = buffer.taken;
      const reading = buffer.read(into).then((size) => {
        assertGreater(Number(size), 0);
        model.got(into.subarray(0, Number(size)));
        pending = undefined;
      });
      // It waits only if there is nothing, and otherwise returns as much as fits.
      assertEquals(buffer.readerWaits, waits);
      if (!waits) {
        const left = model.arrived.length - before;
        assertEquals(buffer.taken - before, Math.min(left, into.length));
      }
      return pending = reading;
    };
    for (let step = 0; step < 60; step++) {
      if (random.int(0, 2) > 0 && pending === undefined) {
        readOnce();
        if (!buffer.readerWaits) await pending;
      } else {
        await model.arrive(async () => {
          await pending;
          await readOnce();
        });
        await pending;
      }
      assertEquals(buffer.taken, model.read);
    }
    buffer.finish();
    assertEquals(buffer.ended, true);
    await pending?.catch(() => {});
    while (buffer.size > 0) await readOnce();
    assertEquals(await buffer.read(new Uint8Array(1)), null);
    assertEquals(model.read, model.arrived.length);
    model.check();
    assert(buffer.isWhole(model.arrived.length));
  }
});

for (const kind of ["default stream", "body"] as const) {
  Deno.test(`receive buffer: a ${kind} gives every byte once, whatever the sizes and the order of calls are`, async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = new Random(seed);
      const model = new Model(random);
      const { buffer } = model;
      if (kind === "body") buffer.presentBody((error) => error);
      const reader = buffer.readable.getReader();
      let pending: Promise<void> | undefined;
      const readOnce = (): Promise<void> =>
        pending = reader.read().then(({ value = new Uint8Array(0) }) => {
          assertGreater(value.length, 0);
          // A chunk of the application shares no memory with another.
          assertEquals(value.length, value.buffer.byteLength);
          model.got(value);
          value.fill(254);
          pending = undefined;
        });
      for (let step = 0; step < 40; step++) {
        if (random.int(0, 2) > 0 && pending === undefined) {
          readOnce();
          await turn();
          assertEquals(buffer.readerWaits, pending !== undefined);
        } else {
          await model.arrive(() => Promise.resolve());
          await pending;
        }
        assertEquals(buffer.taken, model.read);
      }
      const waits = pending !== undefined;
      buffer.fail(new Error("cut off"));
      if (waits) {
        await assertRejects(() => pending!, Error);
      } else {
        while (buffer.size > 0) await readOnce();
        await assertRejects(() => reader.read(), Error, "cut off");
      }
      assertEquals(model.read, model.arrived.length);
      model.check();
      assertEquals(buffer.isWhole(model.arrived.length), false);
    }
  });
}

Deno.test("receive buffer: takeAll() returns what is left of a whole body that nobody has begun to read", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed);
    const model = new Model(random);
    for (let times = random.int(0, 60); times > 0; times--) {
      await model.arrive(() => Promise.resolve());
    }
    assertEquals(model.buffer.takeAll(), undefined);
    model.buffer.finish();
    const all = model.buffer.takeAll();
    assertEquals(all?.length, all?.buffer.byteLength);
    model.got(all!);
    model.check();
    assertEquals(model.buffer.size, 0);
    assertEquals(model.buffer.takeAll(), undefined);
  }
});

for (const how of ["abort", "discard", "cancel", "takeAll"] as const) {
  withCollector.test({
    name: `receive buffer: after ${how}, the memory of all bytes is free`,
    async fn() {
      const buffer = new ReceiveBuffer({
        consumed() {},
        waits() {},
        cancelled() {},
      });
      const size = 40 << 20;
      const before = Deno.memoryUsage().external;
      for (let left = size; left > 0; left -= 1 << 20) {
        buffer.push(new Uint8Array(1 << 20));
        buffer.settle();
      }
      assertGreater(Deno.memoryUsage().external - before, size / 2);
      if (how === "abort") buffer.abort(new Error("aborted"));
      else if (how === "discard") buffer.discard(() => new Error("discarded"));
      else if (how === "cancel") await buffer.readable.cancel();
      else {
        buffer.finish();
        assertEquals(buffer.takeAll()?.length, size);
      }
      await turn();
      collect?.();
      const left = Deno.memoryUsage().external - before;
      assert(left < size / 2, `${left} bytes are left`);
      assertEquals(buffer.size, 0);
    },
  });
}

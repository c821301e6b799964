import {
  acceptAll,
  acceptNext,
} from "../../../connection/transport/accept_loop.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

/** A listener that returns the given results in order, and then waits. */
class FakeListener {
  accepts = 0;
  readonly #waiting: ((outcome: number | Error) => void)[] = [];

  async accept(): Promise<number> {
    this.accepts++;
    const outcome = await new Promise<number | Error>((resolve) => {
      this.#waiting.push(resolve);
    });
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  async give(outcome: number | Error): Promise<void> {
    this.#waiting.shift()?.(outcome);
    await turn();
  }
}

/** A loop that records what it accepts, and its errors. */
function accepting() {
  const listener = new FakeListener();
  const taken: number[] = [];
  const told: unknown[] = [];
  const loop = acceptAll(listener, {
    take: (conn) => void taken.push(conn),
    error: (error) => void told.push(error),
  });
  return { listener, taken, told, loop };
}

const NO_FILES = new Error("Too many open files (os error 24)");

Deno.test("accept loop: a failed accept does not end it, and waits grow", async () => {
  using time = virtualTime();
  const { listener, taken, told, loop } = accepting();
  await listener.give(1);
  for (const wait of [5, 10, 20, 40, 80, 160, 320, 640, 1000, 1000]) {
    await listener.give(NO_FILES);
    const { accepts } = listener;
    await time.advance(wait - 1);
    assertEquals(listener.accepts, accepts, `${wait} ms are not over`);
    await time.advance(1);
    assertEquals(listener.accepts, accepts + 1, `${wait} ms are over`);
  }
  await listener.give(2);
  await listener.give(NO_FILES);
  await time.advance(5);
  await listener.give(3);
  await listener.give(new Deno.errors.BadResource("Listener has been closed"));
  await loop;
  assertEquals(taken, [1, 2, 3]);
  assertEquals(told.length, 11);
});

Deno.test("accept loop: clients that left before they were accepted cause no wait and no error", async () => {
  using time = virtualTime();
  const { listener, taken, told, loop } = accepting();
  // Deno reports a reset in the backlog as ENOTCONN.
  for (
    const left of [
      new Deno.errors.NotConnected("Transport endpoint is not connected"),
      new Deno.errors.ConnectionAborted("Software caused connection abort"),
      new Deno.errors.ConnectionReset("Connection reset by peer"),
    ]
  ) {
    const { accepts } = listener;
    await listener.give(left);
    assertEquals(listener.accepts, accepts + 1);
    assertEquals(time.timers, 0);
  }
  await listener.give(1);
  await listener.give(new Deno.errors.BadResource());
  await loop;
  assertEquals(taken, [1]);
  assertEquals(told, []);
});

Deno.test("accept loop: exceptions in take and error end nothing", async () => {
  using time = virtualTime();
  const listener = new FakeListener();
  let taken = 0;
  const loop = acceptAll(listener, {
    take(): void {
      taken++;
      throw new Error("cannot take it");
    },
    error(): void {
      throw new Error("cannot be told");
    },
  });
  await listener.give(1);
  await listener.give(NO_FILES);
  await time.advance(5);
  await listener.give(2);
  await listener.give(new Deno.errors.Interrupted());
  await loop;
  assertEquals(taken, 2);
});

Deno.test("accept loop: a loop that was ended accepts nothing after a failure, or after the wait for it", async () => {
  using time = virtualTime();
  const run = (listener: FakeListener, ended: () => boolean) => {
    const told: unknown[] = [];
    const loop = acceptAll(listener, {
      take: () => {},
      error: (error) => void told.push(error),
      ended,
    });
    return { told, loop };
  };
  const before = new FakeListener();
  const first = run(before, () => true);
  await before.give(NO_FILES);
  await first.loop;
  assertEquals([first.told, before.accepts, time.timers], [[], 1, 0]);
  let isOver = false;
  const during = new FakeListener();
  const second = run(during, () => isOver);
  await during.give(NO_FILES);
  isOver = true;
  await time.advance(5);
  await second.loop;
  assertEquals([second.told, during.accepts], [[NO_FILES], 1]);
});

Deno.test("accept: the next connection is that of a client that has not left, and other errors reject", async () => {
  const listener = new FakeListener();
  const next = acceptNext(listener);
  await listener.give(new Deno.errors.ConnectionReset());
  await listener.give(new Deno.errors.NotConnected());
  await listener.give(7);
  assertEquals([await next, listener.accepts], [7, 3]);
  const failing = acceptNext(listener);
  failing.catch(() => {});
  await listener.give(NO_FILES);
  await assertRejects(() => failing, Error, "Too many open files");
});

Deno.test("accept loop: an error of the one who takes a connection is reported, and does not end it", async () => {
  const listener = new FakeListener();
  const told: unknown[] = [];
  const refused = new Error("not this one");
  const loop = acceptAll(listener, {
    take: () => {
      throw refused;
    },
    error: (error) => void told.push(error),
  });
  await listener.give(1);
  await listener.give(2);
  assertEquals(told, [refused, refused]);
  await listener.give(new Deno.errors.BadResource("Listener has been closed"));
  await loop;
});

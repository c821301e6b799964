/**
 * The first timers, with functions of the machine that a test controls: when
 * `setTimeout` is created, and what is asked of it.
 */

import { assertEquals } from "../../deps.ts";

type SystemTimers = typeof import("../../../connection/time/system_timers.ts");

/** An alarm that a test lets go off, and which tells whether anybody listens. */
class FakeAlarm {
  aborted = false;
  readonly listeners: Set<() => void> = new Set();

  addEventListener(_type: string, listener: () => void): void {
    this.listeners.add(listener);
  }

  removeEventListener(_type: string, listener: () => void): void {
    this.listeners.delete(listener);
  }

  goOff(): void {
    this.aborted = true;
    for (const listener of [...this.listeners]) listener();
  }
}

/** What the module asks of the machine. */
class FakeMachine implements Disposable {
  time = 1000;
  /** How often `setTimeout` was created. */
  created = 0;
  readonly log: string[] = [];
  readonly alarms: FakeAlarm[] = [];
  readonly waits: number[] = [];
  /** The callbacks of the timers of the machine. */
  readonly callbacks: (() => void)[] = [];
  readonly #undo: (() => void)[] = [];
  #lastId = 0;

  /** `lazy` names the functions that are created on first use, as both are since Deno 2.9. */
  constructor(
    lazy: readonly string[] = ["setTimeout", "clearTimeout"],
    makeTimer?: (id: number) => unknown,
  ) {
    const start = (callback: () => void, delay: number): unknown => {
      const id = ++this.#lastId;
      this.callbacks.push(callback);
      this.log.push(`start ${id}: ${delay}`);
      return makeTimer === undefined ? id : makeTimer(id);
    };
    const stop = (id: unknown): void => void this.log.push(`stop ${id}`);
    const create = (): unknown => {
      this.created++;
      return start;
    };
    this.#replace(globalThis, "performance", {
      value: { now: () => this.time },
    });
    this.#replace(
      globalThis,
      "setTimeout",
      lazy.includes("setTimeout") ? { get: create } : { value: start },
    );
    this.#replace(
      globalThis,
      "clearTimeout",
      lazy.includes("clearTimeout") ? { get: () => stop } : { value: stop },
    );
    this.#replace(AbortSignal, "timeout", {
      value: (wait: number): FakeAlarm => {
        this.waits.push(wait);
        const alarm = new FakeAlarm();
        this.alarms.push(alarm);
        return alarm;
      },
    });
    this.#replace(Deno, "unrefTimer", {
      value: (id: number) => this.log.push(`unref ${id}`),
    });
  }

  #replace(target: object, name: string, value: PropertyDescriptor): void {
    const old = Object.getOwnPropertyDescriptor(target, name)!;
    Object.defineProperty(target, name, { ...value, configurable: true });
    this.#undo.push(() => Object.defineProperty(target, name, old));
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo) undo();
  }

  /** Which alarms have a listener. */
  get heard(): boolean[] {
    return this.alarms.map(({ listeners }) => listeners.size > 0);
  }

  /** What was asked of the timers of the machine since the last look. */
  take(): string[] {
    return this.log.splice(0);
  }
}

let loaded = 0;

/** The module in its first state. */
function freshTimers(): Promise<SystemTimers> {
  return import(
    `../../../connection/time/system_timers.ts?first=${++loaded}`
  );
}

const nothing = (): void => {};

Deno.test("first timers: the earliest one sets the alarm, and when it goes off all become timers of the machine", async () => {
  using machine = new FakeMachine();
  const { startSystemTimer, stopSystemTimer } = await freshTimers();
  const late = startSystemTimer(nothing, 1500);
  const fired: string[] = [];
  startSystemTimer(() => fired.push("20 ms"), 20.4);
  startSystemTimer(nothing, 21);
  startSystemTimer(nothing, 900);
  assertEquals(machine.waits, [1500, 21]);
  assertEquals(machine.heard, [false, true]);
  assertEquals([machine.created, machine.take()], [0, []]);
  machine.time += 21;
  machine.alarms[1].goOff();
  assertEquals(machine.created, 1);
  assertEquals(machine.take(), [
    "start 1: 1479",
    "start 2: 0",
    "start 3: 0",
    "start 4: 879",
  ]);
  assertEquals(machine.heard, [false, false]);
  machine.callbacks[1]();
  assertEquals(fired, ["20 ms"]);
  // From now on, each timer is one of the machine.
  const next = startSystemTimer(nothing, 70);
  stopSystemTimer(next);
  stopSystemTimer(late);
  stopSystemTimer(undefined);
  assertEquals(machine.take(), ["start 5: 70", "stop 5", "stop 1"]);
  assertEquals([machine.created, machine.alarms.length], [1, 2]);
});

Deno.test("first timers: the alarm goes off after 2 s at the latest", async () => {
  using machine = new FakeMachine();
  const { startSystemTimer } = await freshTimers();
  startSystemTimer(nothing, 60_000);
  startSystemTimer(nothing, -5);
  assertEquals(machine.waits, [2000, 0]);
  machine.alarms[1].goOff();
  assertEquals(machine.take(), ["start 1: 60000", "start 2: 0"]);
});

Deno.test("first timers: without a timer the alarm has no listener, and the next timer uses the alarm if possible", async () => {
  using machine = new FakeMachine();
  const { startSystemTimer, stopSystemTimer } = await freshTimers();
  const first = startSystemTimer(nothing, 100);
  const second = startSystemTimer(nothing, 100);
  stopSystemTimer(first);
  stopSystemTimer(first);
  assertEquals(machine.heard, [true]);
  stopSystemTimer(second);
  assertEquals(machine.heard, [false]);
  machine.time += 50;
  startSystemTimer(nothing, 60);
  assertEquals([machine.waits, machine.heard], [[100], [true]]);
  machine.alarms[0].goOff();
  assertEquals(machine.take(), ["start 1: 60"]);
});

Deno.test("first timers: an alarm that has gone off is not used again", async () => {
  using machine = new FakeMachine();
  const { startSystemTimer, stopSystemTimer } = await freshTimers();
  stopSystemTimer(startSystemTimer(nothing, 100));
  machine.alarms[0].goOff();
  assertEquals(machine.take(), []);
  startSystemTimer(nothing, 500);
  assertEquals([machine.waits, machine.heard], [[100, 500], [false, true]]);
});

Deno.test("first timers: the sixteenth creates setTimeout at the end of the turn, without an alarm", async () => {
  using machine = new FakeMachine();
  const { startSystemTimer } = await freshTimers();
  for (let delay = 100; delay > 84; delay--) startSystemTimer(nothing, delay);
  assertEquals([machine.alarms.length, machine.created], [15, 0]);
  await Promise.resolve();
  assertEquals([machine.created, machine.take().length], [1, 16]);
  assertEquals(machine.heard.includes(true), false);
});

Deno.test("first timers: one that does not keep the process alive becomes a timer of the machine at once", async () => {
  using machine = new FakeMachine();
  const { startSystemTimer, unrefSystemTimer } = await freshTimers();
  const first = startSystemTimer(nothing, 100);
  const second = startSystemTimer(nothing, 200);
  unrefSystemTimer(first);
  unrefSystemTimer(first);
  assertEquals([machine.created, machine.take()], [0, []]);
  await Promise.resolve();
  assertEquals(machine.take(), ["start 1: 100", "unref 1", "start 2: 200"]);
  unrefSystemTimer(second);
  unrefSystemTimer(startSystemTimer(nothing, 300));
  assertEquals(machine.take(), ["unref 2", "start 3: 300", "unref 3"]);
});

Deno.test("first timers: a runtime that has setTimeout from the beginning uses it at once", async () => {
  const unreferenced: number[] = [];
  using machine = new FakeMachine([], (id) => ({
    toString: () => `timer ${id}`,
    unref: () => unreferenced.push(id),
  }));
  const { startSystemTimer, stopSystemTimer, unrefSystemTimer } =
    await freshTimers();
  const timer = startSystemTimer(nothing, 100);
  unrefSystemTimer(timer);
  stopSystemTimer(timer);
  assertEquals(machine.take(), ["start 1: 100", "stop timer 1"]);
  assertEquals([unreferenced, machine.alarms.length], [[1], 0]);
});

Deno.test("first timers: if only one of the two functions is created on first use, setTimeout is used at once", async () => {
  for (const lazy of ["setTimeout", "clearTimeout"]) {
    using machine = new FakeMachine([lazy]);
    const { startSystemTimer, stopSystemTimer } = await freshTimers();
    stopSystemTimer(startSystemTimer(nothing, 100));
    assertEquals(machine.take(), ["start 1: 100", "stop 1"]);
  }
});

/**
 * The two applications of a run, on streams: each does its half of a plan.
 *
 * @module
 */

import type { Connection } from "../../http/connection.ts";
import type { Stream } from "../../connection/stream.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { REFUSED_STREAM } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { expectError, GIVEN_UP } from "./errors.ts";
import { misuse } from "./misuse.ts";
import { matches, pattern } from "./pattern.ts";
import { makePlan, type Plan, type PlanStyle } from "./plan.ts";
import type { World } from "./world.ts";

/** A half by its sender: 0 the opener's, 1 the other side's. */
type Direction = 0 | 1;

/** Runs plans; knows all of a run. */
export class StreamApplication {
  readonly plans: Plan[] = [];
  readonly #world: World;
  readonly #style: PlanStyle;
  /** Halves under way that have to come to their end. */
  readonly #jobs: Promise<void>[] = [];

  constructor(world: World, style: PlanStyle) {
    this.#world = world;
    this.#style = style;
  }

  /** A new plan; `change` may make it a special one. */
  plan(kind: Plan["kind"], change?: (plan: Plan) => void): Plan {
    const { random } = this.#world;
    const plan = makePlan(random, this.#style, this.plans.length, kind);
    change?.(plan);
    this.plans.push(plan);
    return plan;
  }

  /** Opens the stream of a plan and does its part. */
  open(connection: Connection, plan: Plan): void {
    this.#do(
      plan,
      this.#open(plan, (signal) =>
        connection.openStream(headersOf(plan), {
          pri: plan.priority,
          fin: plan.openFin,
          signal,
        })),
    );
  }

  /** Takes the streams that the peer opens, until the connection ends. */
  async accept(connection: Connection, name: string): Promise<void> {
    const world = this.#world;
    const incoming = connection[Symbol.asyncIterator]();
    try {
      for (;;) {
        await world.maybePause(0.2, 3);
        const next = incoming.next();
        const { done, value } = await world.track(`${name}: next`, next);
        if (done) return;
        const plan = this.plans[Number(value.headers[0][1])];
        this.#do(plan, this.#answer(plan, value, connection));
      }
    } catch (error) {
      expectError(world, error);
    }
  }

  /** Resolves when every plan that can is through. */
  async through(): Promise<void> {
    // Answers and pushes are added while others are awaited.
    for (let index = 0; index < this.#jobs.length; index++) {
      await this.#jobs[index];
    }
  }

  /** Whether every stream has closed on that side: the opener's 0, the other 1. */
  closedAt(side: number): boolean {
    return this.plans.every(({ closed, broken, kind }) => {
      // Streams are told apart by who opened them, sides by who they are.
      const own = kind === "request" ? 0 : 1;
      return broken || closed[side === own ? 0 : 1] !== undefined ||
        // A push may be refused before it is looked at.
        kind === "push" && closed[0] !== undefined;
    });
  }

  #do(plan: Plan, job: Promise<void>): void {
    if (plan.stuck) job.catch(() => {});
    else this.#jobs.push(job);
  }

  async #open(
    plan: Plan,
    open: (signal: AbortSignal | undefined) => Promise<Stream>,
  ): Promise<void> {
    const world = this.#world;
    let signal: AbortSignal | undefined;
    if (plan.abortAfter >= 0) {
      const abort = new AbortController();
      signal = abort.signal;
      world.after(plan.abortAfter, () => abort.abort(GIVEN_UP));
    }
    if (plan.openFin) {
      plan.halves[0].total = 0;
      plan.seen[0].ended = true;
    }
    let stream: Stream;
    try {
      stream = await world.track(`${name(plan)} open`, open(signal));
    } catch (error) {
      expectError(world, error);
      plan.broken = true;
      return;
    }
    world.log(name(plan), "opened as", stream.id);
    this.#watch(plan, stream, 0);
    if (plan.dropped) return;
    misuse(world, plan, stream, 0);
    const parts: Promise<void>[] = [];
    if (!plan.openFin) parts.push(this.#send(plan, stream, 0));
    if (plan.kind !== "push") {
      this.#tracked(`${name(plan)} response`, stream.response);
      parts.push(
        this.#receive(plan, stream, 1),
        this.#trailers(plan, stream, 1),
      );
    }
    await Promise.all(parts);
  }

  async #answer(
    plan: Plan,
    stream: Stream,
    connection: Connection,
  ): Promise<void> {
    this.#watch(plan, stream, 1);
    if (plan.dropped) return;
    misuse(this.#world, plan, stream, 1);
    const parts = [
      this.#receive(plan, stream, 0),
      this.#trailers(plan, stream, 0),
    ];
    if (plan.kind !== "push") {
      parts.push(this.#respond(plan, stream, connection));
    }
    await Promise.all(parts);
  }

  async #respond(
    plan: Plan,
    stream: Stream,
    connection: Connection,
  ): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const [, half] = plan.halves;
    try {
      if (plan.reply === "late") await world.pause(random.float() * 5);
      let sending: Promise<void> | undefined;
      const before = plan.reply === "after a write" && half.headers === 0 &&
        half.ending === "close";
      if (before || plan.reply === "never") {
        sending = this.#send(plan, stream, 1);
        await world.pause();
        if (plan.reply === "never") return await sending;
      }
      if (plan.replyFin) {
        half.total = 0;
        plan.seen[1].ended = true;
      }
      const reply = stream.reply([["re", String(plan.id)]], {
        fin: plan.replyFin,
      });
      this.#tracked(`${name(plan)} reply`, reply);
      if (random.chance(0.5)) await reply;
      for (let left = plan.pushes; left > 0; left--) {
        const push = this.plan("push");
        push.seen[1].ended = true;
        // CANCEL of a request is one of what was pushed for it (3.3.2).
        push.broken ||= plan.broken;
        this.#do(
          push,
          this.#open(
            push,
            (signal) =>
              stream.push(headersOf(push), { pri: push.priority, signal }),
          ),
        );
      }
      if (!plan.replyFin) await (sending ?? this.#send(plan, stream, 1));
    } catch (error) {
      expectError(world, error);
      plan.broken = true;
    }
    void connection;
  }

  async #send(plan: Plan, stream: Stream, direction: Direction): Promise<void> {
    const world = this.#world;
    const half = plan.halves[direction];
    const who = `${name(plan)}.${direction}`;
    try {
      if (half.writing === "pipe" && half.ending === "close") {
        const source = this.#source(plan, direction);
        await world.track(`${who} pipeTo`, source.pipeTo(stream.writable));
        return;
      }
      await this.#write(plan, stream, direction);
    } catch (error) {
      world.log(who, "sending failed:", error);
      this.#expect(plan, error);
    }
  }

  async #write(
    plan: Plan,
    stream: Stream,
    direction: Direction,
  ): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const half = plan.halves[direction];
    const seen = plan.seen[direction];
    const who = `${name(plan)}.${direction}`;
    const writer = half.writing === "write"
      ? undefined
      : stream.writable.getWriter();
    writer?.closed.catch(() => {});
    writer?.ready.catch(() => {});
    const underWay: Promise<void>[] = [];
    let headers = half.headers;
    for (;;) {
      await world.maybePause(this.#style.pauses, 3);
      if (headers > 0 && !plan.replyFin && random.chance(0.5)) {
        const text = `${direction}.${headers--}`;
        seen.sentHeaders.push(text);
        await world.track(`${who} headers`, stream.sendHeaders([["t", text]]));
      }
      const chunk = this.#next(plan, direction);
      if (chunk === undefined) break;
      const written = writer ? writer.write(chunk) : stream.write(chunk);
      world.track(`${who} write of ${chunk.length}`, written);
      // A chunk belongs to the application again once its write has resolved.
      written.then(() => chunk.fill(0xee), () => {});
      underWay.push(written);
      if (underWay.length >= half.burst) await underWay.shift();
    }
    switch (half.ending) {
      case "close": {
        seen.ended = true;
        const end = writer ? writer.close() : stream.closeWrite();
        underWay.push(world.track(`${who} close`, end));
        await Promise.all(underWay);
        break;
      }
      case "trailers": {
        await Promise.all(underWay);
        const text = `end ${direction}`;
        seen.sentHeaders.push(text);
        seen.ended = true;
        const end = stream.sendHeaders([["t", text]], { fin: true });
        await world.track(`${who} trailers`, end);
        break;
      }
      case "abort": {
        if (random.chance(0.5)) await Promise.all(underWay);
        const end = writer
          ? writer.abort(GIVEN_UP)
          : stream.writable.abort(GIVEN_UP);
        await world.track(`${who} abort`, end);
        await Promise.all(underWay);
        break;
      }
      case "reset":
        stream.reset(random.pick([2, 5, 6]));
        await Promise.allSettled(underWay);
        break;
      case "never":
        await Promise.all(underWay);
    }
  }

  /** The next bytes of a half; `undefined` after the last. */
  #next(plan: Plan, direction: Direction): Uint8Array<ArrayBuffer> | undefined {
    const { random } = this.#world;
    const half = plan.halves[direction];
    const seen = plan.seen[direction];
    const left = half.total - seen.written;
    if (left <= 0) return undefined;
    const most = Math.min(left, 400_000);
    const size = random.chance(0.03)
      ? 0
      : random.chance(0.1)
      ? most
      : random.int(1, Math.min(most, half.chunk));
    const bytes = pattern(half.salt, seen.written, size);
    seen.written += size;
    return bytes;
  }

  #source(plan: Plan, direction: Direction): ReadableStream<Uint8Array> {
    const world = this.#world;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await world.maybePause(this.#style.pauses, 3);
        const chunk = this.#next(plan, direction);
        if (chunk !== undefined) return controller.enqueue(chunk);
        plan.seen[direction].ended = true;
        controller.close();
      },
    }, { highWaterMark: world.random.pick([0, 1, 3]) });
  }

  async #receive(
    plan: Plan,
    stream: Stream,
    direction: Direction,
  ): Promise<void> {
    const world = this.#world;
    const half = plan.halves[direction];
    const seen = plan.seen[direction];
    const who = `${name(plan)}.${direction}`;
    if (half.reading === "never") return;
    try {
      if (half.reading === "late") await world.pause(200);
      else if (half.slow > 0.8) await world.pause(world.random.float() * 30);
      seen.clean = await this.#read(plan, stream, direction, who);
    } catch (error) {
      seen.error = error ?? "an error";
      world.log(who, "receiving failed:", error);
      this.#expect(plan, error);
    }
    world.log(who, "received", seen.got, "of", seen.written, seen.clean);
    // Calls at the wrong time end halves, too.
    if (!seen.clean || plan.misuse.length > 0) return;
    if (!seen.ended) {
      world.bad(
        `${who}: a clean end after ${seen.got} bytes, which the sender did not end`,
      );
    } else if (seen.got !== seen.written) {
      world.bad(
        `${who}: a clean end after ${seen.got} of ${seen.written} bytes`,
      );
    }
  }

  /** Reads a half; true when it came to a clean end. */
  async #read(
    plan: Plan,
    stream: Stream,
    direction: Direction,
    who: string,
  ): Promise<boolean> {
    const world = this.#world;
    const half = plan.halves[direction];
    const seen = plan.seen[direction];
    const slow = (): Promise<void> => world.maybePause(half.slow, 8);
    const enough = (): boolean =>
      half.cancelAt >= 0 && seen.got >= half.cancelAt;
    switch (half.reading) {
      case "read":
        for (;;) {
          await slow();
          const buffer = new Uint8Array(half.buffer);
          const size = await world.track(`${who} read`, stream.read(buffer));
          if (size === null) return true;
          if (size < 1) world.bad(`${who}: read() gave ${size}`);
          this.#take(plan, direction, buffer.subarray(0, size));
        }
      case "for await":
        for await (const chunk of stream.readable) {
          this.#take(plan, direction, chunk);
          chunk.fill(0xbb);
          await slow();
          if (enough()) return false;
        }
        return true;
      case "bytes": {
        const all = new Response(stream.readable).bytes();
        this.#take(plan, direction, await world.track(`${who} bytes()`, all));
        return true;
      }
      case "pipe": {
        const sink = new WritableStream<Uint8Array>({
          write: async (chunk) => {
            this.#take(plan, direction, chunk);
            await slow();
          },
        }, { highWaterMark: world.random.pick([1, 4]) });
        await world.track(`${who} pipeTo`, stream.readable.pipeTo(sink));
        return true;
      }
      case "tee": {
        const [first, second] = stream.readable.tee();
        const other = new Response(second).bytes();
        world.track(`${who} second branch`, other).catch(() => {});
        const clean = await this.#readChunks(
          plan,
          first,
          direction,
          who,
          enough,
        );
        const whole = clean && plan.misuse.length === 0;
        if (whole && !matches(half.salt, 0, await other)) {
          world.bad(`${who}: the second branch has other bytes`);
        }
        return clean;
      }
      default:
        return await this.#readChunks(
          plan,
          stream.readable,
          direction,
          who,
          enough,
        );
    }
  }

  async #readChunks(
    plan: Plan,
    readable: ReadableStream<Uint8Array>,
    direction: Direction,
    who: string,
    enough: () => boolean,
  ): Promise<boolean> {
    const world = this.#world;
    const teed = plan.halves[direction].reading === "tee";
    const reader = readable.getReader();
    world.track(`${who} reader.closed`, reader.closed).catch(() => {});
    for (;;) {
      await world.maybePause(plan.halves[direction].slow, 8);
      if (enough()) {
        const cancelled = world.track(`${who} cancel`, reader.cancel(GIVEN_UP));
        // A branch of a tee waits for the other one.
        if (teed) cancelled.catch(() => {});
        else await cancelled;
        return false;
      }
      const next = reader.read();
      const { done, value } = await world.track(`${who} reader.read`, next);
      if (done) return true;
      this.#take(plan, direction, value);
    }
  }

  #take(plan: Plan, direction: Direction, bytes: Uint8Array): void {
    const { salt } = plan.halves[direction];
    const seen = plan.seen[direction];
    // Calls at the wrong time write bytes of their own.
    if (plan.misuse.length > 0) return;
    if (!matches(salt, seen.got, bytes)) {
      this.#world.bad(
        `${name(plan)}.${direction}: wrong bytes at ${seen.got}`,
      );
    }
    seen.got += bytes.length;
    if (seen.got > seen.written) {
      this.#world.bad(
        `${name(plan)}.${direction}: ${seen.got} bytes of ${seen.written}`,
      );
    }
  }

  async #trailers(
    plan: Plan,
    stream: Stream,
    direction: Direction,
  ): Promise<void> {
    if (plan.stuck) {
      return this.#tracked(`${name(plan)} trailers`, stream.trailers);
    }
    try {
      const came = await this.#world.track(
        `${name(plan)}.${direction} trailers came`,
        stream.trailers,
      );
      plan.seen[direction].cameHeaders = came.map(([, value]) => value);
    } catch (error) {
      expectError(this.#world, error);
    }
  }

  #watch(plan: Plan, stream: Stream, side: 0 | 1): void {
    const world = this.#world;
    world.track(`${name(plan)} closed at ${side}`, stream.closed).then(
      (status) => {
        plan.closed[side] = status;
        // Opened before the peer's limit was known.
        if (status === REFUSED_STREAM) plan.broken = true;
      },
      (error) => plan.closed[side] = error,
    );
    if (plan.resetBy === side) {
      world.after(
        plan.resetAfter,
        () => stream.reset(world.random.pick([1, 3, 5])),
      );
    }
  }

  /** Who calls at the wrong time gets in its own way. */
  #expect(plan: Plan, error: unknown): void {
    const explained = plan.misuse.length > 0 &&
      error instanceof InvalidArgumentError;
    if (!explained) expectError(this.#world, error);
  }

  #tracked(what: string, promise: Promise<unknown>): void {
    this.#world.track(what, promise).catch((error) =>
      expectError(this.#world, error)
    );
  }
}

function name(plan: Plan): string {
  return `${plan.kind} ${plan.id}`;
}

function headersOf(plan: Plan): NameValue[] {
  return [["plan", String(plan.id)], ["x", "y".repeat(plan.id % 5)]];
}

/**
 * The two applications of a run with streams: each does its part of a plan.
 *
 * @module
 */

import type { Stream } from "../../connection/stream/stream.ts";
import { REFUSED_STREAM } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import type { Connection } from "../../http/connection.ts";
import { expectError, GIVEN_UP } from "./errors.ts";
import { misuse } from "./misuse.ts";
import { pattern } from "./pattern.ts";
import {
  type Direction,
  makePlan,
  type Plan,
  planName,
  type PlanStyle,
} from "./plan.ts";
import { expectOf, PlanReader } from "./plan_reader.ts";
import type { World } from "./world.ts";

/** Runs plans, and knows what each side of a run sent and received. */
export class StreamApplication {
  readonly plans: Plan[] = [];
  readonly #world: World;
  readonly #style: PlanStyle;
  readonly #reader: PlanReader;
  /** Reads and writes under way that must end. */
  readonly #jobs: Promise<void>[] = [];

  constructor(world: World, style: PlanStyle) {
    this.#world = world;
    this.#style = style;
    this.#reader = new PlanReader(world);
  }

  /** Makes a plan; `change` may change it. */
  plan(kind: Plan["kind"], change?: (plan: Plan) => void): Plan {
    const { random } = this.#world;
    const plan = makePlan(random, this.#style, this.plans.length, kind);
    change?.(plan);
    this.plans.push(plan);
    return plan;
  }

  /** Opens the stream of a plan and does this side's part. */
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

  /** Accepts the streams that the peer opens, until the connection ends. */
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

  /** Resolves when every plan that can end has ended. */
  async through(): Promise<void> {
    // While some are awaited, answers and pushes add others.
    for (let index = 0; index < this.#jobs.length; index++) {
      await this.#jobs[index];
    }
  }

  /** Whether every stream has closed on one side: 0 is the opener, 1 the other side. */
  closedAt(side: number): boolean {
    return this.plans.every(({ closed, broken, kind }) => {
      // A stream is identified by the side that opened it.
      const own = kind === "request" ? 0 : 1;
      return broken || closed[side === own ? 0 : 1] !== undefined ||
        // A push may be refused before it is processed.
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
      stream = await world.track(`${planName(plan)} open`, open(signal));
    } catch (error) {
      expectError(world, error);
      plan.broken = true;
      return;
    }
    world.log(planName(plan), "opened as", stream.id);
    this.#watch(plan, stream, 0);
    if (plan.dropped) return;
    misuse(world, plan, stream, 0);
    const parts: Promise<void>[] = [];
    if (!plan.openFin) parts.push(this.#send(plan, stream, 0));
    if (plan.kind !== "push") {
      this.#tracked(`${planName(plan)} response`, stream.response);
      parts.push(
        this.#reader.receive(plan, stream, 1),
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
      this.#reader.receive(plan, stream, 0),
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
      this.#tracked(`${planName(plan)} reply`, reply);
      if (random.chance(0.5)) await reply;
      for (let left = plan.pushes; left > 0; left--) {
        const push = this.plan("push");
        push.seen[1].ended = true;
        // CANCEL of a request also cancels what was pushed for it (3.3.2).
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
    const who = `${planName(plan)}.${direction}`;
    try {
      if (half.writing === "pipe" && half.ending === "close") {
        const source = this.#source(plan, direction);
        await world.track(`${who} pipeTo`, source.pipeTo(stream.writable));
        return;
      }
      await this.#write(plan, stream, direction);
    } catch (error) {
      world.log(who, "sending failed:", error);
      expectOf(plan, this.#world, error);
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
    const who = `${planName(plan)}.${direction}`;
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

  /** The next chunk; `undefined` after the last. */
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

  async #trailers(
    plan: Plan,
    stream: Stream,
    direction: Direction,
  ): Promise<void> {
    if (plan.stuck) {
      return this.#tracked(`${planName(plan)} trailers`, stream.trailers);
    }
    try {
      const arrived = await this.#world.track(
        `${planName(plan)}.${direction} trailers arrived`,
        stream.trailers,
      );
      plan.seen[direction].arrivedHeaders = arrived.map(([, value]) => value);
    } catch (error) {
      expectError(this.#world, error);
    }
  }

  #watch(plan: Plan, stream: Stream, side: 0 | 1): void {
    const world = this.#world;
    world.track(`${planName(plan)} closed at ${side}`, stream.closed).then(
      (status) => {
        plan.closed[side] = status;
        // The stream was opened before the peer's limit was known.
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

  #tracked(what: string, promise: Promise<unknown>): void {
    this.#world.track(what, promise).catch((error) =>
      expectError(this.#world, error)
    );
  }
}

function headersOf(plan: Plan): NameValue[] {
  return [["plan", String(plan.id)], ["x", "y".repeat(plan.id % 5)]];
}

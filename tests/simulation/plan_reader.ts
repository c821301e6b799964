/**
 * Reads one direction of a stream in one of many ways, and checks its bytes and
 * its end.
 *
 * @module
 */

import type { Stream } from "../../connection/stream/stream.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { expectError, GIVEN_UP } from "./errors.ts";
import { matches } from "./pattern.ts";
import { type Direction, type Plan, planName } from "./plan.ts";
import type { World } from "./world.ts";

/** The reading side of all plans of a run. */
export class PlanReader {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Reads one direction as its plan says, and checks how it ends. */
  async receive(
    plan: Plan,
    stream: Stream,
    direction: Direction,
  ): Promise<void> {
    const world = this.#world;
    const half = plan.halves[direction];
    const seen = plan.seen[direction];
    const who = `${planName(plan)}.${direction}`;
    if (half.reading === "never") return;
    try {
      if (half.reading === "late") await world.pause(200);
      else if (half.slow > 0.8) await world.pause(world.random.float() * 30);
      seen.clean = await this.#read(plan, stream, direction, who);
    } catch (error) {
      seen.error = error ?? "an error";
      world.log(who, "receiving failed:", error);
      expectOf(plan, world, error);
    }
    world.log(who, "received", seen.got, "of", seen.written, seen.clean);
    // Calls at the wrong time may end a direction, too.
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

  /** Reads one direction; returns true if it ended without an error. */
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
    // Calls at the wrong time write other bytes.
    if (plan.misuse.length > 0) return;
    if (!matches(salt, seen.got, bytes)) {
      this.#world.bad(
        `${planName(plan)}.${direction}: wrong bytes at ${seen.got}`,
      );
    }
    seen.got += bytes.length;
    if (seen.got > seen.written) {
      this.#world.bad(
        `${planName(plan)}.${direction}: ${seen.got} bytes of ${seen.written}`,
      );
    }
  }
}

/** Checks an error; a plan with calls at the wrong time may also cause an `InvalidArgumentError`. */
export function expectOf(plan: Plan, world: World, error: unknown): void {
  const explained = plan.misuse.length > 0 &&
    error instanceof InvalidArgumentError;
  if (!explained) expectError(world, error);
}

/**
 * Calls at the wrong time. Each must fail or have no effect, and must not affect
 * any other stream.
 *
 * @module
 */

import type { Stream } from "../../connection/stream/stream.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { expectError, GIVEN_UP } from "./errors.ts";
import type { Misuse, Plan } from "./plan.ts";
import type { World } from "./world.ts";

/** Makes the wrong calls of a plan on one side of its stream, between the right ones. */
export function misuse(
  world: World,
  plan: Plan,
  stream: Stream,
  side: 0 | 1,
): void {
  for (const what of plan.misuse) {
    world.after(world.random.float() * 4, () => {
      world.log(plan.kind, plan.id, "misuse:", what, "at", side);
      try {
        for (const call of calls(what, stream, side)) {
          world.track(`${plan.kind} ${plan.id}: ${what} at ${side}`, call)
            .catch((error) => expect(world, error));
        }
      } catch (error) {
        expect(world, error);
      }
    });
  }
}

function expect(world: World, error: unknown): void {
  if (!(error instanceof InvalidArgumentError)) expectError(world, error);
}

function calls(
  what: Misuse,
  stream: Stream,
  side: 0 | 1,
): Promise<unknown>[] {
  switch (what) {
    case "reply twice":
      return [stream.reply([["a", "b"]]), stream.reply([["a", "b"]])];
    case "reply after a reset":
      stream.reset();
      return [stream.reply([["a", "b"]])];
    case "headers after the end":
      return [stream.closeWrite(), stream.sendHeaders([["a", "b"]])];
    case "write after the end":
      return [stream.closeWrite(), stream.write(new Uint8Array(10))];
    case "two reads":
      return [
        stream.read(new Uint8Array(10)),
        stream.read(new Uint8Array(10)),
      ];
    case "readable beside read":
      return [
        stream.read(new Uint8Array(10)),
        new Response(stream.readable).bytes(),
      ];
    case "reset twice":
      stream.reset(3);
      stream.reset(5);
      return [];
    case "response of an accepted stream":
      return side === 1 ? [stream.response] : [];
    case "cancel after the end":
      return [
        stream.closed.then(async () => {
          if (!stream.readable.locked) await stream.readable.cancel(GIVEN_UP);
        }),
      ];
    case "abort while a write waits": {
      const writer = stream.writable.getWriter();
      return [
        writer.write(new Uint8Array(200_000)),
        writer.abort(GIVEN_UP),
      ];
    }
    case "no bytes":
      return [stream.write("text" as unknown as Uint8Array)];
  }
}

/**
 * Reading is stopped, because the application neither reads nor waits for
 * anything. Then the transport breaks and accepts no more bytes. Only a write can
 * notice this, and the connection must then end at once.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import type { Connection } from "../../http/connection.ts";
import { expectError } from "./errors.ts";
import type { Pipe } from "./network.ts";
import { openStreams } from "./opened_streams.ts";
import { matches, pattern } from "./pattern.ts";
import type { World } from "./world.ts";

/** Writes until a write fails. */
const MOST_WRITES = 500;
/** What "at once" is, ms. */
const AT_ONCE = 10;

/** The side that has stopped reading, and how it stopped. */
export interface HeldReading {
  readonly client: Connection;
  readonly server: Connection;
  readonly holder: "client" | "server";
  /** What this side writes to. */
  readonly output: Pipe;
  /** Streams. */
  readonly count: number;
  /** Bytes that are sent to this side, over all streams: more than it accepts. */
  readonly size: number;
  /** Whether the application of this side waits for its streams to close. */
  readonly watches: boolean;
}

/**
 * Resolves when this side's connection has ended, and the bytes that had arrived
 * have been read.
 */
export async function breakWriting(
  world: World,
  { client, server, holder, output, count, size, watches }: HeldReading,
): Promise<void> {
  const { random } = world;
  const streams = await openStreams(world, client, server, { count });
  const [here, there, connection] = holder === "client"
    ? [streams.client, streams.server, client]
    : [streams.server, streams.client, server];
  if (watches) {
    for (const { closed } of here) {
      world.track("held closed", closed).catch(() => {});
    }
  }
  for (const [index, stream] of there.entries()) {
    send(world, stream, index, Math.ceil(size / count));
  }
  const core = coreOf(connection);
  while (!core.counters.readingHeld) await world.pause(1);
  const { unread } = core.counters;
  let ended: unknown;
  connection.closed.then(() => ended = "in order", (error) => ended = error);

  world.log("writing breaks at the", holder);
  if (random.chance(0.5)) output.reset("EIO");
  else output.cut(false, random.chance(0.5));
  await writeUntilItFails(world, random.pick(here));
  for (let left = AT_ONCE; left > 0 && ended === undefined; left--) {
    await world.pause(1);
  }
  if (ended === undefined) {
    world.bad(
      `the ${holder} holds reading and cannot write, and does not end`,
    );
    return;
  }
  if (!(ended instanceof ConnectionClosedError)) {
    world.bad(`the ${holder} cannot write, and ended: ${ended}`);
  }
  let got = 0;
  for (const [index, stream] of here.entries()) {
    got += await readRest(world, stream, index);
  }
  if (got < unread) {
    world.bad(`of ${unread} bytes that had come ${got} could be read`);
  }
}

async function send(
  world: World,
  stream: Stream,
  salt: number,
  size: number,
): Promise<void> {
  try {
    for (let offset = 0; offset < size;) {
      const length = Math.min(size - offset, world.random.int(1, 50_000));
      const written = stream.write(pattern(salt, offset, length));
      await world.track("held write to the holder", written);
      offset += length;
    }
  } catch (error) {
    expectError(world, error);
  }
}

async function writeUntilItFails(world: World, stream: Stream): Promise<void> {
  try {
    for (let left = MOST_WRITES; left > 0; left--) {
      const bytes = new Uint8Array(world.random.int(1, 5000));
      await world.track("held write of the holder", stream.write(bytes));
      await world.pause(1);
    }
    world.bad("a transport that is broken takes bytes on and on");
  } catch (error) {
    if (error instanceof ConnectionClosedError) return;
    world.bad(`a write to a broken transport failed with ${error}`);
  }
}

/**
 * Reads the bytes that arrived before the end. The read then fails, because the
 * connection broke.
 */
async function readRest(
  world: World,
  stream: Stream,
  salt: number,
): Promise<number> {
  const buffer = new Uint8Array(4096);
  let got = 0;
  try {
    for (;;) {
      const length = await world.track("held read", stream.read(buffer));
      if (length === null) break;
      if (!matches(salt, got, buffer.subarray(0, length))) {
        world.bad(`stream ${stream.id}: wrong bytes at ${got}`);
      }
      got += length;
    }
    world.bad(
      `stream ${stream.id} was truncated, but ended without an error at ${got}`,
    );
  } catch (error) {
    if (!(error instanceof ConnectionClosedError)) {
      world.bad(`reading what had come failed with ${error}`);
    }
  }
  return got;
}

/**
 * A peer without flow control sends more on some streams than their windows
 * allow, while bytes are sent on the same streams in the other direction. Each of
 * these streams ends with FLOW_CONTROL_ERROR, and the others continue.
 *
 * @module
 */

import type { Stream } from "../../connection/stream/stream.ts";
import {
  FLOW_CONTROL_ERROR,
  INITIAL_WINDOW_SIZE,
} from "../../frame/constants.ts";
import type { Connection } from "../../http/connection.ts";
import { expectError } from "./errors.ts";
import { openStreams } from "./opened_streams.ts";
import { matches, pattern } from "./pattern.ts";
import type { World } from "./world.ts";

/** Most bytes of one direction that fit into a window, because nobody opens it further. */
const MOST = 60_000;

/** Which side exceeds which windows. */
export interface Overrun {
  /** Number of streams. */
  readonly count: number;
  /** Number of streams whose windows are exceeded. */
  readonly overruns: number;
  /** The side with windows; the other side ignores all windows. */
  readonly windowed: "client" | "server";
}

/** Resolves when every stream has ended. */
export async function overrunWindows(
  world: World,
  client: Connection,
  server: Connection,
  { count, overruns, windowed }: Overrun,
): Promise<void> {
  const streams = await openStreams(world, client, server, { count });
  const [here, there] = windowed === "client"
    ? [streams.client, streams.server]
    : [streams.server, streams.client];
  const overrun = new Set(
    world.random.shuffle([...here.keys()]).slice(0, overruns),
  );
  await Promise.all(
    [...here.keys()].map((index) =>
      overrun.has(index)
        ? overrunOne(world, index, here[index], there[index])
        : exchange(world, index, here[index], there[index])
    ),
  );
}

/** A stream whose window is exceeded. Neither side ends its direction before that. */
async function overrunOne(
  world: World,
  index: number,
  windowed: Stream,
  heedless: Stream,
): Promise<void> {
  const { random } = world;
  const read = random.chance(0.5) ? 0 : random.int(1, 20_000);
  const size = INITIAL_WINDOW_SIZE + read + random.int(1, 50_000);
  const parts = [
    read > 0 ? receive(world, windowed, index, read) : undefined,
    send(world, windowed, index, MOST),
    send(world, heedless, index, size),
    receive(world, heedless, index, Infinity),
  ];
  await Promise.all(
    parts.map((part) => part?.catch((error) => expectError(world, error))),
  );
  for (const stream of [windowed, heedless]) {
    const who = stream === windowed ? "its reader" : "its sender";
    const closed = await world.track(`overrun ${index} closed`, stream.closed)
      .catch((error) => error);
    if (closed === FLOW_CONTROL_ERROR) continue;
    world.bad(
      `stream ${stream.id} was overrun and closed at ${who}: ${closed}`,
    );
  }
}

/** A stream whose window is not exceeded: all of its bytes arrive. */
async function exchange(
  world: World,
  index: number,
  windowed: Stream,
  heedless: Stream,
): Promise<void> {
  const { random } = world;
  const [one, other] = [random.int(0, MOST), random.int(0, MOST)];
  try {
    const [, , gotThere, gotHere] = await Promise.all([
      send(world, windowed, index, one).then(() => windowed.closeWrite()),
      send(world, heedless, index, other).then(() => heedless.closeWrite()),
      receive(world, heedless, index, Infinity),
      receive(world, windowed, index, Infinity),
    ]);
    if (gotThere !== one || gotHere !== other) {
      world.bad(
        `stream ${windowed.id}: ${gotThere} of ${one} and ${gotHere} of ${other} bytes`,
      );
    }
  } catch (error) {
    world.bad(`stream ${windowed.id} failed with another: ${error}`);
  }
}

/** Writes small chunks, so that there is always a new one to submit. */
async function send(
  world: World,
  stream: Stream,
  salt: number,
  size: number,
): Promise<void> {
  const { random } = world;
  const most = random.pick([300, 3000, 20_000]);
  for (let offset = 0; offset < size;) {
    const length = Math.min(size - offset, random.int(1, most));
    await world.track(
      `overrun ${salt} write`,
      stream.write(pattern(salt, offset, length)),
    );
    offset += length;
    await world.maybePause(0.5, 3);
  }
}

/** Reads to the end, or about `most` bytes. Returns the number of bytes. */
async function receive(
  world: World,
  stream: Stream,
  salt: number,
  most: number,
): Promise<number> {
  let got = 0;
  while (got < most) {
    const buffer = new Uint8Array(Math.min(most - got, 65_536));
    const length = await world.track(
      `overrun ${salt} read`,
      stream.read(buffer),
    );
    if (length === null) break;
    if (!matches(salt, got, buffer.subarray(0, length))) {
      world.bad(`stream ${stream.id}: wrong bytes at ${got}`);
    }
    got += length;
  }
  return got;
}

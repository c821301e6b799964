/**
 * Bodies that have all begun, and are read one after the other in any order. No
 * reader may wait for bytes that arrive only if another body is read.
 *
 * @module
 */

import type { Stream } from "../../connection/stream/stream.ts";
import type { Connection } from "../../http/connection.ts";
import { openStreams } from "./opened_streams.ts";
import { matches, pattern } from "./pattern.ts";
import type { World } from "./world.ts";

/** Which bodies are read. */
export interface ReadingOrder {
  /** Number of streams. */
  readonly count: number;
  /** Bytes of each body. */
  readonly size: number;
  readonly order: "forward" | "reverse" | "middle first" | "random";
  /** The side that reads: the client reads responses, or the server reads uploads. */
  readonly reader: "client" | "server";
}

/** Resolves when every body has been read. */
export async function readInOrder(
  world: World,
  client: Connection,
  server: Connection,
  { count, size, order, reader }: ReadingOrder,
): Promise<void> {
  const streams = await openStreams(world, client, server, {
    count,
    clientFin: reader === "client",
    serverFin: reader === "server",
  });
  const [senders, readers] = reader === "client"
    ? [streams.server, streams.client]
    : [streams.client, streams.server];
  const sent = senders.map((stream, salt) => send(world, stream, salt, size));
  for (const index of inOrder(world, order, count)) {
    await world.track(
      `body ${index}`,
      read(world, readers[index], index, size),
    );
  }
  await world.track("all sent", Promise.all(sent));
}

function inOrder(
  { random }: World,
  order: ReadingOrder["order"],
  count: number,
): number[] {
  const places = Array.from({ length: count }, (_, index) => index);
  switch (order) {
    case "forward":
      return places;
    case "reverse":
      return places.reverse();
    case "middle first":
      return [...places.splice(count >> 1), ...places];
    case "random":
      return random.shuffle(places);
  }
}

async function send(
  world: World,
  stream: Stream,
  salt: number,
  size: number,
): Promise<void> {
  for (let offset = 0; offset < size;) {
    const length = Math.min(size - offset, world.random.int(1000, 100_000));
    await stream.write(pattern(salt, offset, length));
    offset += length;
  }
  await stream.closeWrite();
}

async function read(
  world: World,
  stream: Stream,
  salt: number,
  size: number,
): Promise<void> {
  const buffer = new Uint8Array(65_536);
  let got = 0;
  for (;;) {
    const length = await stream.read(buffer);
    if (length === null) break;
    if (!matches(salt, got, buffer.subarray(0, length))) {
      world.bad(`body of ${salt}: wrong bytes at ${got}`);
    }
    got += length;
  }
  if (got !== size) world.bad(`body of ${salt}: ${got} of ${size} bytes`);
}

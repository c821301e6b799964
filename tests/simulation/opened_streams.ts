/**
 * Streams that the client has opened and the server has answered, for
 * applications that treat all of them alike.
 *
 * @module
 */

import type { Stream } from "../../connection/stream/stream.ts";
import type { Connection } from "../../http/connection.ts";
import type { World } from "./world.ts";

/** Both ends of these streams, in the same order. */
export interface OpenedStreams {
  readonly client: readonly Stream[];
  readonly server: readonly Stream[];
}

/** How the streams are opened. */
export interface OpenedStreamsOptions {
  /** How many. */
  readonly count: number;
  /** The client sends nothing on them. */
  readonly clientFin?: boolean;
  /** The server sends nothing on them. */
  readonly serverFin?: boolean;
}

/** Resolves when all are open and all responses have arrived. */
export async function openStreams(
  world: World,
  client: Connection,
  server: Connection,
  { count, clientFin = false, serverFin = false }: OpenedStreamsOptions,
): Promise<OpenedStreams> {
  const accepted = accept(server, count);
  const opened = await world.track(
    "all opened",
    Promise.all(
      Array.from(
        { length: count },
        (_, index) =>
          client.openStream([["n", String(index)]], { fin: clientFin }),
      ),
    ),
  );
  const arrived = await world.track("all accepted", accepted);
  const replies = arrived.map((stream) =>
    stream.reply([["re", "1"]], { fin: serverFin })
  );
  await world.track("all replies", Promise.all(replies));
  await world.track(
    "all responses",
    Promise.all(opened.map(({ response }) => response)),
  );
  return {
    client: opened,
    server: arrived.toSorted((one, other) => numberOf(one) - numberOf(other)),
  };
}

async function accept(server: Connection, count: number): Promise<Stream[]> {
  const streams: Stream[] = [];
  for await (const stream of server) {
    streams.push(stream);
    if (streams.length === count) break;
  }
  return streams;
}

function numberOf(stream: Stream): number {
  return Number(stream.headers[0][1]);
}

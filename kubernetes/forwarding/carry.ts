/**
 * Carries a local connection to a port of a pod.
 *
 * @module
 */

import { closeQuietly } from "../../connection/transport/byte_conn.ts";
import type { ForwardedConnection } from "../forwarded.ts";

/** The part of a local connection that is used here. */
export type LocalConn = Pick<
  Deno.TcpConn,
  "read" | "write" | "closeWrite" | "close"
>;

/**
 * Copies both directions at the same time and ends each of them separately;
 * `conn.readable` would close both when the first one ends.
 */
export async function carry(
  conn: LocalConn,
  connect: () => Promise<ForwardedConnection>,
): Promise<void> {
  let connection: ForwardedConnection | undefined;
  try {
    connection = await connect();
    await Promise.all([
      sendAll(conn, connection),
      receiveAll(connection.readable, conn),
    ]);
  } finally {
    // When one direction has failed, the other one is useless.
    connection?.close();
    closeQuietly(conn);
  }
}

async function sendAll(
  conn: LocalConn,
  { writable }: ForwardedConnection,
): Promise<void> {
  const writer = writable.getWriter();
  for (;;) {
    const buffer = new Uint8Array(65536);
    const count = await conn.read(buffer);
    try {
      if (count === null) return await writer.close();
      await writer.write(buffer.subarray(0, count));
    } catch {
      // The pod may end the connection before it has read everything.
      return;
    }
  }
}

async function receiveAll(
  readable: ReadableStream<Uint8Array>,
  conn: LocalConn,
): Promise<void> {
  for await (const chunk of readable) {
    for (let at = 0; at < chunk.length;) {
      at += await conn.write(chunk.subarray(at));
    }
  }
  await conn.closeWrite();
}

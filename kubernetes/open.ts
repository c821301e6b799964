/**
 * Opens the SPDY session and the streams of a client.
 *
 * @module
 */

import { Connection } from "../connection.ts";
import type { Stream } from "../connection/stream.ts";
import type { ByteConn } from "../connection/transport.ts";
import { PROTO_SPDY3_1 } from "../frame/constants.ts";
import type { NameValue } from "../frame/types.ts";
import { CLIENT } from "../session/constants.ts";
import type { TargetOptions } from "./dial.ts";
import { KUBERNETES_PROFILE } from "./profile.ts";

/** A SPDY/3.1 session with the Kubernetes profile. */
export function openConnection(
  conn: ByteConn,
  { keepAlive, maxBufferedBytes }: TargetOptions,
): Connection {
  return new Connection(conn, {
    ...KUBERNETES_PROFILE,
    keepAlive,
    maxBufferedBytes,
    side: CLIENT,
    version: PROTO_SPDY3_1,
  });
}

/** Opens streams, in order. */
export async function openStreams(
  connection: Connection,
  headers: readonly { nv: NameValue[]; fin?: boolean }[],
): Promise<Stream[]> {
  return await Promise.all(
    headers.map(({ nv, fin }) => connection.openStream(nv, { fin })),
  );
}

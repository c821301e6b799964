/**
 * Opens the streams of a client.
 *
 * @module
 */

import type { RawConnection } from "../../connection.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import type { NameValue } from "../../frame/types.ts";

/** Opens streams in order. */
export async function openStreams(
  connection: RawConnection,
  headers: readonly { nv: NameValue[]; fin?: boolean }[],
): Promise<Stream[]> {
  return await Promise.all(
    headers.map(({ nv, fin }) => connection.openStream(nv, { fin })),
  );
}

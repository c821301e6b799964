/**
 * The first steps of a client: its TLS handshake and its first bytes.
 *
 * @module
 */

import { peerGone } from "../../connection/end_errors.ts";
import type { ConnectionClosedError } from "../../connection/errors.ts";
import { readPart } from "../../connection/transport/byte_conn.ts";
import type {
  ByteConn,
  Transport,
} from "../../connection/transport/transport.ts";
import { ERR_PROTO, SpdyError, UnsupportedVersionError } from "../../errors.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import { tokenOf } from "../upgrade/upgrade_token.ts";

/** A TLS transport; its handshake selects the protocol. */
export type TlsTransport = ByteConn & {
  handshake(): Promise<Deno.TlsHandshakeInfo>;
};

/** Whether a transport has a TLS handshake. */
export function isTls(transport: Transport): transport is TlsTransport {
  return "handshake" in transport &&
    typeof transport.handshake === "function";
}

/** Runs the handshake. Its failure is an error that says whose fault it is. */
export async function shakeHands(
  conn: TlsTransport,
): Promise<Deno.TlsHandshakeInfo> {
  try {
    return await conn.handshake();
  } catch (error) {
    if (isLeaving(error)) throw leftEarly(error);
    const reason = error instanceof Error ? error.message : String(error);
    throw new SpdyError(
      `the TLS handshake with the client failed: ${reason}`,
      ERR_PROTO,
      { initiator: "remote", cause: error },
    );
  }
}

/** Whether a client left during the handshake. Many connect only to check that a server listens. */
function isLeaving(error: unknown): boolean {
  return error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe;
}

/** The client left before it spoke SPDY. */
export function leftEarly(cause?: unknown): ConnectionClosedError {
  return peerGone("the client left before it began to speak SPDY", cause);
}

/** ALPN selected none of the versions of SPDY that the server accepts. */
export function noVersion(
  chosen: string | null | undefined,
  versions: readonly ProtocolVersion[],
): SpdyError {
  const what = chosen ? `agreed on "${chosen}"` : "agreed on no protocol";
  return new UnsupportedVersionError(
    `the client ${what} by ALPN; SPDY needs one of ${
      versions.map((each) => tokenOf(each).toLowerCase()).join(", ")
    }`,
    { initiator: "remote" },
  );
}

/** The first bytes that arrive; `undefined` at the end of input. */
export async function readSome(
  conn: ByteConn,
): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(4096);
  try {
    const size = await readPart(conn, buffer);
    return size === null ? undefined : buffer.subarray(0, size);
  } catch (error) {
    // A health check of a load balancer may end with a reset.
    if (isLeaving(error)) throw leftEarly(error);
    throw error;
  }
}

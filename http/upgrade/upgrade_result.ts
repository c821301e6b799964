/**
 * The result of a request for an upgrade: a connection, or the error for a refusal.
 *
 * @module
 */

import { ERR_PROTO, SpdyError } from "../../errors.ts";
import type { Connection } from "../connection.ts";

/**
 * Result of `connectUpgrade`.
 *
 * @category Client
 */
export interface UpgradedConnection {
  /** The connection, on the client's side. */
  readonly connection: Connection;
  /** The 101, for its headers. */
  readonly response: Response;
}

/**
 * The server answered a request for an upgrade with another status than 101. Code
 * `ERR_PROTO`, `initiator` `"remote"`.
 *
 * @example
 * ```ts
 * import { connectUpgrade, UpgradeRefusedError } from "@spdy/spdy";
 * import { assertEquals, assertRejects } from "jsr:@std/assert@1";
 *
 * await using server = Deno.serve(
 *   { port: 0, onListen() {} },
 *   () => new Response("no SPDY here", { status: 404 }),
 * );
 * const error = await assertRejects(
 *   () => connectUpgrade(`http://localhost:${server.addr.port}/`),
 *   UpgradeRefusedError,
 * );
 * assertEquals(error.response.status, 404);
 * assertEquals(await error.response.text(), "no SPDY here");
 * ```
 *
 * @category Errors
 */
export class UpgradeRefusedError extends SpdyError {
  /** The answer; its body is truncated after 64 KiB. */
  readonly response: Response;

  /** Creates the error. */
  constructor(response: Response) {
    super(
      `the upgrade was refused with ${response.status} ${response.statusText}`
        .trimEnd(),
      ERR_PROTO,
      { initiator: "remote" },
    );
    this.response = response;
  }
}

/**
 * Checks of the options of `serve` and `serveConnection`.
 *
 * @module
 */

import { checkSignal } from "../../connection/abort_signal.ts";
import { checkFunction, checkText } from "../../connection/option_kinds.ts";
import { checkTuning } from "../../connection/options.ts";
import {
  type ByteConn,
  type ByteStreams,
  isConn,
} from "../../connection/transport/transport.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkTimeout, checkWhole } from "../../numbers.ts";
import { SERVER } from "../../session/constants.ts";
import { checkNames, show } from "../../values.ts";
import { Connection } from "../connection.ts";
import { checkAllowedOrigins, MOST_HEAD } from "../upgrade/upgrade_rules.ts";
import { checkVersions } from "../upgrade/upgrade_token.ts";
import { CONNECTION_NAMES, SERVE_NAMES } from "./option_names.ts";
import type { ServeConnectionOptions, ServeOptions } from "./serve_options.ts";
import { MAX_HEAD } from "./served_connection.ts";

/** Options of other servers, and what to use instead. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  keyFile: "read the file, and pass its text as `key`",
  certFile: "read the file, and pass its text as `cert`",
  alpnProtocols: "set `versions`, and `upgrade` for HTTP/1.1",
};

/** Throws `InvalidArgumentError` for an option that `serve` does not have. */
export function checkServeNames(options: ServeOptions): void {
  const { automaticCompression, transport, path }: {
    automaticCompression?: unknown;
    transport?: unknown;
    path?: unknown;
  } = options;
  if (automaticCompression) {
    throw new InvalidArgumentError(
      "serve has no automaticCompression: compress in the handler with a CompressionStream, where the body contains no secret",
    );
  }
  if (path !== undefined) checkText("path", path);
  const needed = path !== undefined ? "unix" : "tcp";
  if (transport !== undefined && transport !== needed) {
    throw new InvalidArgumentError(
      `transport ${
        show(transport)
      } is not supported: "tcp" needs a port, "unix" needs a path`,
    );
  }
  for (const [name, advice] of Object.entries(ELSEWHERE)) {
    if (Reflect.get(options, name) !== undefined) {
      throw new InvalidArgumentError(
        `serve has no option ${JSON.stringify(name)}; ${advice}`,
      );
    }
  }
  checkNames("serve", options, SERVE_NAMES);
}

/** Throws `InvalidArgumentError` for an option that `serveConnection` does not have. */
export function checkServeConnectionNames(
  options: ServeConnectionOptions,
): void {
  checkNames("serveConnection", options, CONNECTION_NAMES);
}

/**
 * Checks the options before the server accepts connections. An error found later
 * would end every connection without a message.
 *
 * Throws `InvalidArgumentError` for an option out of its range, and
 * `UnsupportedVersionError` for an unknown version.
 */
export function checkConnectionOptions(options: ServeConnectionOptions): void {
  const { version, versions, handshakeTimeout = 0, maxHeadBytes = MAX_HEAD } =
    options;
  checkTimeout("handshakeTimeout", handshakeTimeout);
  checkWhole("maxHeadBytes", maxHeadBytes, 1, MOST_HEAD);
  checkTuning(options, version);
  if (versions !== undefined) checkVersions(versions);
  checkAllowedOrigins(options.allowedOrigins);
  checkSignal(options.signal);
  for (const name of FUNCTIONS) {
    checkFunction(name, Reflect.get(options, name));
  }
}

/** Options that are functions. A wrong one would be noticed only when it is called. */
const FUNCTIONS = ["onListen", "onError", "onConnection", "onConnectionError"];

/**
 * Throws `InvalidArgumentError` for a transport that cannot be served, before a
 * connection is made on it.
 */
export function checkTransport(
  transport: ByteConn | ByteStreams | Connection,
  upgrade = false,
): void {
  if (transport instanceof Connection) {
    if (transport.side !== SERVER) {
      throw new InvalidArgumentError(
        "serveConnection needs the server's side of a connection, but this connection is a client",
      );
    }
    return;
  }
  if (typeof transport !== "object" || transport === null) {
    throw new InvalidArgumentError("the transport is not an object");
  }
  if (isConn(transport)) return;
  if (!("readable" in transport) || !("writable" in transport)) {
    throw new InvalidArgumentError(
      "the transport has neither `read` and `write` nor `readable` and `writable`",
    );
  }
  if (upgrade) {
    throw new InvalidArgumentError(
      "`upgrade` needs a transport with `read` and `write`, such as a Deno.Conn",
    );
  }
}

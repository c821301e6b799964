/**
 * Connections for HTTP/1.1, which only lasts until the upgrade.
 *
 * @module
 */

import { startTimeout, stopTimer, type Timer } from "../../connection/clock.ts";
import {
  abortable,
  dialTls,
  type TlsOptions,
} from "../../connection/connect.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { closeQuietly } from "./byte_conn.ts";

/**
 * Connects to where `url` points, with TLS for `https:`, or to the Unix socket
 * at `path`. The signal gives up, with its reason.
 */
export async function dial(
  url: URL,
  path: string | undefined,
  tls: TlsOptions | undefined,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  if (path !== undefined) {
    return await abortable(Deno.connect({ transport: "unix", path }), signal);
  }
  // An IPv6 address stands in brackets in a URL, and without them here.
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  const secure = url.protocol === "https:";
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  if (!secure) return await Deno.connect({ hostname, port, signal });
  const conn = await dialTls(
    { hostname, port },
    // Rule: HTTP/2 knows no such upgrade (RFC 9113 8.6).
    { ...tls, alpnProtocols: ["http/1.1"] },
    signal,
  );
  // Without this a certificate that is not trusted would show as a hang-up.
  const abort = (): void => closeQuietly(conn);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await conn.handshake();
  } catch (error) {
    closeQuietly(conn);
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
  return conn;
}

/** A signal that fires after a while, or with another one, until it is ended. */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: Timer | undefined;

  /** Fires after `timeout` ms (0: never), or when `outer` does. */
  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#timer = startTimeout(() => {
      this.#controller.abort(
        new ConnectionClosedError(
          `the upgrade was not answered within ${timeout} ms`,
          { initiator: "remote" },
        ),
      );
    }, timeout);
    outer?.addEventListener("abort", this.#pass, { once: true });
  }

  /** Aborts with the reason to give up. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time no longer counts. */
  end(): void {
    stopTimer(this.#timer);
    this.#outer?.removeEventListener("abort", this.#pass);
  }

  readonly #pass = (): void => this.#controller.abort(this.#outer?.reason);
}

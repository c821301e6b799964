/**
 * A tunnel through a proxy: HTTP (CONNECT, RFC 9110 9.3.6) or SOCKS. Only imported
 * for a proxy.
 *
 * @module
 */

import { ERR_EOF, InvalidArgumentError } from "../../errors.ts";
import { printable } from "../../values.ts";
import { handled } from "../deferred.ts";
import { ProxyError } from "../errors.ts";
import { TimeLimit } from "../time/time_limit.ts";
import { closeQuietly, readPart, toByteConn, writeAll } from "./byte_conn.ts";
import { type HostPort, startTls, type TlsOptions } from "./client_tls.ts";
import { withBrackets } from "./host_name.ts";
import type { ProxySettings } from "./proxy_settings.ts";
import { askSocks } from "./socks.ts";
import type { ByteConn, Transport } from "./transport.ts";

/** Longest head of an answer with all interim answers, bytes. */
const MAX_HEAD = 16 * 1024;
const END_OF_HEAD = "\r\n\r\n";
const STATUS_LINE =
  /^HTTP\/1\.[01] ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;

/** Opens a connection to the proxy itself. */
export type OpenConn = (
  target: HostPort,
  signal: AbortSignal,
) => Promise<Transport>;

/**
 * Opens a tunnel to `target` through a proxy. The result is the connection to the
 * proxy; the first byte to read is the one after its answer.
 *
 * Rejects with {@linkcode ProxyError}, with `ConnectionClosedError` if the proxy
 * exceeds its timeout, and with the signal's reason.
 */
export async function openTunnel(
  proxy: ProxySettings,
  target: HostPort,
  open: OpenConn,
  tls: TlsOptions | undefined,
  signal: AbortSignal | undefined,
): Promise<ByteConn> {
  const authority = authorityOf(target);
  const limit = new TimeLimit(
    proxy.timeout,
    signal,
    `the proxy ${proxy.name} did not open the tunnel to ${authority}`,
  );
  let conn: ByteConn | undefined;
  // Not every transport of a `dial` function ends its calls when it is closed.
  const aborted = Promise.withResolvers<never>();
  handled(aborted.promise);
  const abort = (): void => {
    closeQuietly(conn);
    aborted.reject(limit.signal.reason);
  };
  limit.signal.addEventListener("abort", abort, { once: true });
  try {
    conn = await reach(proxy, open, tls, limit.signal);
    limit.signal.throwIfAborted();
    const asking = proxy.socks === undefined
      ? ask(conn, proxy, authority)
      : askSocks(conn, proxy.name, proxy.socks, authority);
    await Promise.race([asking, aborted.promise]);
    return conn;
  } catch (error) {
    closeQuietly(conn);
    limit.signal.throwIfAborted();
    throw error;
  } finally {
    limit.end();
    limit.signal.removeEventListener("abort", abort);
  }
}

/** Connects to the proxy, with TLS if its URL is `https:`. */
async function reach(
  proxy: ProxySettings,
  open: OpenConn,
  { caCerts }: TlsOptions = {},
  signal: AbortSignal,
): Promise<ByteConn> {
  try {
    const transport = await open(proxy, signal);
    if (!proxy.secure) return toByteConn(transport);
    const conn = await startTls(transport, proxy.hostname, {
      ...proxy.tls,
      caCerts: proxy.tls?.caCerts ?? caCerts,
      alpnProtocols: ["http/1.1"],
    });
    const abort = (): void => closeQuietly(conn);
    signal.addEventListener("abort", abort, { once: true });
    try {
      await conn.handshake();
    } catch (error) {
      closeQuietly(conn);
      throw error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
    return conn;
  } catch (error) {
    throw failure(`the proxy ${proxy.name} could not be reached`, error);
  }
}

/** Sends CONNECT and reads the answer. */
async function ask(
  conn: ByteConn,
  { name, headers }: ProxySettings,
  authority: string,
): Promise<void> {
  const lines = [
    `CONNECT ${authority} HTTP/1.1`,
    `host: ${authority}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const request = encode(lines.join("\r\n") + END_OF_HEAD);
  let room = MAX_HEAD;
  try {
    await writeAll(conn, request);
    for (;;) {
      const head = await readHead(conn, name, room);
      const answer = STATUS_LINE.exec(head.slice(0, head.indexOf("\r\n")));
      if (answer === null) {
        throw new ProxyError(
          `the proxy ${name} does not answer in HTTP/1.1, but with ${
            JSON.stringify(printable(head.slice(0, 40)))
          }`,
        );
      }
      const status = Number(answer[1]);
      // Rule: any 2xx status opens the tunnel, even if its headers announce a body
      // (RFC 9110 9.3.6).
      if (status >= 200 && status < 300) return;
      // Rule: interim answers precede the final one (RFC 9110 15.2).
      if (status >= 200 || status === 101) {
        const text = `${status} ${printable(answer[2] ?? "")}`.trimEnd();
        throw new ProxyError(
          `the proxy ${name} refused to open a tunnel to ${authority}: ${text}`,
          { status },
        );
      }
      room -= head.length;
    }
  } catch (error) {
    if (error instanceof ProxyError) throw error;
    throw failure(`the proxy ${name} did not answer`, error);
  }
}

/**
 * Reads a head and not one byte more, because the following bytes belong to the
 * tunnel, and TLS is opened on the connection itself. Each read requests only bytes
 * that are certainly missing.
 */
async function readHead(
  conn: ByteConn,
  name: string,
  limit: number,
): Promise<string> {
  let head = "";
  const buffer = new Uint8Array(END_OF_HEAD.length);
  while (!head.endsWith(END_OF_HEAD)) {
    const missing = END_OF_HEAD.length - overlap(head);
    if (head.length + missing > limit) {
      throw new ProxyError(
        `the answer of the proxy ${name} is longer than ${MAX_HEAD} bytes`,
      );
    }
    const size = await readPart(conn, buffer.subarray(0, missing));
    if (size === null) {
      throw new ProxyError(
        `the proxy ${name} closed the connection before it answered`,
        {
          code: ERR_EOF,
        },
      );
    }
    head += String.fromCharCode(...buffer.subarray(0, size));
    checkBeginning(name, head);
  }
  return head;
}

/** Length of the longest beginning of a head's end with which `text` ends, characters. */
function overlap(text: string): number {
  for (let length = END_OF_HEAD.length - 1; length > 0; length--) {
    if (text.endsWith(END_OF_HEAD.slice(0, length))) return length;
  }
  return 0;
}

/**
 * Checks the beginning, because a peer that does not speak HTTP may never send the
 * end of a head.
 */
function checkBeginning(name: string, head: string): void {
  const expected = "HTTP/1.";
  const length = Math.min(head.length, expected.length);
  if (head.slice(0, length) === expected.slice(0, length)) return;
  throw new ProxyError(
    `the proxy ${name} does not answer in HTTP/1.1, but with ${
      JSON.stringify(printable(head))
    }`,
  );
}

/** `host:port` as a request target (RFC 9112 3.2.3); the host is checked, so that it cannot add lines. */
function authorityOf({ hostname, port }: HostPort): string {
  const host = withBrackets(hostname);
  const url = `http://${host}/`;
  if (/[\s/?#@\\%]/.test(host) || !URL.canParse(url)) {
    throw new InvalidArgumentError(
      `hostname ${
        JSON.stringify(hostname)
      } is not a host name or an IP address`,
    );
  }
  return `${new URL(url).hostname}:${port}`;
}

/** Encodes headers, which have one character for each byte. */
function encode(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function failure(what: string, error: unknown): ProxyError {
  if (error instanceof ProxyError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new ProxyError(`${what}: ${reason}`, { code: ERR_EOF, cause: error });
}

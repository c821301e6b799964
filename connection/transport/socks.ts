/**
 * Opens a tunnel through a SOCKS proxy of version 5 (RFC 1928), with a user name and
 * a password if the proxy asks for them (RFC 1929).
 *
 * @module
 */

import { ERR_EOF, InvalidArgumentError } from "../../errors.ts";
import { printable } from "../../values.ts";
import { ProxyError } from "../errors.ts";
import { readPart, writeAll } from "./byte_conn.ts";
import { withoutBrackets } from "./host_name.ts";
import { parseAddress } from "./ip_address.ts";
import type { SocksCredentials } from "./proxy_settings.ts";
import type { ByteConn } from "./transport.ts";

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const USER_AND_PASSWORD = 2;
/** Version of the exchange of user name and password (RFC 1929 2). */
const PASSWORD_VERSION = 1;
const CONNECT = 1;
const IPV4 = 1;
const HOST_NAME = 3;
const IPV6 = 4;

/** Why a proxy refuses (RFC 1928 6), from code 1. */
const REASONS = [
  "general failure",
  "not allowed by its rules",
  "the network is unreachable",
  "the host is unreachable",
  "the connection was refused",
  "the time to live expired",
  "it does not know this command",
  "it does not know this type of address",
];

/**
 * Asks the proxy `name` for a tunnel to `authority` (`host:port`). Reads no byte
 * beyond its answer.
 *
 * Rejects with {@linkcode ProxyError}.
 */
export async function askSocks(
  conn: ByteConn,
  name: string,
  credentials: SocksCredentials,
  authority: string,
): Promise<void> {
  const request = encodeRequest(authority);
  try {
    await authenticate(conn, name, credentials);
    await writeAll(conn, request);
    const [, code, , type] = await answer(conn, name, VERSION, 4);
    if (code !== 0) {
      throw new ProxyError(
        `the proxy ${name} refused to open a tunnel to ${authority}: ${
          REASONS[code - 1] ?? `code ${code}`
        }`,
      );
    }
    // The address from which the proxy connected is skipped: nothing here needs it.
    const length = type === IPV4
      ? 4
      : type === IPV6
      ? 16
      : type === HOST_NAME
      ? (await readExactly(conn, name, 1))[0]
      : undefined;
    if (length === undefined) {
      throw new ProxyError(
        `the proxy ${name} answered with an unknown type of address: ${type}`,
      );
    }
    await readExactly(conn, name, length + 2);
  } catch (error) {
    if (error instanceof ProxyError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProxyError(`the proxy ${name} did not answer: ${reason}`, {
      code: ERR_EOF,
      cause: error,
    });
  }
}

async function authenticate(
  conn: ByteConn,
  name: string,
  { username, password }: SocksCredentials,
): Promise<void> {
  const hasCredentials = username.length + password.length > 0;
  const methods = hasCredentials
    ? [NO_AUTHENTICATION, USER_AND_PASSWORD]
    : [NO_AUTHENTICATION];
  await writeAll(conn, Uint8Array.of(VERSION, methods.length, ...methods));
  const [, method] = await answer(conn, name, VERSION, 2);
  if (method === NO_AUTHENTICATION) return;
  if (method !== USER_AND_PASSWORD || !hasCredentials) {
    throw new ProxyError(
      hasCredentials
        ? `the proxy ${name} accepts neither the user name and password of its URL nor a connection without them`
        : `the proxy ${name} requires credentials: put a user name and a password into its URL`,
    );
  }
  await writeAll(
    conn,
    Uint8Array.of(
      PASSWORD_VERSION,
      username.length,
      ...username,
      password.length,
      ...password,
    ),
  );
  const [, status] = await answer(conn, name, PASSWORD_VERSION, 2);
  if (status !== 0) {
    throw new ProxyError(
      `the proxy ${name} refused the user name and password of its URL`,
    );
  }
}

/** RFC 1928 4: the command, and the address as an IP address or as a name. */
function encodeRequest(authority: string): Uint8Array {
  const colon = authority.lastIndexOf(":");
  const host = authority.slice(0, colon);
  const port = Number(authority.slice(colon + 1));
  return Uint8Array.of(
    VERSION,
    CONNECT,
    0,
    ...encodeHost(host),
    port >>> 8,
    port & 0xff,
  );
}

function encodeHost(host: string): number[] {
  const address = parseAddress(withoutBrackets(host));
  if (address !== undefined) {
    return [address.length === 4 ? IPV4 : IPV6, ...address];
  }
  const bytes = new TextEncoder().encode(host);
  // Rule: one byte holds the length (RFC 1928 5).
  if (bytes.length <= 255) return [HOST_NAME, bytes.length, ...bytes];
  throw new InvalidArgumentError(
    `the host name ${host} has more than 255 bytes`,
  );
}

/** The next `length` bytes, which must begin with the version. */
async function answer(
  conn: ByteConn,
  name: string,
  version: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await readExactly(conn, name, length);
  if (bytes[0] === version) return bytes;
  const text = printable(String.fromCharCode(...bytes));
  throw new ProxyError(
    `the proxy ${name} does not answer in SOCKS 5, but with ${
      JSON.stringify(text)
    }`,
  );
}

/** The next `length` bytes. Rejects with {@linkcode ProxyError} if the proxy closes first. */
async function readExactly(
  conn: ByteConn,
  name: string,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let size = 0; size < length;) {
    const count = await readPart(conn, bytes.subarray(size));
    if (count === null) {
      throw new ProxyError(
        `the proxy ${name} closed the connection before it answered`,
        { code: ERR_EOF },
      );
    }
    size += count;
  }
  return bytes;
}

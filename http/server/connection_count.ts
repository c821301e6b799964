/**
 * Counts the open connections of a server, in total and for each address.
 *
 * @module
 */

import { ConnectionClosedError } from "../../connection/errors.ts";
import { checkWhole, MAX_INT32 } from "../../numbers.ts";

/** How many connections may be open. */
export interface ConnectionBounds {
  readonly maxConnections?: number;
  readonly maxConnectionsPerAddress?: number;
}

/** The prefix of an IPv4 address on a dual-stack socket. */
const MAPPED = /^::ffff:(?=\d+\.)/i;

/** Throws `InvalidArgumentError` if a bound is out of its range. */
export function checkBounds(
  { maxConnections = 1, maxConnectionsPerAddress = 1 }: ConnectionBounds,
): void {
  checkWhole("maxConnections", maxConnections, 1, MAX_INT32);
  checkWhole(
    "maxConnectionsPerAddress",
    maxConnectionsPerAddress,
    1,
    MAX_INT32,
  );
}

/** Counts open connections. */
export class ConnectionCount {
  readonly #most: number;
  readonly #mostPerAddress: number;
  readonly #perAddress = new Map<string, number>();
  #open = 0;

  /** Creates a count of zero. */
  constructor(
    { maxConnections = MAX_INT32, maxConnectionsPerAddress = MAX_INT32 }:
      ConnectionBounds,
  ) {
    this.#most = maxConnections;
    this.#mostPerAddress = maxConnectionsPerAddress;
  }

  /**
   * Counts a connection until the returned function is called. Throws
   * `ConnectionClosedError` if a bound is reached.
   */
  add(address: Deno.Addr | undefined): () => void {
    if (this.#open >= this.#most) {
      throw refused("maxConnections", this.#most, "");
    }
    const host = hostOf(address);
    const before = host === undefined ? 0 : this.#perAddress.get(host) ?? 0;
    if (before >= this.#mostPerAddress) {
      const where = ` from ${host}`;
      throw refused("maxConnectionsPerAddress", this.#mostPerAddress, where);
    }
    this.#open++;
    if (host !== undefined) this.#perAddress.set(host, before + 1);
    return () => this.#remove(host);
  }

  #remove(host: string | undefined): void {
    this.#open--;
    if (host === undefined) return;
    const left = (this.#perAddress.get(host) ?? 0) - 1;
    if (left > 0) this.#perAddress.set(host, left);
    else this.#perAddress.delete(host);
  }
}

function hostOf(address: Deno.Addr | undefined): string | undefined {
  return address !== undefined && "hostname" in address
    ? address.hostname.replace(MAPPED, "")
    : undefined;
}

function refused(
  name: string,
  most: number,
  where: string,
): ConnectionClosedError {
  return new ConnectionClosedError(
    `the connection was refused: ${most} connections${where} are open already (${name})`,
    { initiator: "local", unprocessed: true },
  );
}

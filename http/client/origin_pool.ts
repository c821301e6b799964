/**
 * The connections of a client to one origin.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import type { Connection } from "../connection.ts";

/**
 * The reason why a request left the queue of a connection: another connection has a
 * free stream.
 */
export class MoveError extends Error {
  override readonly name = "MoveError";
  /** The connection with a free stream. */
  readonly to: Connection;

  /** Creates the error for a move to `to`. */
  constructor(to: Connection) {
    super("the request moves to another connection");
    this.to = to;
  }
}

/** Opens connections for an {@linkcode OriginPool}. */
export interface PoolHost {
  /** Most connections to one origin. */
  readonly maxConnections: number;
  /** Opens a connection. Rejects if the client is closed. */
  connect(): Promise<Connection>;
  /** Throws when the client is closed. */
  check(): void;
  /** Called when the pool has no connection and no request, so it can be forgotten. */
  unused(): void;
}

/**
 * Keeps one connection, and opens another one when all streams that the server
 * allows on the existing ones are in use. If another connection has a free stream
 * first, a waiting request moves there: its `openStream` rejects with {@linkcode
 * MoveError}.
 */
export class OriginPool {
  readonly #origin: string;
  readonly #host: PoolHost;
  /** Connections that accepted requests when they were last checked. */
  #connections: Connection[] = [];
  #opening: Promise<Connection> | undefined;
  readonly #onRoom = (): void => this.#balance();
  /** Number of calls of {@linkcode run} that have not ended. */
  #running = 0;

  /** Creates a pool without connections. */
  constructor(origin: string, host: PoolHost) {
    this.#origin = origin;
    this.#host = host;
  }

  /**
   * Calls `work`, which opens a stream synchronously, with the connection on which
   * the stream waits least. Nothing runs between the choice of the connection and
   * the call.
   */
  async run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    this.#running++;
    try {
      for (;;) {
        this.#host.check();
        const found = this.#find();
        if (found !== undefined && hasRoom(found)) return await work(found);
        const isOwn = this.#opening === undefined;
        if (isOwn && this.#connections.length >= this.#host.maxConnections) {
          return await work(found as Connection);
        }
        const opened = await this.#open().catch((error) => {
          // A further connection is optional, so its failure is not an error.
          if (found?.accepting) return found;
          throw error;
        });
        if (opened === found) return await work(opened);
        // The server would probably refuse the next connection as well, so this is
        // not repeated.
        if (isOwn && !opened.accepting) throw notAccepting(this.#origin);
        // The request that opened the connection uses it first.
        if (isOwn) {
          const result = work(opened);
          this.#balance();
          return await result;
        }
      }
    } finally {
      this.#running--;
      this.#tellUnused();
    }
  }

  /** Moves waiting requests from full connections to those with free streams. */
  #balance(): void {
    if (this.#connections.length < 2) return;
    for (const to of this.#connections) {
      if (!to.accepting) continue;
      let { room } = coreOf(to).pending;
      for (const from of this.#connections) {
        if (from.version !== to.version) continue;
        const { pending } = coreOf(from);
        while (room > 0 && pending.giveUpNext(this, new MoveError(to))) room--;
      }
    }
  }

  /** The connection on which a request waits least; removes those that accept no more requests. */
  #find(): Connection | undefined {
    // Removed connections finish their open requests.
    if (!this.#connections.every(({ accepting }) => accepting)) {
      this.#keep((each) => each.accepting);
    }
    let best: Connection | undefined;
    for (const each of this.#connections) {
      if (hasRoom(each)) return each;
      if (best === undefined || queued(each) < queued(best)) best = each;
    }
    return best;
  }

  #open(): Promise<Connection> {
    if (this.#opening !== undefined) return this.#opening;
    const opening = this.#host.connect();
    this.#opening = opening;
    const settle = (): void => {
      if (this.#opening === opening) this.#opening = undefined;
    };
    opening.then((connection) => {
      settle();
      this.#connections.push(connection);
      coreOf(connection).pending.onRoom(this.#onRoom);
      const ended = (): void => this.#remove(connection);
      connection.closed.then(ended, ended);
    }, () => {
      settle();
      this.#tellUnused();
    });
    return opening;
  }

  /** Drops a connection that has ended: it would keep its memory until the next request. */
  #remove(connection: Connection): void {
    // One that no longer accepts requests may have been removed before. The client may have
    // forgotten this pool since, and made another one for the origin.
    if (!this.#connections.includes(connection)) return;
    this.#keep((each) => each !== connection);
    this.#tellUnused();
  }

  /** Drops all connections but those of which `stays` is true. */
  #keep(stays: (connection: Connection) => boolean): void {
    for (const each of this.#connections) {
      if (!stays(each)) coreOf(each).pending.offRoom(this.#onRoom);
    }
    this.#connections = this.#connections.filter(stays);
  }

  #tellUnused(): void {
    const isUsed = this.#running > 0 || this.#connections.length > 0 ||
      this.#opening !== undefined;
    if (!isUsed) this.#host.unused();
  }
}

function hasRoom(connection: Connection): boolean {
  return coreOf(connection).pending.hasRoom;
}

function queued(connection: Connection): number {
  return coreOf(connection).pending.queued;
}

function notAccepting(origin: string): ConnectionClosedError {
  return new ConnectionClosedError(
    `a new connection to ${origin} accepts no requests: it has ended, or the server sent GOAWAY`,
    { initiator: "remote", unprocessed: true },
  );
}

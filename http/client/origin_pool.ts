/**
 * The connections of a client to one origin.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import type { Connection } from "../connection.ts";

/** Why a request was taken from the queue of a connection: another one has room for it. */
export class MoveError extends Error {
  override readonly name = "MoveError";
  /** The connection with room. */
  readonly to: Connection;

  /** Names that connection. */
  constructor(to: Connection) {
    super("the request moves to another connection");
    this.to = to;
  }
}

/** Makes connections; see {@linkcode OriginPool}. */
export interface PoolHost {
  /** Most connections to one origin. */
  readonly maxConnections: number;
  /** Connects; rejects also when the client is closed. */
  connect(): Promise<Connection>;
  /** Throws when the client is closed. */
  check(): void;
}

/**
 * Keeps one connection, and opens another when all streams that the server allows on
 * the first ones are in use. A request that waits on one of them moves to another that
 * has room first: its `openStream` rejects with {@linkcode MoveError}.
 */
export class OriginPool {
  readonly #origin: string;
  readonly #host: PoolHost;
  /** Those that take requests, or did when they were last looked at. */
  #connections: Connection[] = [];
  #opening: Promise<Connection> | undefined;

  /** A pool without a connection. */
  constructor(origin: string, host: PoolHost) {
    this.#origin = origin;
    this.#host = host;
  }

  /**
   * Does something that opens a stream at once, on the connection where it waits the
   * least. Nothing comes between looking for a place and taking it.
   */
  async run<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    for (;;) {
      this.#host.check();
      const found = this.#find();
      if (found !== undefined && hasRoom(found)) return await work(found);
      const isOwn = this.#opening === undefined;
      if (isOwn && this.#connections.length >= this.#host.maxConnections) {
        return await work(found as Connection);
      }
      const opened = await this.#open().catch((error) => {
        // A second connection is a help, not a need.
        if (found?.accepting) return found;
        throw error;
      });
      if (opened === found) return await work(opened);
      // The next one would be no better, and so on without end.
      if (isOwn && !opened.accepting) throw notAccepting(this.#origin);
      // Whoever opened it goes first.
      if (isOwn) {
        const result = work(opened);
        this.#balance();
        return await result;
      }
    }
  }

  /** Moves requests that wait on a full connection to those that have room. */
  #balance(): void {
    if (this.#connections.length < 2) return;
    for (const to of this.#connections) {
      if (!to.accepting) continue;
      let { room } = coreOf(to).pending;
      for (const from of this.#connections) {
        if (from.version !== to.version) continue;
        const { pending } = coreOf(from);
        while (room > 0 && pending.giveUpNext(new MoveError(to))) room--;
      }
    }
  }

  /** The one on which a request waits the least; forgets those that take no more. */
  #find(): Connection | undefined {
    // They go on with what is under way.
    if (!this.#connections.every(({ accepting }) => accepting)) {
      this.#connections = this.#connections.filter((each) => each.accepting);
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
      coreOf(connection).pending.onRoom = () => this.#balance();
    }, settle);
    return opening;
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
    `a new connection to ${origin} takes no requests: it has ended, or the server sent GOAWAY`,
    { initiator: "remote", unprocessed: true },
  );
}

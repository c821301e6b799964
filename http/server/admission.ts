/**
 * Asks `onConnection` whether a client may use the server.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { SpdyError } from "../../errors.ts";
import type { Connection } from "../connection.ts";
import { tellConnectionError } from "./connection_error.ts";
import type {
  ConnectionInfo,
  ServeConnectionOptions,
} from "./serve_options.ts";

/**
 * Whether `onConnection` lets the client in. Does not wait any longer when the
 * connection has ended: a promise of the application may never settle, and would keep
 * the connection counted and the server from ending. Rejects with the reason of an end
 * that is a failure.
 */
export function admit(
  onConnection: NonNullable<ServeConnectionOptions["onConnection"]>,
  connection: Connection,
  info: ConnectionInfo,
  options: ServeConnectionOptions,
): Promise<boolean> {
  const admission = new Admission(connection, info, options);
  // These functions stay as long as the promise of the application, so they must not
  // refer to the connection.
  Promise.try(onConnection, connection, info).then(
    (answer) => admission.decide(answer !== false),
    (error) => admission.failed(error),
  );
  return admission.promise;
}

/**
 * The answer of `onConnection` for one client. The application may keep it for long after
 * the client has left, so it then releases the connection.
 */
class Admission {
  readonly #info: ConnectionInfo;
  readonly #options: ServeConnectionOptions;
  /** `undefined` when it has ended. */
  #connection: Connection | undefined;
  /** Why the connection has ended, if it failed. */
  #reason: unknown;
  readonly #answer = Promise.withResolvers<boolean>();

  constructor(
    connection: Connection,
    info: ConnectionInfo,
    options: ServeConnectionOptions,
  ) {
    this.#connection = connection;
    this.#info = info;
    this.#options = options;
    connection.closed.then(() => this.decide(false), (reason) => {
      this.#reason = reason;
      this.#answer.reject(reason);
    }).then(() => {
      this.#connection = undefined;
    });
  }

  /** Rejects with the reason why the connection has ended. */
  get promise(): Promise<boolean> {
    return this.#answer.promise;
  }

  /** Only the first call has an effect. */
  decide(isAdmitted: boolean): void {
    this.#answer.resolve(isAdmitted);
  }

  /** `onConnection` threw. */
  async failed(error: unknown): Promise<void> {
    const connection = this.#connection;
    if (!await this.#isOfEnd(error)) {
      tellConnectionError(this.#options, error, { ...this.#info, connection });
    }
    this.decide(false);
  }

  /**
   * Whether an error only says that the connection has ended: that of a call on the
   * connection.
   */
  async #isOfEnd(error: unknown): Promise<boolean> {
    const connection = this.#connection;
    if (connection !== undefined && !coreOf(connection).ending.begun) {
      return false;
    }
    if (error instanceof ConnectionClosedError) return true;
    if (error instanceof StreamResetError) return true;
    // Only such an error can be the reason of the end, which may not be known yet.
    if (!(error instanceof SpdyError)) return false;
    const reason = connection === undefined
      ? this.#reason
      : await connection.closed.catch((reason) => reason);
    return reason === error;
  }
}

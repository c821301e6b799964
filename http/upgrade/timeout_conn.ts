/**
 * A connection with a time limit for each step.
 *
 * @module
 */

import { startIdleTimeout, stopTimer } from "../../connection/time/clock.ts";
import {
  closeQuietly,
  writePart,
} from "../../connection/transport/byte_conn.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";

/** Closes its connection if a step takes too long. */
export class TimeoutConn {
  readonly conn: ByteConn;
  /** Longest time for a step, ms; 0: no limit. */
  readonly timeout: number;
  /** Called when this side closes the connection. */
  onClose: (() => void) | undefined;
  #closed = false;

  constructor(conn: ByteConn, timeout: number) {
    this.conn = conn;
    this.timeout = timeout;
  }

  /** Whether this side has closed the connection. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Waits for a step; closes the connection if it takes longer than `timeout`. */
  async inTime<T>(work: Promise<T>): Promise<T> {
    const timer = startIdleTimeout(() => this.close(), this.timeout);
    try {
      return await work;
    } finally {
      stopTimer(timer);
    }
  }

  /** Writes all bytes; each part may take `timeout`. */
  async write(data: Uint8Array): Promise<void> {
    for (let rest = data; rest.length > 0;) {
      rest = rest.subarray(await this.inTime(writePart(this.conn, rest)));
    }
  }

  /** Closes the connection; never throws. */
  close(): void {
    this.#closed = true;
    closeQuietly(this.conn);
    this.onClose?.();
  }
}

/**
 * A peer in memory whose frames and faults a test controls.
 *
 * @module
 */

import type { ByteConn } from "../../connection/transport/transport.ts";
import { GOAWAY, PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { FrameDecoder } from "../../frame/decoder.ts";
import { FrameEncoder } from "../../frame/encoder.ts";
import type { Frame } from "../../frame/types.ts";
import { turn } from "./virtual_time.ts";

/** The version that the peer speaks. */
export const VERSION: typeof PROTO_SPDY3_1 = PROTO_SPDY3_1;
/** The fields that all control frames have. */
export const COMMON: {
  readonly version: typeof VERSION;
  readonly flags: 0;
  readonly length: 0;
} = { version: VERSION, flags: 0, length: 0 };

/** A peer that a test controls, and the transport to it. */
export class FakePeer implements ByteConn {
  /** How often the transport was closed, and how often this side's direction was ended. */
  closed = 0;
  writesEnded = 0;
  readonly received: Frame[] = [];
  /** From now on, writes fail with this error. */
  writeError: Error | undefined;
  /** From now on, writes are not accepted. */
  blocked = false;
  #blockedWrite: ((error: Error) => void) | undefined;
  readonly #encoder = new FrameEncoder(VERSION);
  readonly #decoder = new FrameDecoder(VERSION);
  readonly #parts: (Uint8Array | null | Error)[] = [];
  #wake: (() => void) | undefined;

  /** The peer sends bytes, ends its direction, or its transport fails. */
  async arrive(part: Uint8Array | null | Error): Promise<void> {
    this.#parts.push(part);
    this.#wake?.();
    await turn();
  }

  send(frame: Frame): Promise<void> {
    return this.arrive(this.#encoder.encode(frame));
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#parts.length === 0 && this.closed === 0) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.closed > 0) throw new Deno.errors.BadResource("closed");
    const part = this.#parts.shift()!;
    if (part instanceof Error) throw part;
    if (part === null) return null;
    buffer.set(part);
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.writeError !== undefined) return Promise.reject(this.writeError);
    if (this.blocked) {
      return new Promise((_, reject) => this.#blockedWrite = reject);
    }
    this.#decoder.push(bytes);
    for (let frame; (frame = this.#decoder.next()) !== undefined;) {
      this.received.push(frame);
    }
    return Promise.resolve(bytes.length);
  }

  /** The transport breaks: the write that was not accepted fails, and so do all others. */
  async breakWrites(error: Error): Promise<void> {
    this.writeError = error;
    this.#blockedWrite?.(error);
    await turn();
  }

  closeWrite(): Promise<void> {
    this.writesEnded++;
    return Promise.resolve();
  }

  close(): void {
    this.closed++;
    this.#wake?.();
  }

  /** Statuses of the GOAWAYs that arrived. */
  get goaways(): number[] {
    return this.received.flatMap((frame) =>
      frame.frameType === GOAWAY ? [frame.statusCode] : []
    );
  }
}

/**
 * Puts the segments of one direction of a TCP connection in order.
 *
 * @module
 */

import type { Layer } from "./layer.ts";

/** Most bytes that wait after a gap. If there are more, the missing bytes count as lost. */
const MOST_HELD = 1 << 22;
/** Most segments that wait after a gap. */
const MOST_SEGMENTS = 4096;
/**
 * After the receiver has acknowledged the missing bytes, longest wait for them:
 * number of packets of the connection, and ms.
 */
const PATIENCE_PACKETS = 64;
const PATIENCE_TIME = 1000;
/** A segment that is further ahead than this does not belong to the stream. */
const FARTHEST = 1 << 30;
/**
 * A segment that is further back than this does not either: no sender repeats such old
 * bytes.
 */
const FARTHEST_BACK = 1 << 26;

interface Held {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** Whether `sequence` cannot belong to a stream whose next byte has the number `next`. */
function isFar(sequence: number, next: number | undefined): boolean {
  if (next === undefined) return false;
  const ahead = (sequence - next) | 0;
  return ahead > FARTHEST || ahead < -FARTHEST_BACK;
}

/** Whether a segment has bytes after the end of a stream, or belongs to another stream. */
export function isBehindEnd(
  sequence: number,
  next: number | undefined,
): boolean {
  return next === undefined || isFar(sequence, next) ||
    ((sequence - next) | 0) >= 0;
}

/** One direction. Sequence numbers wrap at 2^32, so they are compared by their signed distance. */
export class TcpHalf {
  readonly #output: Layer;
  /** Sequence number of the next byte; `undefined` before the first segment. */
  #next: number | undefined;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  /** Sequence number of the FIN. */
  #fin: number | undefined;
  /** Packet and time at which the receiver acknowledged bytes that the capture lacks. */
  #acknowledged: { packet: number; time: number } | undefined;
  /** Whether the output has ended. */
  ended = false;

  /** Creates a direction whose bytes go to `output`. */
  constructor(output: Layer) {
    this.#output = output;
  }

  /** Whether segments wait for earlier ones. */
  get isWaiting(): boolean {
    return this.#held.length > 0;
  }

  /** Whether its sender has sent a FIN. */
  get hasFin(): boolean {
    return this.#fin !== undefined;
  }

  /** Sequence number of the next byte; `undefined` before the first segment. */
  get next(): number | undefined {
    return this.#next;
  }

  /** Whether a segment cannot belong to this stream. */
  isFar(sequence: number): boolean {
    return isFar(sequence, this.#next);
  }

  /** Sets the first sequence number, if no segment has arrived. */
  begin(sequence: number): void {
    this.#next ??= sequence | 0;
  }

  /** Adds a segment of `length` bytes, of which the capture contains `bytes`. */
  add(sequence: number, bytes: Uint8Array, length: number, fin: boolean): void {
    if (this.ended) return;
    this.#next ??= sequence | 0;
    if (this.isFar(sequence)) return;
    const ahead = (sequence - this.#next) | 0;
    if (fin) this.#fin ??= (sequence + length) | 0;
    if (length > 0) {
      if (ahead > 0) this.#hold(sequence, bytes, length);
      else this.#deliver(-ahead, bytes, length);
    }
    this.#drain();
  }

  /** The receiver has everything before `sequence`, so missing bytes were lost by the capture. */
  acknowledge(sequence: number, packet: number, time: number): void {
    if (this.#held.length === 0) {
      this.#acknowledged = undefined;
      return;
    }
    const first = this.#held[0];
    if (this.#acknowledged === undefined) {
      // In captures of several queues, the acknowledgement can precede the bytes.
      if (((sequence - first.sequence) | 0) >= 0) {
        this.#acknowledged = { packet, time };
      }
    } else if (
      packet - this.#acknowledged.packet >= PATIENCE_PACKETS ||
      time - this.#acknowledged.time >= PATIENCE_TIME
    ) this.#passGap();
  }

  /** No more packets follow: the waiting bytes are read, and the direction ends. */
  finish(): void {
    if (this.ended) return;
    while (this.#held.length > 0) this.#passGap();
    const missing = this.#fin === undefined || this.#next === undefined
      ? 0
      : (this.#fin - this.#next) | 0;
    if (missing > 0) this.#output.gap(missing);
    this.#end();
  }

  #end(): void {
    if (this.ended) return;
    this.ended = true;
    this.#output.end();
  }

  /** Passes the next bytes on; the first `old` of them were already passed on. */
  #deliver(old: number, bytes: Uint8Array, length: number): void {
    if (old >= length) return;
    this.#next = (this.#next! + length - old) | 0;
    if (old < bytes.length) {
      this.#output.push(old === 0 ? bytes : bytes.subarray(old));
    }
    const missing = length - Math.max(old, bytes.length);
    if (missing > 0) this.#output.gap(missing);
  }

  #hold(sequence: number, bytes: Uint8Array, length: number): void {
    const held = this.#held;
    let at = held.length;
    while (at > 0 && ((held[at - 1].sequence - sequence) | 0) > 0) at--;
    const before = held[at - 1];
    // A retransmission: the first copy is used, unless it is shorter.
    if (
      before !== undefined && before.sequence === sequence &&
      before.length >= length
    ) return;
    held.splice(at, 0, { sequence, bytes: bytes.slice(), length });
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > MOST_HELD || held.length > MOST_SEGMENTS) {
      this.#passGap();
    }
  }

  #drain(): void {
    const held = this.#held;
    let used = 0;
    for (; used < held.length; used++) {
      const { sequence, bytes, length } = held[used];
      const ahead = (sequence - this.#next!) | 0;
      if (ahead > 0) break;
      this.#heldBytes -= bytes.length;
      this.#deliver(-ahead, bytes, length);
    }
    if (used > 0) {
      held.splice(0, used);
      this.#acknowledged = undefined;
    }
    if (this.#fin !== undefined && ((this.#next! - this.#fin) | 0) >= 0) {
      this.#end();
    }
  }

  #passGap(): void {
    const missing = (this.#held[0].sequence - this.#next!) | 0;
    if (missing > 0) {
      this.#next = this.#held[0].sequence | 0;
      this.#output.gap(missing);
    }
    this.#drain();
  }
}

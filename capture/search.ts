/**
 * Finds the next frame behind missing bytes.
 *
 * @module
 */

import { FRAME_HEAD_LENGTH } from "../frame/frame_head.ts";
import {
  dataStream,
  frameSize,
  isControlHead,
  isDataHead,
} from "./plausible.ts";

/** Bytes that are held while no frame was found. */
const MOST_HELD = 1 << 16;
/** Positions that may be DATA frames, each waiting for the head that follows it. */
const MOST_CANDIDATES = 256;
const NOTHING = new Uint8Array(0);

/** Where a DATA frame may begin, and where the frame after it must begin then. */
interface Candidate {
  readonly start: number;
  next: number;
  /** DATA frames of known streams in a row, this one included. */
  links: number;
}

/**
 * Searches frames in bytes that begin somewhere. A control head is recognised by
 * itself: its version, type, flags and length have about 40 fixed bits. A DATA
 * head is recognised only for a stream that the connection has, and only if
 * another head follows the frame.
 */
export class FrameSearch {
  readonly #isKnownStream: (streamId: number) => boolean;
  /** Bytes that were dropped before `#held`. */
  #dropped = 0;
  #held: Uint8Array = NOTHING;
  /** Offset up to which heads were searched, from the start of the search. */
  #searched = 0;
  #candidates: Candidate[] = [];

  /** Begins a search; a DATA frame must be of a stream that `isKnownStream` accepts. */
  constructor(isKnownStream: (streamId: number) => boolean) {
    this.#isKnownStream = isKnownStream;
  }

  /** Bytes that were searched so far, bytes. */
  get length(): number {
    return this.#dropped + this.#held.length;
  }

  /**
   * Searches on. When a frame is found, returns how many bytes are before it and
   * the bytes from it on; the search is over then.
   */
  push(bytes: Uint8Array): { skipped: number; rest: Uint8Array } | undefined {
    if (this.#held.length === 0) this.#held = bytes;
    else {
      const joined = new Uint8Array(this.#held.length + bytes.length);
      joined.set(this.#held);
      joined.set(bytes, this.#held.length);
      this.#held = joined;
    }
    const found = this.#find();
    if (found !== undefined) {
      return {
        skipped: found,
        rest: this.#held.subarray(found - this.#dropped),
      };
    }
    this.#shorten(bytes);
    return undefined;
  }

  #find(): number | undefined {
    const held = this.#held;
    const last = held.length - FRAME_HEAD_LENGTH;
    let at = this.#searched - this.#dropped;
    let found: number | undefined;
    // A high byte 0x80 begins a control head, a low one may begin a DATA head.
    for (; at <= last; at++) {
      const first = held[at];
      if (first === 0x80) {
        if (isControlHead(held, at) && this.#isFollowed(at)) {
          found = at + this.#dropped;
          break;
        }
      } else if (first < 0x80) this.#consider(at);
    }
    this.#searched = this.#dropped + Math.max(0, at);
    const chained = this.#checkCandidates();
    if (chained === undefined) return found;
    return found === undefined ? chained : Math.min(found, chained);
  }

  /** Whether a frame follows the one at `at`, as far as the bytes are there. */
  #isFollowed(at: number): boolean {
    const next = at + frameSize(this.#held, at);
    return next + FRAME_HEAD_LENGTH > this.#held.length ||
      isControlHead(this.#held, next) || isDataHead(this.#held, next);
  }

  #consider(at: number): void {
    const held = this.#held;
    if (
      !isDataHead(held, at) || !this.#isKnownStream(dataStream(held, at)) ||
      this.#candidates.length >= MOST_CANDIDATES
    ) return;
    const start = this.#dropped + at;
    // A frame inside the chain of an earlier candidate is found by that one.
    if (this.#candidates.some(({ next }) => next === start)) return;
    this.#candidates.push({
      start,
      next: start + frameSize(held, at),
      links: 1,
    });
  }

  /** Follows each candidate; returns the first frame of the first chain that proved right. */
  #checkCandidates(): number | undefined {
    const held = this.#held;
    let found: number | undefined;
    this.#candidates = this.#candidates.filter((candidate) => {
      for (;;) {
        const at = candidate.next - this.#dropped;
        if (at + FRAME_HEAD_LENGTH > held.length) return true;
        const isControl = isControlHead(held, at);
        const isData = isDataHead(held, at) &&
          this.#isKnownStream(dataStream(held, at));
        if (!isControl && !isData) return false;
        if (isControl || candidate.links >= 2) {
          const start = Math.max(candidate.start, this.#dropped);
          const begin = start === candidate.start ? start : candidate.next;
          found = found === undefined ? begin : Math.min(found, begin);
          return false;
        }
        candidate.links++;
        candidate.next += frameSize(held, at);
      }
    });
    return found;
  }

  /** Keeps what is still needed, and owns it: `bytes` belongs to the caller. */
  #shorten(bytes: Uint8Array): void {
    const held = this.#held;
    const keep = this.#candidates.length > 0
      ? Math.min(
        MOST_HELD,
        this.length - Math.min(...this.#candidates.map(({ start }) => start)),
      )
      : FRAME_HEAD_LENGTH - 1;
    const from = Math.max(
      0,
      held.length - Math.max(keep, FRAME_HEAD_LENGTH - 1),
    );
    if (from > 0 || held === bytes) {
      this.#held = held.slice(from);
      this.#dropped += from;
    }
  }
}

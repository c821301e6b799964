/**
 * Finds the next frame after missing bytes.
 *
 * @module
 */

import { FRAME_HEAD_LENGTH } from "../frame/frame_head.ts";
import { join } from "./layer.ts";
import {
  dataStream,
  frameSize,
  isControlHead,
  isDataHead,
} from "./plausible.ts";

/** Most bytes that are kept while no frame was found. */
const MOST_HELD = 1 << 16;
/** Most positions that may be DATA frames and wait for the head after them. */
const MOST_CANDIDATES = 256;
/** Of these, positions that may be DATA of a stream that was not seen before. */
const MOST_NEW_CANDIDATES = 32;
const NOTHING = new Uint8Array(0);

/** Least DATA frames in a row, for a stream that the connection has. */
const LINKS_OF_KNOWN_STREAM = 2;
/** The same for a stream that was not seen before: records of other protocols can look like one frame. */
const LINKS_OF_NEW_STREAM = 4;
/** Accepted sizes of DATA frames of a new stream, bytes: other protocols have rows of short records. */
const LEAST_DATA_OF_NEW_STREAM = 256;
const MOST_DATA_OF_NEW_STREAM = 1 << 17;

/** A place where a frame may begin, and the place of the next frame in that case. */
interface Candidate {
  readonly start: number;
  next: number;
  /** Its stream, for DATA; 0 for a control frame. */
  readonly streamId: number;
  /** Whether the connection has its stream. */
  readonly isKnown: boolean;
  /** Number of frames in a row, including this one. */
  links: number;
}

/** Facts about the connection whose bytes are searched. */
export interface SearchContext {
  /** Whether the connection has this stream. */
  isKnownStream(streamId: number): boolean;
  /** Whether SPDY was found in the connection. */
  isSpdy(): boolean;
}

/**
 * Searches for frames in bytes that begin at an unknown place.
 *
 * The version, type, flags and length of a control head have about 40 fixed bits.
 * In a connection that is known to use SPDY, such a head is recognised alone.
 * In another connection, the frame must also end where the bytes end, or another
 * head must follow it.
 *
 * A DATA head has few fixed bits. It is recognised if a control head follows the
 * frame, or if several DATA frames of one stream follow each other.
 */
export class FrameSearch {
  readonly #context: SearchContext;
  /** Bytes that were dropped before `#held`. */
  #dropped = 0;
  #held: Uint8Array = NOTHING;
  /** Offset up to which heads were searched, from the start of the search. */
  #searched = 0;
  #candidates: Candidate[] = [];

  /** Starts a search in a connection. */
  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** Number of bytes that were searched so far. */
  get length(): number {
    return this.#dropped + this.#held.length;
  }

  /**
   * Continues the search. If a frame is found, the search ends: returns the number
   * of bytes before the frame, and the bytes from the frame on.
   */
  push(bytes: Uint8Array): { skipped: number; rest: Uint8Array } | undefined {
    this.#held = join(this.#held, bytes);
    const found = this.#find();
    if (found !== undefined) return this.#result(found);
    this.#shorten(bytes);
    return undefined;
  }

  /**
   * No more bytes follow. In a connection that speaks SPDY, a control frame that
   * is cut off is found as well.
   */
  finish(): { skipped: number; rest: Uint8Array } | undefined {
    if (!this.#context.isSpdy()) return undefined;
    const found = this.#candidates.find(({ start, streamId }) =>
      streamId === 0 && start >= this.#dropped
    );
    return found === undefined ? undefined : this.#result(found.start);
  }

  #result(found: number): { skipped: number; rest: Uint8Array } {
    return { skipped: found, rest: this.#held.subarray(found - this.#dropped) };
  }

  #find(): number | undefined {
    const held = this.#held;
    const last = held.length - FRAME_HEAD_LENGTH;
    const isSpdy = this.#context.isSpdy();
    let at = this.#searched - this.#dropped;
    let found: number | undefined;
    // The byte 0x80 begins a control head; a smaller one may begin a DATA head.
    for (; at <= last; at++) {
      const first = held[at];
      if (first === 0x80) {
        if (!isControlHead(held, at) || !this.#isFollowed(at)) continue;
        if (isSpdy || at + frameSize(held, at) === held.length) {
          found = at + this.#dropped;
          break;
        }
        this.#add(at, 0, true);
      } else if (first < 0x80) this.#consider(at);
    }
    this.#searched = this.#dropped + Math.max(0, at);
    const chained = this.#checkCandidates();
    if (chained === undefined) return found;
    return found === undefined ? chained : Math.min(found, chained);
  }

  /** Whether a frame follows the one at `at`, if these bytes are available. */
  #isFollowed(at: number): boolean {
    const next = at + frameSize(this.#held, at);
    return next + FRAME_HEAD_LENGTH > this.#held.length ||
      isControlHead(this.#held, next) || isDataHead(this.#held, next);
  }

  #consider(at: number): void {
    const held = this.#held;
    if (!isDataHead(held, at)) return;
    const streamId = dataStream(held, at);
    const isKnown = this.#context.isKnownStream(streamId);
    // Ids of streams are small numbers; a large one is probably other data.
    if (isKnown || held[at] === 0 && isLongData(held, at)) {
      this.#add(at, streamId, isKnown);
    }
  }

  #add(at: number, streamId: number, isKnown: boolean): void {
    const most = isKnown ? MOST_CANDIDATES : MOST_NEW_CANDIDATES;
    if (this.#candidates.length >= most) return;
    const start = this.#dropped + at;
    // A frame in the chain of an earlier candidate is found with that candidate.
    if (this.#candidates.some(({ next }) => next === start)) return;
    const next = start + frameSize(this.#held, at);
    this.#candidates.push({ start, next, streamId, isKnown, links: 1 });
  }

  /** Follows each candidate; returns the first frame of the first confirmed chain. */
  #checkCandidates(): number | undefined {
    if (this.#candidates.length === 0) return undefined;
    const held = this.#held;
    const isSpdy = this.#context.isSpdy();
    let found: number | undefined;
    this.#candidates = this.#candidates.filter((candidate) => {
      for (;;) {
        const at = candidate.next - this.#dropped;
        // A control frame that ends with the bytes needs no head after it.
        const isSure = candidate.streamId === 0 &&
          (isSpdy || at === held.length);
        if (at + FRAME_HEAD_LENGTH > held.length && !isSure) return true;
        const isControl = isSure || isControlHead(held, at);
        const isData = !isControl && this.#continues(candidate, at);
        if (!isControl && !isData) return false;
        if (isData && candidate.links < linksOf(candidate)) {
          candidate.links++;
          candidate.next += frameSize(held, at);
          continue;
        }
        const start = Math.max(candidate.start, this.#dropped);
        const begin = start === candidate.start ? start : candidate.next;
        found = found === undefined ? begin : Math.min(found, begin);
        return false;
      }
    });
    return found;
  }

  /** Whether the DATA head at `at` continues the row of the candidate. */
  #continues({ streamId, isKnown }: Candidate, at: number): boolean {
    const held = this.#held;
    if (!isDataHead(held, at)) return false;
    if (streamId === 0) return true;
    if (isKnown) return this.#context.isKnownStream(dataStream(held, at));
    return dataStream(held, at) === streamId && isLongData(held, at);
  }

  /** Keeps and copies the bytes that are still needed, because `bytes` belongs to the caller. */
  #shorten(bytes: Uint8Array): void {
    const held = this.#held;
    // For a stream that was not seen before, the beginning of the row is not kept:
    // otherwise the bytes of other protocols would be copied in vain.
    const first = Math.min(
      ...this.#candidates.filter(({ isKnown }) => isKnown)
        .map(({ start }) => start),
    );
    const keep = Math.min(
      MOST_HELD,
      this.length - Math.min(first, this.length),
    );
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

/** Whether a DATA frame has a size that is accepted for a new stream. */
function isLongData(bytes: Uint8Array, at: number): boolean {
  const length = frameSize(bytes, at) - FRAME_HEAD_LENGTH;
  return length >= LEAST_DATA_OF_NEW_STREAM &&
    length <= MOST_DATA_OF_NEW_STREAM;
}

/** Frames that must follow each other until the row is recognised. */
function linksOf({ streamId, isKnown }: Candidate): number {
  if (streamId === 0) return 1;
  return isKnown ? LINKS_OF_KNOWN_STREAM : LINKS_OF_NEW_STREAM;
}

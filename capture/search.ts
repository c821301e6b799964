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
/** Of these, positions that may be DATA of a stream that was not seen before. */
const MOST_NEW_CANDIDATES = 32;
const NOTHING = new Uint8Array(0);

/** DATA frames in a row that are recognised, of a stream that the connection has. */
const LINKS_OF_KNOWN_STREAM = 2;
/** The same of a stream that was not seen before: records of other protocols can look alike. */
const LINKS_OF_NEW_STREAM = 4;
/** Sizes of the DATA frames in such a row, bytes: other protocols have rows of short records. */
const LEAST_DATA_OF_NEW_STREAM = 256;
const MOST_DATA_OF_NEW_STREAM = 1 << 17;

/** Where a frame may begin, and where the frame after it must begin then. */
interface Candidate {
  readonly start: number;
  next: number;
  /** Its stream, for DATA; 0 for a control frame. */
  readonly streamId: number;
  /** Whether the connection has its stream. */
  readonly isKnown: boolean;
  /** Frames in a row, this one included. */
  links: number;
}

/** What a search asks its connection. */
export interface SearchContext {
  /** Whether the connection has this stream. */
  isKnownStream(streamId: number): boolean;
  /** Whether SPDY was found in the connection. */
  isSpdy(): boolean;
}

/**
 * Searches frames in bytes that begin somewhere.
 *
 * A control head has about 40 fixed bits: version, type, flags and length. In a
 * connection that is known to speak SPDY, it is recognised by itself. Elsewhere,
 * the frame must also end where the bytes end, or another head must follow it.
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

  /** Begins a search in a connection. */
  constructor(context: SearchContext) {
    this.#context = context;
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
    // A high byte 0x80 begins a control head, a low one may begin a DATA head.
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

  /** Whether a frame follows the one at `at`, as far as the bytes are there. */
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
    // Streams are counted: a high id is far less likely than other data.
    if (isKnown || held[at] === 0 && isLongData(held, at)) {
      this.#add(at, streamId, isKnown);
    }
  }

  #add(at: number, streamId: number, isKnown: boolean): void {
    const most = isKnown ? MOST_CANDIDATES : MOST_NEW_CANDIDATES;
    if (this.#candidates.length >= most) return;
    const start = this.#dropped + at;
    // A frame inside the chain of an earlier candidate is found by that one.
    if (this.#candidates.some(({ next }) => next === start)) return;
    const next = start + frameSize(this.#held, at);
    this.#candidates.push({ start, next, streamId, isKnown, links: 1 });
  }

  /** Follows each candidate; returns the first frame of the first chain that proved right. */
  #checkCandidates(): number | undefined {
    if (this.#candidates.length === 0) return undefined;
    const held = this.#held;
    const isSpdy = this.#context.isSpdy();
    let found: number | undefined;
    this.#candidates = this.#candidates.filter((candidate) => {
      for (;;) {
        const at = candidate.next - this.#dropped;
        // A control frame that ends with the bytes needs no head behind it.
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

  /** Keeps what is still needed, and owns it: `bytes` belongs to the caller. */
  #shorten(bytes: Uint8Array): void {
    const held = this.#held;
    // Of a stream that was not seen before, only the rest of the row is found:
    // other protocols would have their bytes held and copied for nothing.
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

/** Whether a DATA head has a length that rows of a new stream have. */
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

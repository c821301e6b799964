/**
 * Finds the next message of a WebSocket after missing bytes.
 *
 * @module
 */

import { join } from "./layer.ts";
import { BINARY, CLOSE, PONG } from "./websocket_opcodes.ts";

/** Most bytes that are kept while no message was found. */
const MOST_HELD = 1 << 17;
/** Longest message that a search accepts, bytes. */
const LONGEST = 1 << 24;
/** Most places that wait for the heads after them. */
const MOST_CANDIDATES = 256;
/** Heads that must follow each other: each has fewer than six fixed bits. */
const LINKS = 6;
const NOTHING = new Uint8Array(0);

/** A place where a message may begin, and the place of the next head in that case. */
interface Candidate {
  readonly start: number;
  readonly isMasked: boolean;
  next: number;
  /** Number of heads that follow each other so far. */
  links: number;
}

/** Searches for the head of a message in bytes that begin at an unknown place. */
export class WebSocketSearch {
  readonly #isMasked: boolean | undefined;
  #held: Uint8Array = NOTHING;
  /** Bytes that were dropped before `#held`. */
  #dropped = 0;
  /** Offset up to which heads were searched, from the start of the search. */
  #searched = 0;
  /** Offset of the first byte after the last gap. */
  #begin = 0;
  #candidates: Candidate[] = [];

  /** Starts a search. `isMasked` says whether the messages have masks, if that is known. */
  constructor(isMasked: boolean | undefined) {
    this.#isMasked = isMasked;
  }

  /** Number of bytes that were searched so far. */
  get length(): number {
    return this.#dropped + this.#held.length;
  }

  /** The capture lacks more bytes: the bytes before them do not help to find the next message. */
  drop(): void {
    this.#dropped = this.#searched = this.#begin = this.length;
    this.#held = NOTHING;
    this.#candidates = [];
  }

  /**
   * Continues the search. If a message is found, the search ends: returns the number of
   * bytes before it, and the bytes from it on.
   */
  push(bytes: Uint8Array): { skipped: number; rest: Uint8Array } | undefined {
    const held = this.#held = join(this.#held, bytes);
    let found: number | undefined;
    this.#candidates = this.#candidates.filter((candidate) => {
      const isOne = this.#follow(candidate);
      if (isOne === true) found ??= candidate.start;
      return isOne === undefined;
    });
    const end = this.length - 2;
    while (found === undefined && this.#searched <= end) {
      const start = this.#searched++;
      if (this.#consider(start)) found = start;
    }
    if (found !== undefined) {
      return { skipped: found, rest: held.subarray(found - this.#dropped) };
    }
    this.#shorten();
    return undefined;
  }

  /**
   * Whether a row of messages begins at `start`. It becomes a candidate only if more bytes
   * are needed: the false ones of a large segment would leave no place for the true one.
   */
  #consider(start: number): boolean {
    const at = start - this.#dropped;
    const isMasked = this.#held[at + 1] >= 0x80;
    if (this.#isMasked !== undefined && this.#isMasked !== isMasked) {
      return false;
    }
    if (messageSize(this.#held, at, isMasked) === 0) return false;
    if (this.#candidates.length >= MOST_CANDIDATES) return false;
    // A message in the row of an earlier candidate is found with that candidate.
    if (this.#candidates.some(({ next }) => next === start)) return false;
    const candidate = { start, isMasked, next: start, links: 0 };
    const isOne = this.#follow(candidate);
    if (isOne === undefined) this.#candidates.push(candidate);
    return isOne === true;
  }

  /** Whether a row of messages begins at the candidate; `undefined` if more bytes are needed. */
  #follow(candidate: Candidate): boolean | undefined {
    const { start, isMasked } = candidate;
    for (;;) {
      // Most packets end where a message ends: then the first byte after the gap begins
      // a message, and the last byte ends one.
      const isWhole = start === this.#begin && candidate.links > 0 &&
        candidate.next === this.length;
      if (isWhole || candidate.links === LINKS) return true;
      const at = candidate.next - this.#dropped;
      const size = messageSize(this.#held, at, isMasked);
      if (size === undefined) return undefined;
      if (size === 0) return false;
      candidate.links++;
      candidate.next += size;
    }
  }

  /** Drops the bytes that no candidate needs. */
  #shorten(): void {
    const first = this.#candidates[0]?.start ?? this.#searched;
    const from = Math.max(
      first - this.#dropped,
      this.#held.length - MOST_HELD,
      0,
    );
    this.#held = this.#held.slice(from);
    this.#dropped += from;
    this.#candidates = this.#candidates.filter(({ start }) =>
      start >= this.#dropped
    );
  }
}

/**
 * Length of the message whose head is at `at`, with the head (RFC 6455 5.2); 0 if it
 * cannot be one, `undefined` if the head is not complete.
 */
function messageSize(
  bytes: Uint8Array,
  at: number,
  isMasked: boolean,
): number | undefined {
  if (at + 2 > bytes.length) return undefined;
  const first = bytes[at];
  const opcode = first & 15;
  if ((first & 0x70) !== 0) return 0;
  if (bytes[at + 1] >= 0x80 !== isMasked) return 0;
  const isControl = opcode >= CLOSE && opcode <= PONG;
  if (opcode > BINARY && !isControl) return 0;
  const short = bytes[at + 1] & 127;
  // Messages with control opcodes are short and whole (5.5). Messages without content
  // are left out, because rows of zeros look like them.
  if (isControl ? first < 0x80 || short > 125 : short === 0) return 0;
  const sizeLength = short === 126 ? 2 : short === 127 ? 8 : 0;
  const head = 2 + sizeLength + (isMasked ? 4 : 0);
  if (at + head > bytes.length) return undefined;
  let length = sizeLength === 0 ? short : 0;
  for (let index = 0; index < sizeLength; index++) {
    length = length * 256 + bytes[at + 2 + index];
  }
  // A length has its shortest form.
  const least = sizeLength === 0 ? 0 : sizeLength === 2 ? 126 : 65536;
  return length < least || length > LONGEST ? 0 : head + length;
}

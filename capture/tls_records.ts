/**
 * TLS records: finds them in the bytes of one direction.
 *
 * @module
 */

import { join, type Layer } from "./layer.ts";

/** Length of a record's head, bytes. */
export const RECORD_HEAD_LENGTH = 5;
/** Longest record with its authentication tag (RFC 5246 6.2.3), bytes. */
const LONGEST = 16384 + 2048;
/** Content type of a ChangeCipherSpec record. */
export const CHANGE_CIPHER_SPEC = 20;
/** Content type of a record with handshake messages. */
export const HANDSHAKE = 22;
/** Content type of a record with application data. */
export const APPLICATION_DATA = 23;
const NOTHING = new Uint8Array(0);

/** A complete record. */
export interface TlsRecord {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  /** Bytes before it that were skipped or that the capture lacks. */
  readonly lost: number;
}

/** Divides one direction into records. */
export class RecordLayer implements Layer {
  readonly #emit: (record: TlsRecord | "end") => void;
  #held: Uint8Array = NOTHING;
  /** Bytes that were skipped since the last complete record. */
  #lost = 0;
  /** Bytes of a damaged record that are still to be skipped. */
  #skip = 0;
  /** Whether the head of the next record is being searched. */
  #isSearching = false;

  /** Passes each whole record to `emit`, and `"end"` when the direction has ended. */
  constructor(emit: (record: TlsRecord | "end") => void) {
    this.#emit = emit;
  }

  push(bytes: Uint8Array): void {
    let held = join(this.#held, bytes);
    for (;;) {
      if (this.#skip > 0) {
        const size = Math.min(this.#skip, held.length);
        this.#skip -= size;
        held = held.subarray(size);
      }
      if (this.#isSearching) {
        const found = findHead(held);
        this.#lost += found.at;
        held = held.subarray(found.at);
        if (!found.isFound) break;
        this.#isSearching = false;
      }
      if (held.length < RECORD_HEAD_LENGTH) break;
      const length = held[3] << 8 | held[4];
      if (!isHead(held, 0)) {
        this.#isSearching = true;
        continue;
      }
      if (held.length < RECORD_HEAD_LENGTH + length) break;
      this.#emit({
        head: held.slice(0, RECORD_HEAD_LENGTH),
        body: held.slice(RECORD_HEAD_LENGTH, RECORD_HEAD_LENGTH + length),
        lost: this.#lost,
      });
      this.#lost = 0;
      held = held.subarray(RECORD_HEAD_LENGTH + length);
    }
    // The rest is at most one record.
    this.#held = held.slice();
  }

  gap(count: number): void {
    const held = this.#held;
    this.#held = NOTHING;
    if (
      this.#isSearching || held.length < RECORD_HEAD_LENGTH && this.#skip === 0
    ) {
      this.#lost += held.length + count;
      this.#isSearching = true;
      return;
    }
    if (this.#skip === 0) {
      // The record whose head has arrived cannot be decrypted, so all of it is
      // lost.
      const size = RECORD_HEAD_LENGTH + (held[3] << 8 | held[4]);
      this.#lost += size;
      this.#skip = size - held.length;
    }
    const inside = Math.min(count, this.#skip);
    this.#skip -= inside;
    if (count > inside) {
      this.#lost += count - inside;
      this.#isSearching = true;
    }
  }

  end(): void {
    this.#emit("end");
  }
}

/** Whether a record's head is at `at`. */
function isHead(bytes: Uint8Array, at: number): boolean {
  const length = bytes[at + 3] << 8 | bytes[at + 4];
  return bytes[at] >= CHANGE_CIPHER_SPEC && bytes[at] <= 24 &&
    bytes[at + 1] === 3 && bytes[at + 2] <= 4 && length <= LONGEST;
}

/** Finds the next head of application data; `at` is its place, or where to continue the search. */
function findHead(bytes: Uint8Array): { at: number; isFound: boolean } {
  for (let at = 0; at + RECORD_HEAD_LENGTH <= bytes.length; at++) {
    if (bytes[at] !== APPLICATION_DATA || !isHead(bytes, at)) continue;
    const length = bytes[at + 3] << 8 | bytes[at + 4];
    const next = at + RECORD_HEAD_LENGTH + length;
    if (length <= 16) continue;
    if (next + RECORD_HEAD_LENGTH > bytes.length || isHead(bytes, next)) {
      return { at, isFound: true };
    }
  }
  return {
    at: Math.max(0, bytes.length - RECORD_HEAD_LENGTH + 1),
    isFound: false,
  };
}

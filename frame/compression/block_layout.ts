/**
 * One header block as it stands in the window: where its pairs are, which of
 * them are repeated, and where its secrets are.
 *
 * @module
 */

import type { NameValue } from "../types.ts";
import { History, type KnownName, type Seen } from "./history.ts";
import { findUnits } from "./sensitive.ts";
import type { MatchWindow } from "./window.ts";

/** Bytes of the shortest secret unit that becomes a reference; a shorter one costs less as it is. */
const MIN_REFERENCE = 6;
/** A repeated value's units are noted again after so many bytes, before they leave the window. */
const NOTE_AGAIN = 8192;
/** Public bytes between two stored units that are cheaper stored than in a block of their own. */
const MAX_JOINED = 6;

const ENCODER: TextEncoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** A hole in the window: bytes that the public tokens leave out. */
export interface Secret {
  /** Position of its first byte. */
  readonly start: number;
  /** Position behind its last byte. */
  end: number;
  /** Index of the pair it belongs to. */
  readonly pair: number;
  /** Position of the earlier copy to refer to, -1 for none. */
  readonly source: number;
  /** The bytes, when there is no earlier copy. */
  bytes: Uint8Array;
}

/** Puts blocks into the window, one after another. */
export class BlockLayout {
  /** Position of the block's first byte. */
  begin = 0;
  /** Position behind the block's last byte. */
  end = 0;
  /** How many pairs there are. */
  count = 0;
  /** Position of each pair, and behind the last one. */
  starts: Int32Array<ArrayBuffer> = new Int32Array(33);
  /** What is known of each pair's name. */
  readonly known: KnownName[] = [];
  /** The earlier copy of each pair, if it is public and one stands in the window. */
  readonly seen: (Seen | undefined)[] = [];
  /** The holes, in order. */
  readonly secrets: Secret[] = [];
  readonly #window: MatchWindow;
  readonly #history: History;
  readonly #lengthSize: 2 | 4;

  constructor(
    window: MatchWindow,
    lengthSize: 2 | 4,
    isSecret: (name: string) => boolean,
  ) {
    this.#window = window;
    this.#history = new History(isSecret);
    this.#lengthSize = lengthSize;
  }

  /** Puts the block of `pairs` into the window, which has the room. */
  put(pairs: readonly NameValue[]): void {
    const window = this.#window;
    const lengthSize = this.#lengthSize;
    if (pairs.length >= this.starts.length) {
      this.starts = new Int32Array(pairs.length * 2);
    }
    this.secrets.length = 0;
    this.count = pairs.length;
    this.begin = window.position;
    window.writeNumber(pairs.length, lengthSize);
    for (let index = 0; index < pairs.length; index++) {
      const [name, value] = pairs[index];
      this.starts[index] = window.position;
      const known = this.#history.name(name, window.position);
      this.known[index] = known;
      if (known.secret) {
        this.seen[index] = undefined;
        this.#putHead(name, utf8Length(value));
        if (value !== "") this.#putSecret(name, value, index);
        continue;
      }
      const seen = known.find(value, window.position);
      this.seen[index] = seen;
      if (seen !== undefined) {
        window.writeCopy(seen.last, seen.size);
      } else {
        this.#putHead(name, value.length);
        const valueStart = window.position;
        window.writeText(value);
        const size = window.position - valueStart;
        if (size !== value.length) {
          const end = window.position;
          window.position = valueStart - lengthSize;
          window.writeNumber(size, lengthSize);
          window.position = end;
        }
      }
    }
    this.end = window.position;
    this.starts[pairs.length] = this.end;
  }

  /** Forgets every name and value. */
  clear(): void {
    this.#history.clear();
  }

  /** Notes where the block's public pairs stand now. */
  note(pairs: readonly NameValue[]): void {
    const { starts } = this;
    for (let index = 0; index < this.count; index++) {
      const known = this.known[index];
      const start = starts[index];
      known.last = start;
      if (known.secret) continue;
      this.seen[index] = known.note(
        pairs[index][1],
        this.seen[index],
        start,
        starts[index + 1] - start,
      );
    }
  }

  #putHead(name: string, valueSize: number): void {
    const window = this.#window;
    window.writeNumber(name.length, this.#lengthSize);
    window.writeText(name);
    window.writeNumber(valueSize, this.#lengthSize);
  }

  /** Puts a secret value: one hole when it was sent before as a whole, else a hole for each unit. */
  #putSecret(name: string, value: string, pair: number): void {
    const window = this.#window;
    const known = this.known[pair];
    const start = window.position;
    const size = utf8Length(value);
    const whole = known.find(value, start);
    if (whole !== undefined && size >= MIN_REFERENCE) {
      window.writeCopy(whole.last, size);
      const { last, indexed } = whole;
      this.#addSecret(start, start + size, pair, last, NOTHING);
      const noted = known.note(value, whole, start, size);
      if (start - indexed <= NOTE_AGAIN) return;
      noted.indexed = start;
      this.#noteUnits(name, value, known, start);
      return;
    }
    let storedFrom = 0;
    let done = 0;
    let stored: Secret | undefined;
    findUnits(name, value, (from, to) => {
      const unit = value.slice(from, to);
      const unitSize = utf8Length(unit);
      const between = value.slice(done, from);
      done = to;
      const position = window.position + utf8Length(between);
      const seen = unitSize < MIN_REFERENCE
        ? undefined
        : known.find(unit, position);
      if (
        seen === undefined && stored !== undefined &&
        position - stored.end <= MAX_JOINED
      ) {
        window.writeHole(position + unitSize - stored.end);
        stored.bytes = ENCODER.encode(value.slice(storedFrom, to));
        stored.end = window.position;
      } else {
        window.writeText(between);
        window.writeHole(unitSize);
        if (seen === undefined) {
          storedFrom = from;
          stored = this.#addSecret(
            position,
            window.position,
            pair,
            -1,
            ENCODER.encode(unit),
          );
        } else {
          stored = undefined;
          this.#addSecret(
            position,
            window.position,
            pair,
            seen.last,
            NOTHING,
          );
        }
      }
      known.note(unit, seen, position, unitSize);
    });
    window.writeText(value.slice(done));
    known.note(value, known.find(value, start), start, size);
  }

  #addSecret(
    start: number,
    end: number,
    pair: number,
    source: number,
    bytes: Uint8Array,
  ): Secret {
    const secret = { start, end, pair, source, bytes };
    this.secrets.push(secret);
    return secret;
  }

  #noteUnits(
    name: string,
    value: string,
    known: KnownName,
    start: number,
  ): void {
    findUnits(name, value, (from, to) => {
      const unit = value.slice(from, to);
      const position = start + utf8Length(value.slice(0, from));
      known.note(
        unit,
        known.find(unit, position),
        position,
        utf8Length(unit),
      );
    });
  }
}

/** Bytes of `text` in UTF-8. */
function utf8Length(text: string): number {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0x7f) return ENCODER.encode(text).length;
  }
  return text.length;
}

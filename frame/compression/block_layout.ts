/**
 * The layout of one header block in the window: where its pairs are, which of them
 * are repeated, and where its secrets are.
 *
 * Step 2 of the worked example in `README.md`.
 *
 * @module
 */

import * as constants from "../../zlib/constants.ts";
import { ByteWriter } from "../byte_writer.ts";
import { escapedLength } from "../escaped_text.ts";
import { isSamePair } from "../header_list.ts";
import type { NameValue } from "../types.ts";
import { History, type KnownName, type Seen } from "./history.ts";
import type { Sensitivity } from "./secret_names.ts";
import { findUnits, isSecretValue } from "./secret_values.ts";
import type { MatchWindow } from "./window.ts";

// Read for each pair, and so a constant of this file; see `zlib/symbol_decoder.ts`.
const { WINDOW_SIZE } = constants;

/** Bytes of the shortest secret unit that becomes a reference; storing a shorter one is cheaper. */
const MIN_REFERENCE = 8;
/** Number of bytes after which the units of a repeated value are recorded again, before they leave the window. */
const NOTE_AGAIN = 8192;
/** Most public bytes between two stored units that are cheaper to store than to code in their own block. */
const MAX_JOINED = 6;

/** Initial room for the positions of a block. Up to 64 bytes V8 keeps an array within its object. */
const FIRST_STARTS = 16;
/** Largest memory for secrets that is kept between blocks, bytes. */
const KEPT_CAPACITY = 16384;

/** The secrets of the last block of any connection. Nobody needs them after the block. */
let stored = new ByteWriter();
/** Copies in the last block of any connection; see {@linkcode BlockLayout.copies}. */
const copies: number[] = [];

const NO_PAIRS: readonly NameValue[] = [];

/** A hole in the window: bytes that the public tokens do not cover. */
export interface Secret {
  /** Position of its first byte. */
  readonly start: number;
  /** Position after its last byte. */
  end: number;
  /** Index of the pair it belongs to. */
  readonly pair: number;
  /** Position of the earlier copy to refer to, -1 for none. */
  readonly source: number;
  /** Without an earlier copy: where the bytes begin in {@linkcode BlockLayout.stored}. */
  readonly from: number;
  /** Where they end there. */
  to: number;
}

/** Writes blocks to the window, one after another. */
export class BlockLayout {
  /** Position of the block's first byte. */
  begin = 0;
  /** Position after the block's last byte. */
  end = 0;
  /** Number of pairs. */
  count = 0;
  /** How many of them had the same index in the block before. */
  repeated = 0;
  /** Position of each pair, then the position after the last one. */
  starts: Int32Array<ArrayBuffer> = new Int32Array(FIRST_STARTS);
  /** What is known about each pair's name. */
  readonly known: KnownName[] = [];
  /** The earlier copy of each pair, if the pair is public and the window has one. */
  readonly seen: (Seen | undefined)[] = [];
  /** The holes, in the order of their positions. */
  readonly secrets: Secret[] = [];
  readonly #window: MatchWindow;
  readonly #history: History;
  readonly #lengthSize: 2 | 4;
  /** The pairs of the block. */
  #pairs: readonly NameValue[] = NO_PAIRS;
  // The previous block, in which repeated pairs are found.
  #startsBefore = new Int32Array(FIRST_STARTS);
  #pairsBefore: readonly NameValue[] = NO_PAIRS;
  /** False for a secret that is too short for a reference. */
  readonly #repeatable: boolean[] = [];
  /** Whether {@linkcode note} records the pair: neither a secret nor one of many new values of its name. */
  readonly #noted: boolean[] = [];
  /** For each repeatable secret, the last copy of its whole value. */
  readonly #wholes: (Seen | undefined)[] = [];

  constructor(
    window: MatchWindow,
    lengthSize: 2 | 4,
    sensitivityOf: (name: string) => Sensitivity,
  ) {
    this.#window = window;
    this.#history = new History(sensitivityOf);
    this.#lengthSize = lengthSize;
  }

  /** The bytes of the holes that have no earlier copy; valid until any layout's next {@linkcode put}. */
  get stored(): Uint8Array {
    return stored.bytes;
  }

  /**
   * Position of each pair in the block before, if that has it at the same index,
   * otherwise -1; valid until any layout's next {@linkcode put}.
   */
  get copies(): readonly number[] {
    return copies;
  }

  /** Writes the block of `pairs` to the window, which must have room for it. */
  put(pairs: readonly NameValue[]): void {
    const window = this.#window;
    const before = this.starts;
    this.starts = this.#startsBefore;
    this.#startsBefore = before;
    this.#pairsBefore = this.#pairs;
    this.#pairs = pairs;
    if (pairs.length >= this.starts.length) {
      this.starts = new Int32Array(pairs.length * 2);
    }
    // Setting the length of an array takes longer than removing one or two.
    while (this.secrets.length > 0) this.secrets.pop();
    stored.length = 0;
    if (stored.bytes.length > KEPT_CAPACITY) stored = new ByteWriter();
    this.count = pairs.length;
    this.repeated = 0;
    this.begin = window.position;
    const isNext = this.#history.begin(this.begin);
    const end = isNext ? 0 : Math.min(this.#pairsBefore.length, pairs.length);
    window.writeNumber(pairs.length, this.#lengthSize);
    for (let index = 0; index < pairs.length;) {
      // Most pairs have the same index as in the block before. Comparing strings,
      // which usually are the same object, takes a tenth of the time of two look-ups.
      const first = index;
      // New bytes before the pairs may have pushed their copies out of the window.
      const isNear = window.position - before[first] <= WINDOW_SIZE;
      while (
        isNear && index < end && this.#isRepeated(index, pairs[index])
      ) index++;
      if (index > first) {
        this.#putRepeated(first, index);
        continue;
      }
      const [name, value] = pairs[index];
      this.#putPair(name, value, index, index < end);
      index++;
    }
    this.end = window.position;
    this.starts[pairs.length] = this.end;
  }

  /** Whether the block before has the pair at this index, and its copy may be repeated. */
  #isRepeated(index: number, pair: NameValue): boolean {
    return this.#repeatable[index] &&
      isSamePair(pair, this.#pairsBefore[index]);
  }

  /** Forgets every name and value. */
  clear(): void {
    this.#history.clear();
    this.#pairs = NO_PAIRS;
  }

  /** Begins a new stream, in which `sensitivityOf` judges the names. */
  restart(sensitivityOf: (name: string) => Sensitivity): void {
    this.#history.restart(sensitivityOf);
    this.#pairs = NO_PAIRS;
  }

  /** Records the positions of the block's public pairs. */
  note(): void {
    const { starts, seen, known } = this;
    for (let index = 0; index < this.count; index++) {
      const start = starts[index];
      known[index].last = start;
      if (!this.#noted[index]) continue;
      seen[index] = this.#history.note(
        known[index].shown,
        this.#pairs[index][1],
        seen[index],
        start,
        starts[index + 1] - start,
      );
    }
  }

  /** Writes the pairs `first..last` of the block before, at the same indices. */
  #putRepeated(first: number, last: number): void {
    const window = this.#window;
    const before = this.#startsBefore;
    const shift = window.position - before[first];
    window.writeCopy(before[first], before[last] - before[first]);
    this.repeated += last - first;
    for (let index = first; index < last; index++) {
      this.starts[index] = before[index] + shift;
      copies[index] = before[index];
      const whole = this.#wholes[index];
      if (whole === undefined) {
        if (!this.#noted[index]) {
          // It is repeated after all, and so recorded from now on.
          this.known[index].repeats();
          this.#noted[index] = true;
        }
        continue;
      }
      const start = before[index + 1] + shift - whole.size;
      this.#repeatSecret(
        this.#pairs[index][0],
        this.#pairs[index][1],
        index,
        whole,
        start,
      );
    }
  }

  /** Writes the pair `index`; `isOld` says that the block before has a pair at that index. */
  #putPair(name: string, value: string, index: number, isOld: boolean): void {
    const window = this.#window;
    const start = window.position;
    const known = isOld && this.#pairsBefore[index][0] === name
      ? this.known[index]
      : this.#history.name(name);
    this.starts[index] = start;
    copies[index] = -1;
    this.known[index] = known;
    this.seen[index] = undefined;
    this.#wholes[index] = undefined;
    this.#repeatable[index] = true;
    let seen: Seen | undefined;
    let looksUp = false;
    const { sensitivity } = known;
    let secret = sensitivity !== "address" && isSecretValue(sensitivity, value);
    if (!secret) {
      looksUp = known.looksUp();
      seen = looksUp ? known.find(value, start) : undefined;
      // Checking an address takes longer, and a value that was public before is
      // public now.
      secret = seen === undefined && sensitivity === "address" &&
        isSecretValue(sensitivity, value);
    }
    if (secret) {
      this.#noted[index] = false;
      const valueStart = this.#putHead(name, escapedLength(value));
      this.#putSecret(name, value, index, valueStart);
      return;
    }
    this.#noted[index] = looksUp;
    this.seen[index] = seen;
    if (seen !== undefined) {
      window.writeCopy(seen.last, seen.size);
      return;
    }
    const valueStart = this.#putHead(name, value.length);
    window.writeText(value);
    const end = window.position;
    if (end - valueStart === value.length) return;
    // The text was not ASCII, so its length in bytes differs.
    window.position = valueStart - this.#lengthSize;
    window.writeNumber(end - valueStart, this.#lengthSize);
    window.position = end;
  }

  /** Writes the part of a pair before the value; returns where the value begins. */
  #putHead(name: string, valueSize: number): number {
    const window = this.#window;
    window.writeNumber(name.length, this.#lengthSize);
    window.writeText(name);
    window.writeNumber(valueSize, this.#lengthSize);
    return window.position;
  }

  /** Adds the reference for a whole secret value that was written at `start` as a copy. */
  #repeatSecret(
    name: string,
    value: string,
    pair: number,
    whole: Seen,
    start: number,
  ): void {
    const known = this.known[pair].hidden;
    this.#addSecret(start, start + whole.size, pair, whole.last, "");
    this.#wholes[pair] = this.#history.note(
      known,
      value,
      whole,
      start,
      whole.size,
    );
    if (start - whole.indexed <= NOTE_AGAIN) return;
    whole.indexed = start;
    this.#noteUnits(name, value, pair, start);
  }

  /** Records the units of a repeated secret value at `start`. */
  #noteUnits(name: string, value: string, pair: number, start: number): void {
    const { hidden: known, sensitivity } = this.known[pair];
    let done = 0;
    let position = start;
    findUnits(name, sensitivity, value, (from, to) => {
      position += escapedLength(value.slice(done, from));
      done = to;
      const unit = value.slice(from, to);
      const size = escapedLength(unit);
      const seen = known.find(unit, position);
      this.#history.note(known, unit, seen, position, size);
      position += size;
    });
  }

  /** Writes a secret value: one hole if the whole value was sent before, otherwise a hole for each unit. */
  #putSecret(name: string, value: string, pair: number, start: number): void {
    const window = this.#window;
    const { hidden: known, sensitivity } = this.known[pair];
    const whole = known.find(value, start);
    if (whole !== undefined && whole.size >= MIN_REFERENCE) {
      window.writeCopy(whole.last, whole.size);
      this.#repeatSecret(name, value, pair, whole, start);
      return;
    }
    let done = 0;
    // The last secret, while more bytes can be added to it.
    let open: Secret | undefined;
    findUnits(name, sensitivity, value, (from, to) => {
      const unit = value.slice(from, to);
      const size = escapedLength(unit);
      const between = value.slice(done, from);
      const position = window.position + escapedLength(between);
      done = to;
      const found = known.find(unit, position);
      const seen = size < MIN_REFERENCE ? undefined : found;
      if (
        seen === undefined && open !== undefined &&
        position - open.end <= MAX_JOINED
      ) {
        window.writeHole(position + size - open.end);
        open.end = position + size;
        stored.text(between);
        stored.text(unit);
        open.to = stored.length;
      } else {
        window.writeText(between);
        window.writeHole(size);
        const source = seen === undefined ? -1 : seen.last;
        const secret = this.#addSecret(
          position,
          position + size,
          pair,
          source,
          seen === undefined ? unit : "",
        );
        open = seen === undefined ? secret : undefined;
      }
      this.#history.note(known, unit, found, position, size);
    });
    window.writeText(value.slice(done));
    const size = window.position - start;
    const noted = this.#history.note(
      known,
      value,
      known.find(value, start),
      start,
      size,
    );
    if (size >= MIN_REFERENCE) this.#wholes[pair] = noted;
    else this.#repeatable[pair] = false;
  }

  #addSecret(
    start: number,
    end: number,
    pair: number,
    source: number,
    text: string,
  ): Secret {
    const from = stored.length;
    const to = from + stored.text(text);
    const secret = { start, end, pair, source, from, to };
    this.secrets.push(secret);
    return secret;
  }
}

import { keepCompiledCode } from "../compiled_code.ts";
import type { BitReader } from "./bit_reader.ts";
import {
  CODE_LENGTH_ORDER,
  CODE_LENGTH_SYMBOLS,
  DISTANCE_SYMBOLS,
  END_OF_BLOCK,
  LITERAL_SYMBOLS,
  MAX_CODE_BITS,
} from "./constants.ts";
import {
  buildTable,
  CODE_LENGTH_ENTRIES,
  CODE_LENGTH_KINDS,
  CODE_LENGTH_ROOT,
  DISTANCE_ENTRIES,
  DISTANCE_KINDS,
  DISTANCE_ROOT,
  INVALID,
  LITERAL_ENTRIES,
  LITERAL_KINDS,
  LITERAL_ROOT,
} from "./decode_table.ts";

/** Base and number of extra bits of the repeat count of the run symbols 16, 17 and 18. */
const RUN_BASE = Uint8Array.of(3, 3, 11);
const RUN_EXTRA = Uint8Array.of(2, 3, 7);

/** Reads the two codes of a dynamic block (RFC 1951, section 3.2.7); the input may be cut at any byte. */
export class DynamicCodes {
  static {
    keepCompiledCode(new DynamicCodes());
  }

  /** The table of literals and lengths; valid once `read` has returned true. */
  readonly literals: Int32Array = new Int32Array(LITERAL_ENTRIES);
  /** The table of distances; valid once `read` has returned true. */
  readonly distances: Int32Array = new Int32Array(DISTANCE_ENTRIES);

  readonly #lengths = new Uint8Array(LITERAL_SYMBOLS + DISTANCE_SYMBOLS);
  readonly #runs = new Int32Array(CODE_LENGTH_ENTRIES);
  #state: "counts" | "run code" | "lengths" = "counts";
  #start = 0;
  #literalCount = 0;
  #total = 0;
  #runLengths = 0;
  #known = 0;

  /** Begins with the codes of a new stream. */
  restart(): void {
    this.#state = "counts";
  }

  /**
   * Continues reading; returns false when the input ends before the codes do.
   *
   * @throws {ZlibError} The codes are invalid. `offset` is that of the invalid
   * run, or the start of the codes when a code as a whole is invalid.
   */
  read(reader: BitReader): boolean {
    if (this.#state === "counts" && !this.#readCounts(reader)) return false;
    if (this.#state === "run code" && !this.#readRunCode(reader)) return false;
    if (!this.#readLengths(reader)) return false;
    this.#state = "counts";
    this.#buildTables(reader);
    return true;
  }

  #readCounts(reader: BitReader): boolean {
    if (!reader.need(14)) return false;
    this.#start = reader.bitOffset;
    this.#literalCount = reader.take(5) + 257;
    const distanceCount = reader.take(5) + 1;
    this.#runLengths = reader.take(4) + 4;
    // RFC 1951, section 3.2.7: HLIT encodes 257..286, HDIST encodes 1..32. Like
    // zlib, this accepts no more than the 30 distance symbols that are defined.
    if (
      this.#literalCount > LITERAL_SYMBOLS || distanceCount > DISTANCE_SYMBOLS
    ) {
      throw reader.error(
        `dynamic block has ${this.#literalCount} literal/length and ` +
          `${distanceCount} distance symbols, more than ${LITERAL_SYMBOLS} ` +
          `and ${DISTANCE_SYMBOLS}`,
        this.#start,
      );
    }
    this.#total = this.#literalCount + distanceCount;
    this.#known = 0;
    this.#lengths.fill(0, 0, CODE_LENGTH_SYMBOLS);
    this.#state = "run code";
    return true;
  }

  #readRunCode(reader: BitReader): boolean {
    while (this.#known < this.#runLengths) {
      if (!reader.need(3)) return false;
      this.#lengths[CODE_LENGTH_ORDER[this.#known++]] = reader.take(3);
    }
    const result = buildTable(
      this.#runs,
      CODE_LENGTH_ROOT,
      this.#lengths,
      0,
      CODE_LENGTH_SYMBOLS,
      CODE_LENGTH_KINDS,
    );
    // `buildTable` also accepts no symbol, or one. Here, such a code is an error.
    if (result !== "ok" || (this.#runs[0] | this.#runs[1]) & INVALID) {
      throw reader.error(
        `code for code lengths is ${result === "ok" ? "incomplete" : result}`,
        this.#start,
      );
    }
    this.#known = 0;
    this.#state = "lengths";
    return true;
  }

  #readLengths(reader: BitReader): boolean {
    while (this.#known < this.#total) {
      let entry = this.#runs[reader.hold & (CODE_LENGTH_ENTRIES - 1)];
      while ((entry & 31) > reader.held) {
        if (!reader.pull()) return false;
        entry = this.#runs[reader.hold & (CODE_LENGTH_ENTRIES - 1)];
      }
      const symbol = entry >>> 16;
      if (symbol <= MAX_CODE_BITS) {
        reader.drop(entry & 31);
        this.#lengths[this.#known++] = symbol;
      } else if (!this.#readRun(reader, symbol - 16, entry & 31)) return false;
    }
    return true;
  }

  #readRun(reader: BitReader, run: number, codeBits: number): boolean {
    if (!reader.need(codeBits + RUN_EXTRA[run])) return false;
    const start = reader.bitOffset;
    reader.drop(codeBits);
    const end = this.#known + RUN_BASE[run] + reader.take(RUN_EXTRA[run]);
    if (run === 0 && this.#known === 0) {
      throw reader.error(
        "code length is repeated, but there is none before it",
        start,
      );
    }
    if (end > this.#total) {
      throw reader.error(
        `repeated code lengths exceed the block's ${this.#total} symbols`,
        start,
      );
    }
    const length = run === 0 ? this.#lengths[this.#known - 1] : 0;
    this.#lengths.fill(length, this.#known, end);
    this.#known = end;
    return true;
  }

  #buildTables(reader: BitReader): void {
    // RFC 1951, section 3.2.7: each block ends with symbol 256.
    if (this.#lengths[END_OF_BLOCK] === 0) {
      throw reader.error(
        "literal/length code has no end-of-block symbol",
        this.#start,
      );
    }
    const literalResult = buildTable(
      this.literals,
      LITERAL_ROOT,
      this.#lengths,
      0,
      this.#literalCount,
      LITERAL_KINDS,
    );
    if (literalResult !== "ok") {
      throw reader.error(
        `literal/length code is ${literalResult}`,
        this.#start,
      );
    }
    const distanceResult = buildTable(
      this.distances,
      DISTANCE_ROOT,
      this.#lengths,
      this.#literalCount,
      this.#total,
      DISTANCE_KINDS,
    );
    if (distanceResult !== "ok") {
      throw reader.error(`distance code is ${distanceResult}`, this.#start);
    }
  }
}

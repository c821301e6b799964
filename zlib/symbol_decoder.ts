import type { BitReader } from "./bit_reader.ts";
import * as table from "./decode_table.ts";
import { MATCH_ROOM, type OutputWindow } from "./output_window.ts";

/** {@linkcode SymbolDecoder.decode} stopped at the end of the block. */
export const BLOCK_ENDED = 0;
/** {@linkcode SymbolDecoder.decode} stopped because it needs more input. */
export const INPUT_USED = 1;
/** {@linkcode SymbolDecoder.decode} stopped because the output would exceed the limit. */
export const LIMIT_REACHED = 2;
/** Why {@linkcode SymbolDecoder.decode} stopped. */
export type DecodeResult =
  | typeof BLOCK_ENDED
  | typeof INPUT_USED
  | typeof LIMIT_REACHED;

// V8 reads an imported constant from memory at each use, and checks that it is
// initialized. It compiles a constant of this file into the code. Together with `| 0`
// below, this saves 13 % of the time to inflate a header block.
const { DISTANCE_ROOT, END, INVALID, LITERAL, LITERAL_ROOT, POINTER } = table;

// The element of the block that comes next.
const AT_SYMBOL = 0;
const AT_DISTANCE = 1;
const AT_DISTANCE_EXTRA = 2;
const IN_MATCH = 3;
const AT_END = 4;

/** Result of a step of the slow decoder: continue with the next step. */
const CONTINUE = -1;

const LITERAL_MASK = (1 << LITERAL_ROOT) - 1;
const DISTANCE_MASK = (1 << DISTANCE_ROOT) - 1;
const NO_TABLE = new Int32Array(0);

/**
 * Decodes the literals and matches of a block with fixed or dynamic codes (RFC
 * 1951, section 3.2.5); the input may be cut at any byte.
 *
 * There are two decoders. The fast one runs while there is enough input and
 * output space to need no checks; the slow one decodes one element at a time and
 * handles the rest and all errors.
 */
export class SymbolDecoder {
  readonly #reader: BitReader;
  readonly #output: OutputWindow;
  #state = AT_END;
  #literals: Int32Array = NO_TABLE;
  #distances: Int32Array = NO_TABLE;
  /** The current match: bytes still to copy, and the distance. */
  #length = 0;
  #distance = 0;
  /** The current distance: its base, number of extra bits, and the bit offset of its code. */
  #distanceBase = 0;
  #distanceBits = 0;
  #distanceOffset = 0;

  /** Creates a decoder that reads from `reader` and writes to `output`. */
  constructor(reader: BitReader, output: OutputWindow) {
    this.#reader = reader;
    this.#output = output;
  }

  /** Starts a block with these tables; see `decode_table.ts`. */
  begin(literals: Int32Array, distances: Int32Array): void {
    this.#literals = literals;
    this.#distances = distances;
    this.#state = AT_SYMBOL;
  }

  /**
   * Decodes until the block or the input ends, or until the output would exceed
   * `limit` bytes.
   *
   * @throws {ZlibError} A code is invalid, or a distance points before the start of the output.
   */
  decode(limit: number): DecodeResult {
    for (;;) {
      const result = this.#step(limit);
      if (result !== CONTINUE) return result;
    }
  }

  #step(limit: number): DecodeResult | typeof CONTINUE {
    switch (this.#state) {
      case AT_SYMBOL:
        this.#decodeFast(this.#output.makeRoom(limit));
        return this.#state === AT_SYMBOL ? this.#readSymbol(limit) : CONTINUE;
      case AT_DISTANCE:
        return this.#readDistance();
      case AT_DISTANCE_EXTRA:
        return this.#readDistanceExtra();
      case IN_MATCH:
        return this.#copyMatch(limit);
      default:
        return BLOCK_ENDED;
    }
  }

  /**
   * The fast decoder: runs while there are three bytes of input and space for a
   * match before `roomEnd`. Leaves everything else, errors included, to the slow
   * decoder and sets `#state` accordingly.
   */
  #decodeFast(roomEnd: number): void {
    const reader = this.#reader;
    const output = this.#output;
    const lastRoom = roomEnd - MATCH_ROOM;
    if (reader.position > reader.end - 3 || output.end > lastRoom) return;
    // Whole bytes in `hold` may belong to an earlier chunk, and the end of this
    // method could not return them to the input.
    if (reader.held > 7) return;
    const { input } = reader;
    const window = output.bytes;
    const { words } = output;
    const literals = this.#literals;
    const distances = this.#distances;
    const lastInput = reader.end - 3;
    // `| 0` keeps `hold` an integer: V8 makes a variable a floating-point number if it is
    // assigned results of both `|` and `>>>`.
    let { hold, held } = reader;
    let position = reader.position;
    let { end, copyFrom, copyEnd } = output;
    const { period, reach } = output;

    while (position <= lastInput && end <= lastRoom) {
      // Fills `hold` to 24..31 bits; only the whole bytes that fit count as read. For text,
      // reading single bytes takes 8 % more time than a `DataView`. But creating one for
      // each chunk would take 4 to 7 % of the time to inflate a header block.
      hold |= (input[position] | input[position + 1] << 8 |
        input[position + 2] << 16) << held;
      position += (31 - held) >>> 3;
      held |= 24;

      let entry = literals[hold & LITERAL_MASK];
      if (entry & LITERAL) {
        hold = hold >>> entry | 0;
        held -= entry & 31;
        window[end++] = entry >>> 16;
        // At least 14 bits are left, enough to look up another code.
        entry = literals[hold & LITERAL_MASK];
        if (!(entry & LITERAL)) continue;
        hold = hold >>> entry | 0;
        held -= entry & 31;
        window[end++] = entry >>> 16;
        continue;
      }
      if (entry & POINTER) {
        entry = literals[secondIndex(entry, hold >>> LITERAL_ROOT)];
        if (entry & LITERAL) {
          hold = hold >>> entry | 0;
          held -= entry & 31;
          window[end++] = entry >>> 16;
          continue;
        }
      }
      if (entry & (END | INVALID)) {
        if (entry & INVALID) break;
        hold = hold >>> entry | 0;
        held -= entry & 31;
        this.#state = AT_END;
        break;
      }
      const length = valueOf(entry, hold);
      hold = hold >>> entry | 0;
      held -= entry & 31;

      if (position > lastInput) {
        this.#length = length;
        this.#state = AT_DISTANCE;
        break;
      }
      hold |= (input[position] | input[position + 1] << 8 |
        input[position + 2] << 16) << held;
      position += (31 - held) >>> 3;
      held |= 24;
      entry = distances[hold & DISTANCE_MASK];
      if (entry & POINTER) {
        entry = distances[secondIndex(entry, hold >>> DISTANCE_ROOT)];
      }
      const distance = valueOf(entry, hold);
      if ((entry & 31) > held || entry & INVALID || distance > end) {
        this.#length = length;
        this.#state = AT_DISTANCE;
        break;
      }
      hold = hold >>> entry | 0;
      held -= entry & 31;

      let from = end - distance;
      const stop = end + length;
      // Copying 16 bytes at a time takes 15 % less time for text than eight, and 4 % less
      // for header blocks. 32 at a time take as long.
      if (distance >= 16) {
        if (
          distance <= reach &&
          (distance === period || distance % period === 0)
        ) {
          // Between two such copies, there often is a literal that is a repetition, too.
          if (
            copyEnd !== end &&
            (copyEnd !== end - 1 ||
              window[copyEnd] !== window[copyEnd - period])
          ) copyFrom = end;
          copyEnd = stop;
        }
        do {
          words.setBigInt64(end, words.getBigInt64(from, true), true);
          words.setBigInt64(end + 8, words.getBigInt64(from + 8, true), true);
          end += 16;
          from += 16;
        } while (end < stop);
      } else if (distance >= 8) {
        do {
          words.setBigInt64(end, words.getBigInt64(from, true), true);
          end += 8;
          from += 8;
        } while (end < stop);
      } else if (distance >= 4) {
        do {
          words.setInt32(end, words.getInt32(from, true), true);
          end += 4;
          from += 4;
        } while (end < stop);
      } else {
        while (end < stop) window[end++] = window[from++];
      }
      end = stop;
    }

    // Returns whole unused bytes to the input, so that `position` counts only the
    // bytes that were used.
    reader.position = position - (held >>> 3);
    reader.held = held & 7;
    reader.hold = hold & ~(-1 << (held & 7));
    output.end = end;
    output.copyFrom = copyFrom;
    output.copyEnd = copyEnd;
  }

  /** Decodes one literal, length or end of block. */
  #readSymbol(limit: number): DecodeResult | typeof CONTINUE {
    const reader = this.#reader;
    const output = this.#output;
    const entry = this.#lookUp(this.#literals, LITERAL_ROOT);
    if (entry < 0) return INPUT_USED;
    const bits = entry & 31;
    if (entry & LITERAL) {
      if (output.makeRoom(limit) === output.end) return LIMIT_REACHED;
      reader.drop(bits);
      output.bytes[output.end++] = entry >>> 16;
    } else if (entry & END) {
      reader.drop(bits);
      this.#state = AT_END;
    } else if (entry & INVALID) {
      throw reader.error("invalid literal/length code");
    } else {
      if (!reader.need(bits)) return INPUT_USED;
      this.#length = valueOf(entry, reader.hold);
      reader.drop(bits);
      this.#state = AT_DISTANCE;
    }
    return CONTINUE;
  }

  #readDistance(): DecodeResult | typeof CONTINUE {
    const reader = this.#reader;
    const entry = this.#lookUp(this.#distances, DISTANCE_ROOT);
    if (entry < 0) return INPUT_USED;
    if (entry & INVALID) throw reader.error("invalid distance code");
    const codeBits = entry >>> 5 & 31;
    this.#distanceBase = entry >>> 16;
    this.#distanceBits = (entry & 31) - codeBits;
    this.#distanceOffset = reader.bitOffset;
    reader.drop(codeBits);
    this.#state = AT_DISTANCE_EXTRA;
    return CONTINUE;
  }

  #readDistanceExtra(): DecodeResult | typeof CONTINUE {
    const reader = this.#reader;
    if (!reader.need(this.#distanceBits)) return INPUT_USED;
    const distance = this.#distanceBase + reader.take(this.#distanceBits);
    const available = this.#output.end;
    if (distance > available) {
      throw reader.error(
        `distance ${distance} exceeds the ${available} bytes of dictionary and output before it`,
        this.#distanceOffset,
      );
    }
    this.#distance = distance;
    this.#state = IN_MATCH;
    return CONTINUE;
  }

  #copyMatch(limit: number): DecodeResult | typeof CONTINUE {
    const output = this.#output;
    while (this.#length > 0) {
      const room = output.makeRoom(limit) - output.end;
      if (room === 0) return LIMIT_REACHED;
      const count = Math.min(this.#length, room);
      this.#length -= count;
      for (let left = count; left > 0; left--) {
        output.bytes[output.end] = output.bytes[output.end - this.#distance];
        output.end++;
      }
    }
    this.#state = AT_SYMBOL;
    return CONTINUE;
  }

  /** Returns the entry of the next code without dropping its bits; -1 when the input ends inside the code. */
  #lookUp(table: Int32Array, root: number): number {
    const reader = this.#reader;
    for (;;) {
      let entry = table[reader.hold & ~(-1 << root)];
      if (entry & POINTER) {
        entry = table[secondIndex(entry, reader.hold >>> root)];
      }
      // Missing bits read as zeros, which does no harm: a code that fits the held
      // bits does not contain them.
      if ((entry >>> 5 & 31) <= reader.held) return entry;
      if (!reader.pull()) return -1;
    }
  }
}

/** Index of the entry in the second table, given the pointer and the bits after the root. */
function secondIndex(pointer: number, bits: number): number {
  return (pointer >>> 16) + (bits & ~(-1 << (pointer >>> 5)));
}

/** The length or distance of an entry: its base plus the extra bits; `bits` begins with the code. */
function valueOf(entry: number, bits: number): number {
  return (entry >>> 16) + ((bits & ~(-1 << entry)) >>> (entry >>> 5));
}

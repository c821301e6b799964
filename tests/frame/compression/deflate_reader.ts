/**
 * Reads the blocks of a deflate stream token by token, for white-box tests. This
 * is an independent implementation of RFC 1951. It reads stored blocks and blocks
 * with fixed codes, and refuses codes that are sent with a block.
 *
 * @module
 */

/** One token: bytes of a stored block, a literal, or a match. */
export interface Token {
  readonly kind: "stored" | "literal" | "match";
  /** Offset of its first byte in the output, including the dictionary. */
  readonly start: number;
  /** Number of bytes of output. */
  readonly length: number;
  /** For a match: the distance to its source. */
  readonly distance: number;
}

/** Reads a zlib stream with a preset dictionary, piece by piece. */
export class DeflateReader {
  /** All output so far, after the dictionary. */
  readonly output: number[];
  #input: Uint8Array = new Uint8Array(0);
  #bit = 0;
  #started = false;

  constructor(dictionary: Uint8Array) {
    this.output = [...dictionary];
  }

  /** The tokens of a piece that consists of complete blocks and ends at a byte. */
  read(piece: Uint8Array): Token[] {
    this.#input = piece;
    this.#bit = 0;
    if (!this.#started) {
      // Two bytes of header, four of the dictionary's checksum (RFC 1950 2.2).
      if ((piece[0] << 8 | piece[1]) % 31 !== 0) throw new Error("bad header");
      if ((piece[0] & 15) !== 8 || (piece[1] & 32) === 0) {
        throw new Error("no deflate with a dictionary");
      }
      this.#bit = 48;
      this.#started = true;
    }
    const tokens: Token[] = [];
    while (this.#bit < 8 * piece.length) this.#readBlock(tokens);
    return tokens;
  }

  #readBlock(tokens: Token[]): void {
    if (this.#bits(1) !== 0) throw new Error("the stream ends");
    const type = this.#bits(2);
    if (type === 0) this.#readStored(tokens);
    else if (type === 1) this.#readFixed(tokens);
    else throw new Error(`block type ${type}`);
  }

  #readStored(tokens: Token[]): void {
    this.#bit = (this.#bit + 7) & ~7;
    const length = this.#bits(16);
    if ((this.#bits(16) ^ length) !== 0xffff) throw new Error("bad length");
    if (length === 0) return;
    const start = this.output.length;
    tokens.push({ kind: "stored", start, length, distance: 0 });
    for (let left = length; left > 0; left--) this.output.push(this.#bits(8));
  }

  #readFixed(tokens: Token[]): void {
    for (;;) {
      const symbol = this.#symbol();
      if (symbol === 256) return;
      const start = this.output.length;
      if (symbol < 256) {
        tokens.push({ kind: "literal", start, length: 1, distance: 0 });
        this.output.push(symbol);
        continue;
      }
      const length = this.#length(symbol - 257);
      const distance = this.#distance();
      if (distance > start || distance > 32768) throw new Error("too far");
      tokens.push({ kind: "match", start, length, distance });
      for (let left = length; left > 0; left--) {
        this.output.push(this.output[this.output.length - distance]);
      }
    }
  }

  /** The first bits of a fixed code show the length of a symbol's code (RFC 1951 3.2.6). */
  #symbol(): number {
    const seven = this.#code(7);
    if (seven <= 0b0010111) return 256 + seven;
    const eight = seven << 1 | this.#bits(1);
    if (eight <= 0b10111111) return eight - 0b00110000;
    if (eight <= 0b11000111) return 280 + eight - 0b11000000;
    return 144 + (eight << 1 | this.#bits(1)) - 0b110010000;
  }

  #length(code: number): number {
    if (code === 28) return 258;
    if (code < 8) return 3 + code;
    const extra = (code >> 2) - 1;
    return 3 + ((4 + (code & 3)) << extra) + this.#bits(extra);
  }

  #distance(): number {
    const code = this.#code(5);
    if (code < 4) return 1 + code;
    const extra = (code >> 1) - 1;
    return 1 + ((2 + (code & 1)) << extra) + this.#bits(extra);
  }

  /** The highest bit of a code is first. */
  #code(count: number): number {
    let code = 0;
    for (; count > 0; count--) code = code << 1 | this.#bits(1);
    return code;
  }

  #bits(count: number): number {
    let bits = 0;
    for (let index = 0; index < count; index++, this.#bit++) {
      if (this.#bit >= 8 * this.#input.length) throw new Error("cut short");
      bits |= (this.#input[this.#bit >> 3] >> (this.#bit & 7) & 1) << index;
    }
    return bits;
  }
}

/**
 * Reads bytes that are written as hex digits with white space between them.
 *
 * @module
 */

import type { Layer } from "./layer.ts";
import { CaptureError } from "./packet.ts";

/**
 * Reads hex digits and passes the bytes to another layer. Throws `CaptureError` for
 * other characters.
 */
export class HexLayer implements Layer {
  readonly #output: Layer;
  #high: number | undefined;
  #offset = 0;

  /** Passes the bytes to `output`. */
  constructor(output: Layer) {
    this.#output = output;
  }

  /** Whether the last digit lacks the second digit of its byte. */
  get isCutOff(): boolean {
    return this.#high !== undefined;
  }

  push(text: Uint8Array): void {
    const bytes = new Uint8Array((text.length >> 1) + 1);
    let length = 0;
    for (const char of text) {
      const digit = digitOf(char);
      if (digit === undefined) {
        this.#output.push(bytes.subarray(0, length));
        throw new CaptureError(
          "a character that is not a hex digit",
          this.#offset,
        );
      }
      this.#offset++;
      if (digit < 0) continue;
      if (this.#high === undefined) this.#high = digit;
      else {
        bytes[length++] = this.#high << 4 | digit;
        this.#high = undefined;
      }
    }
    this.#output.push(bytes.subarray(0, length));
  }

  gap(count: number): void {
    this.#output.gap(count);
  }

  end(): void {
    this.#output.end();
  }
}

/** The value of a digit, -1 for white space, `undefined` for anything else. */
function digitOf(char: number): number | undefined {
  if (char >= 0x30 && char <= 0x39) return char - 0x30;
  const letter = char | 0x20;
  if (letter >= 0x61 && letter <= 0x66) return letter - 0x57;
  return char === 0x20 || char >= 9 && char <= 13 ? -1 : undefined;
}

/**
 * Parses sizes of a client's terminal that arrive on the resize channel.
 *
 * @module
 */

import { pause } from "../../connection/time/clock.ts";

/** Size of a terminal, characters. */
export interface TerminalSize {
  /** Width, 1..65535. */
  readonly columns: number;
  /** Height, 1..65535. */
  readonly rows: number;
}

/** Longest JSON object that is read, characters. */
const MAX_OBJECT = 1024;
/** Number of bytes after which other tasks get their turn. */
const BYTES_A_TURN = 32 * 1024;

/** The sizes in the text of a resize channel. */
export function readSizes(
  readable: ReadableStream<Uint8Array>,
): ReadableStream<TerminalSize> {
  const decoder = new TextDecoder();
  const parser = new SizeParser();
  let taken = 0;
  return readable.pipeThrough(
    new TransformStream<Uint8Array, TerminalSize>({
      async transform(chunk, controller) {
        for (let at = 0; at < chunk.length; at += BYTES_A_TURN) {
          const part = chunk.subarray(at, at + BYTES_A_TURN);
          const text = decoder.decode(part, { stream: true });
          for (const size of parser.push(text)) controller.enqueue(size);
          taken += part.length;
          if (taken >= BYTES_A_TURN) {
            taken = 0;
            await pause(0);
          }
        }
      },
    }),
  );
}

/**
 * Finds JSON objects one after the other, even if they arrive in pieces, and reads
 * each character once. Skips text between objects, and objects that are not sizes.
 */
export class SizeParser {
  /** The beginning of an incomplete object. */
  #begun = "";
  /** How many braces are open. */
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** The sizes whose last brace is in `text`. */
  push(text: string): TerminalSize[] {
    const sizes: TerminalSize[] = [];
    let start = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#depth === 0) {
        if (code !== OPEN) continue;
        start = at;
        this.#depth = 1;
      } else if (this.#begun.length + at - start >= MAX_OBJECT) {
        // A size is never this long; the next one begins at the next brace.
        this.#reset();
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === BACKSLASH) this.#escaped = true;
        else if (code === QUOTE) this.#inString = false;
      } else if (code === QUOTE) {
        this.#inString = true;
      } else if (code === OPEN) {
        this.#depth++;
      } else if (code === CLOSE && --this.#depth === 0) {
        const size = parseSize(this.#begun + text.slice(start, at + 1));
        if (size !== undefined) sizes.push(size);
        this.#reset();
      }
    }
    if (this.#depth > 0) this.#begun += text.slice(start);
    return sizes;
  }

  #reset(): void {
    this.#begun = "";
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

function parseSize(text: string): TerminalSize | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  let columns: unknown;
  let rows: unknown;
  for (const [name, size] of Object.entries(value)) {
    // Go's encoding/json, which Kubernetes uses, accepts names in upper and lower
    // case.
    const known = name.toLowerCase();
    if (known === "width") columns = size;
    else if (known === "height") rows = size;
  }
  return isSize(columns) && isSize(rows) ? { columns, rows } : undefined;
}

function isSize(size: unknown): size is number {
  return typeof size === "number" && Number.isInteger(size) && size >= 1 &&
    size <= 0xffff;
}

import { checkWhole } from "../numbers.ts";
import { checkBytes, checkOptions } from "../values.ts";
import { checkOneOf } from "./check.ts";
import { Inflater, type ZlibFormat } from "./inflater.ts";

/** What an {@linkcode Inflate} is made with. */
export interface InflateOptions {
  /** What stands around the deflate blocks; default `"zlib"`. */
  readonly format?: ZlibFormat;
  /**
   * Preset dictionary. A zlib stream that asks for one must ask for this one; a
   * stream that asks for none is inflated without. A raw stream cannot ask, so
   * there it is always used.
   */
  readonly dictionary?: Uint8Array;
  /** Most bytes that the stream may become in all; default no bound. */
  readonly maxOutput?: number;
}

/**
 * Inflates a zlib (RFC 1950) or raw deflate (RFC 1951) stream that comes in
 * pieces, cut anywhere.
 *
 * The window is 32 KiB, so that every sender's is accepted. Input behind the end
 * of the stream is not looked at; {@linkcode Inflate.unused} has it.
 *
 * @example
 * ```ts
 * import { Deflate, Inflate } from "@spdy/spdy/zlib";
 * import { assert, assertEquals } from "jsr:@std/assert@1";
 *
 * const text = new TextEncoder().encode("so much, so much, so much");
 * const packed = new Deflate().push(text, "finish");
 *
 * const inflate = new Inflate({ maxOutput: 1024 });
 * const begin = inflate.push(packed.subarray(0, 10));
 * const rest = inflate.push(packed.subarray(10));
 * assertEquals([...begin, ...rest], [...text]);
 * assert(inflate.finished);
 * ```
 */
export class Inflate {
  readonly #inflater: Inflater;
  #left: number;

  /**
   * Makes an inflater at the start of a stream.
   *
   * @throws {InvalidArgumentError} `format` is none, or `maxOutput` is not a whole number from 0 up, or `dictionary` is not a `Uint8Array`.
   */
  constructor(options: InflateOptions = {}) {
    checkOptions("options", options);
    const { dictionary } = options;
    if (dictionary !== undefined) checkBytes("dictionary", dictionary);
    checkOneOf("format", options.format ?? "zlib", ["zlib", "raw"]);
    const { maxOutput = Infinity } = options;
    if (maxOutput !== Infinity) {
      checkWhole("maxOutput", maxOutput, 0, Number.MAX_SAFE_INTEGER);
    }
    this.#left = maxOutput;
    this.#inflater = new Inflater(options);
  }

  /** Whether the end of the stream was read, and its check was right. */
  get finished(): boolean {
    return this.#inflater.finished;
  }

  /** What the last `push` brought behind the end of the stream: a view into its `data`, empty before the end. */
  get unused(): Uint8Array {
    return this.#inflater.unused;
  }

  /**
   * Inflates the next piece.
   *
   * @param data Any number of bytes of the stream.
   * @returns All output that the bytes given so far allow, less what was returned before.
   * @throws {InvalidArgumentError} `data` is not a `Uint8Array`, or its buffer was transferred.
   * @throws {ZlibError} The stream is corrupt, asks for another dictionary, or
   * would become more than `maxOutput` bytes; `offset` says where, in bytes since
   * the start of the stream. Every later call throws the same.
   */
  push(data: Uint8Array): Uint8Array<ArrayBuffer> {
    checkBytes("data", data);
    const inflater = this.#inflater;
    inflater.feed(data);
    if (!inflater.inflate(this.#left)) {
      throw inflater.fail("output is longer than maxOutput allows");
    }
    const output = inflater.take();
    this.#left -= output.length;
    return output;
  }
}

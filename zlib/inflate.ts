import { checkWhole } from "../numbers.ts";
import { checkBytes, checkNames, checkOneOf, type Names } from "../values.ts";
import { Inflater, type ZlibFormat } from "./inflater.ts";

/** The options of {@linkcode Inflate}. */
export interface InflateOptions {
  /** The wrapper around the deflate blocks; default `"zlib"`. */
  readonly format?: ZlibFormat;
  /**
   * Preset dictionary. A zlib stream that needs a dictionary must need this one; a
   * stream that needs none is decompressed without it. A raw stream has no header,
   * so it always uses the dictionary.
   */
  readonly dictionary?: Uint8Array;
  /** Maximum length of the decompressed stream in bytes; default no limit. */
  readonly maxOutput?: number;
}

const INFLATE_NAMES: Names<InflateOptions> = {
  format: true,
  dictionary: true,
  maxOutput: true,
};

/**
 * Decompresses a zlib (RFC 1950) or raw deflate (RFC 1951) stream that arrives in
 * chunks, cut anywhere.
 *
 * The window is 32 KiB, the largest that a sender can use. Input after the end of
 * the stream is not read; it is in {@linkcode Inflate.unused}.
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
  readonly #maxOutput: number;
  #left: number;

  /**
   * Creates an inflater at the start of a stream.
   *
   * @throws {InvalidArgumentError} `format` or the name of an option is unknown, `maxOutput` is not a whole number from 0 up, or `dictionary` is not a `Uint8Array`.
   */
  constructor(options: InflateOptions = {}) {
    checkNames("an Inflate", options, INFLATE_NAMES);
    const { format = "zlib", dictionary, maxOutput = Infinity } = options;
    checkOneOf("format", format, ["zlib", "raw"]);
    if (dictionary !== undefined) checkBytes("dictionary", dictionary);
    if (maxOutput !== Infinity) {
      checkWhole("maxOutput", maxOutput, 0, Number.MAX_SAFE_INTEGER);
    }
    this.#maxOutput = maxOutput;
    this.#left = maxOutput;
    this.#inflater = new Inflater(options);
  }

  /** Whether the stream is complete: its end was read and its checksum was correct. */
  get finished(): boolean {
    return this.#inflater.finished;
  }

  /** The bytes of the last `push` after the end of the stream: a view into its `data`, empty before the end. */
  get unused(): Uint8Array {
    return this.#inflater.unused;
  }

  /**
   * Decompresses the next chunk.
   *
   * @param data Any number of bytes of the stream.
   * @returns All output that can be decompressed so far and was not returned before.
   * @throws {InvalidArgumentError} `data` is not a `Uint8Array`, or its buffer was transferred.
   * @throws {ZlibError} The stream is corrupt, needs another dictionary, or its
   * output exceeds `maxOutput` bytes. `offset` says where, in bytes from the start
   * of the stream. Every later call throws the same error.
   */
  push(data: Uint8Array): Uint8Array<ArrayBuffer> {
    checkBytes("data", data);
    const inflater = this.#inflater;
    inflater.feed(data);
    if (!inflater.inflate(this.#left)) {
      throw inflater.fail(
        `decompressed output is longer than maxOutput, ${this.#maxOutput} bytes`,
      );
    }
    const output = inflater.take();
    this.#left -= output.length;
    return output;
  }
}

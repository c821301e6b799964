/**
 * Compression of whole bodies with the platform's `CompressionStream` and
 * `DecompressionStream`.
 *
 * @module
 */

import { collect, concat } from "../bytes.ts";
import { InvalidArgumentError, ZlibError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";
import { checkBytes, checkNames, checkOneOf } from "../values.ts";
import { adler32 } from "./adler32.ts";

/**
 * A compression format under its HTTP content-coding name (RFC 9110, section
 * 8.4.1). `"deflate"` is the zlib format.
 */
export type BodyEncoding = "gzip" | "deflate";

const ENCODINGS: readonly BodyEncoding[] = ["gzip", "deflate"];

/** The options of {@linkcode decompress}. */
export interface DecompressOptions {
  /** Maximum length of the decompressed body in bytes, 0 to 2^53-1; default `Infinity`, no limit. */
  readonly maxOutput?: number;
}

/**
 * Compresses a whole body.
 *
 * @param data The body, as bytes or as a stream of bytes.
 * @param encoding The compression format.
 * @returns The compressed body.
 * @throws {InvalidArgumentError} `encoding` is unknown, or `data` is neither bytes nor a stream of bytes.
 *
 * @example
 * ```ts
 * import { compress, decompress } from "@spdy/spdy/zlib";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const body = new TextEncoder().encode("a body");
 * const packed = await compress(body, "gzip");
 * assertEquals(await decompress(packed, "gzip"), body);
 * ```
 */
export async function compress(
  data: Uint8Array | ReadableStream<Uint8Array>,
  encoding: BodyEncoding,
): Promise<Uint8Array<ArrayBuffer>> {
  checkOneOf("encoding", encoding, ENCODINGS);
  const packed = pieces(data).pipeThrough(new CompressionStream(encoding));
  return concat(await Array.fromAsync(packed));
}

/**
 * Decompresses a whole body. Truncated input is an error, and so is extra input
 * after the end of the compressed data, such as a second gzip member.
 *
 * @param data The compressed body, as bytes or as a stream of bytes.
 * @param encoding The compression format.
 * @returns The decompressed body.
 * @throws {ZlibError} The body is corrupt, or its output is longer than `maxOutput`.
 * @throws {InvalidArgumentError} `encoding` or the name of an option is unknown, `maxOutput` is not a whole number from 0 up, or `data` is neither bytes nor a stream of bytes.
 *
 * @example
 * ```ts
 * import { compress, decompress, ZlibError } from "@spdy/spdy/zlib";
 * import { assertRejects } from "jsr:@std/assert@1";
 *
 * const packed = await compress(new Uint8Array(1_000_000), "deflate");
 * await assertRejects(() => decompress(packed.subarray(1), "deflate"), ZlibError);
 * await assertRejects(
 *   () => decompress(packed, "deflate", { maxOutput: 65536 }),
 *   ZlibError,
 * );
 * ```
 */
export async function decompress(
  data: Uint8Array | ReadableStream<Uint8Array>,
  encoding: BodyEncoding,
  options: DecompressOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkNames("decompress", options, { maxOutput: true });
  const { maxOutput = Infinity } = options;
  if (maxOutput !== Infinity) {
    checkWhole("maxOutput", maxOutput, 0, Number.MAX_SAFE_INTEGER);
  }
  return await collect(
    decompressStream(pieces(data), encoding),
    maxOutput,
    () =>
      new ZlibError(`body is longer than maxOutput, ${maxOutput} bytes`, {
        initiator: "remote",
      }),
  );
}

/**
 * Decompresses a stream, with back-pressure.
 *
 * @param stream The compressed body. If it fails, the returned stream fails with the same error.
 * @param encoding The compression format.
 * @returns The decompressed body. It fails with a {@linkcode ZlibError} if the compressed data is corrupt.
 * @throws {InvalidArgumentError} `encoding` is unknown, or `stream` is not a `ReadableStream`.
 *
 * @example
 * ```ts
 * import { compress, decompressStream } from "@spdy/spdy/zlib";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const packed = await compress(new TextEncoder().encode("a body"), "gzip");
 * const stream = decompressStream(ReadableStream.from([packed]), "gzip");
 * assertEquals(await new Response(stream).text(), "a body");
 * ```
 */
export function decompressStream(
  stream: ReadableStream<Uint8Array>,
  encoding: BodyEncoding,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  checkOneOf("encoding", encoding, ENCODINGS);
  checkStream("stream", stream);
  return decodeStream(stream, encoding, false);
}

/**
 * Does what {@linkcode decompressStream} does, without checking the arguments. With
 * `mayBeEmpty`, a body of no bytes at all is valid and stays empty.
 */
export function decodeStream(
  stream: ReadableStream<Uint8Array>,
  encoding: BodyEncoding,
  mayBeEmpty: boolean,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = new WatchedSource(stream);
  const reader = source.readable.pipeThrough(new DecompressionStream(encoding))
    .getReader();
  let sum = 1;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const { value } = await reader.read().catch((error) => {
        if (mayBeEmpty && source.isEmpty) return { value: undefined };
        if (source.failed) throw error;
        throw source.isEmpty ? truncated(0) : corrupt(error);
      });
      if (value !== undefined) {
        if (encoding === "deflate") sum = adler32(value, sum);
        return controller.enqueue(value);
      }
      const isComplete = encoding === "gzip" || source.endsWith(sum) ||
        mayBeEmpty && source.isEmpty;
      if (!isComplete) throw truncated(source.length);
      controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/**
 * A source of bytes that records how it ended. Cancelling it cancels the stream at once,
 * also while a read waits: a generator would wait for the next chunk first.
 */
class WatchedSource {
  /** The bytes, none of them in shared memory. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Whether reading the source failed. */
  failed = false;
  /** How many bytes were read. */
  length = 0;
  #ended = false;
  /** The last four bytes read, big-endian. */
  #tail = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    const reader = stream.getReader();
    this.readable = new ReadableStream({
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          this.#ended = done;
          if (done) controller.close();
          else controller.enqueue(this.#note(ownBytes(value)));
        } catch (error) {
          this.failed = true;
          // A chunk was not bytes, or the stream has failed.
          reader.cancel(error).catch(() => {});
          throw error;
        }
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  /** Whether it ended without a byte. */
  get isEmpty(): boolean {
    return this.#ended && this.length === 0;
  }

  /**
   * Whether a zlib stream with this Adler-32 of its output is complete (RFC 1950 2.2).
   * Deno's `DecompressionStream` accepts a truncated one.
   */
  endsWith(sum: number): boolean {
    return this.#tail === sum && this.length >= LEAST_ZLIB_STREAM;
  }

  #note(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.length += bytes.length;
    for (const byte of bytes.subarray(-4)) {
      this.#tail = (this.#tail << 8 | byte) >>> 0;
    }
    return bytes;
  }
}

/** How Deno's `DecompressionStream` says that its input continues after the end. */
const CONTINUES = "failed to write whole buffer";

function corrupt(error: unknown): ZlibError {
  const message = error instanceof Error ? error.message : String(error);
  const reason = message === CONTINUES
    ? "bytes follow the end of the compressed data (a second gzip member counts as such)"
    : message;
  return new ZlibError(`compressed body is corrupt: ${reason}`, {
    cause: error,
    initiator: "remote",
  });
}

function truncated(offset: number): ZlibError {
  return new ZlibError("compressed body is truncated", {
    offset,
    initiator: "remote",
  });
}

/** Bytes of the shortest zlib stream: header, an empty fixed block, Adler-32. */
const LEAST_ZLIB_STREAM = 8;

function pieces(
  data: Uint8Array | ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (data instanceof Uint8Array) checkBytes("data", data);
  else checkStream("data", data);
  return data instanceof Uint8Array
    ? ReadableStream.from([ownBytes(data)])
    : new WatchedSource(data).readable;
}

function checkStream(name: string, value: ReadableStream): void {
  if (value instanceof ReadableStream) return;
  throw new InvalidArgumentError(
    `${name} is not a ${name === "data" ? "Uint8Array or " : ""}ReadableStream`,
  );
}

/** Copies a view of shared memory, which the platform's streams do not accept. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  checkBytes("a chunk of the body", bytes);
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : bytes.slice();
}

/**
 * Compression of whole bodies with the platform's `CompressionStream` and
 * `DecompressionStream`.
 *
 * @module
 */

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
  return await collect(packed, Infinity);
}

/**
 * Decompresses a whole body. Truncated input is an error, and so is extra input
 * after the end of the compressed data.
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
  return await collect(decompressStream(pieces(data), encoding), maxOutput);
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
  const source = new WatchedSource(stream);
  const output = ReadableStream.from(source.chunks())
    .pipeThrough(new DecompressionStream(encoding));
  return ReadableStream.from(
    encoding === "gzip"
      ? translateErrors(output, source)
      : checkEnd(translateErrors(output, source), source),
  );
}

/** A source of compressed bytes that records how it ended. */
class WatchedSource {
  /** Whether the source failed or reading stopped before its end. */
  failed = false;
  /** The last four bytes read, big-endian. */
  tail = 0;
  /** How many bytes were read. */
  length = 0;
  readonly #stream: ReadableStream<Uint8Array>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = stream;
  }

  async *chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    let ended = false;
    try {
      for await (const chunk of this.#stream) {
        checkBytes("a chunk of the body", chunk);
        this.length += chunk.length;
        for (const byte of chunk.subarray(-4)) {
          this.tail = (this.tail << 8 | byte) >>> 0;
        }
        yield ownBytes(chunk);
      }
      ended = true;
    } finally {
      this.failed = !ended;
    }
  }
}

async function* translateErrors(
  output: ReadableStream<Uint8Array<ArrayBuffer>>,
  source: WatchedSource,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield* output;
  } catch (error) {
    if (source.failed) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ZlibError(`compressed body is corrupt: ${reason}`, {
      cause: error,
      initiator: "remote",
    });
  }
}

/**
 * Fails when the stream was truncated. Deno's DecompressionStream accepts a
 * truncated zlib stream; a complete one ends with the Adler-32 of the output
 * (RFC 1950, section 2.2).
 */
async function* checkEnd(
  output: AsyncIterable<Uint8Array<ArrayBuffer>>,
  source: WatchedSource,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let sum = 1;
  for await (const chunk of output) {
    sum = adler32(chunk, sum);
    yield chunk;
  }
  if (source.tail !== sum || source.length < LEAST_ZLIB_STREAM) {
    throw new ZlibError("compressed body is truncated", {
      offset: source.length,
      initiator: "remote",
    });
  }
}

/** Bytes of the shortest zlib stream: header, an empty fixed block, Adler-32. */
const LEAST_ZLIB_STREAM = 8;

function pieces(
  data: Uint8Array | ReadableStream<Uint8Array>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (data instanceof Uint8Array) checkBytes("data", data);
  else checkStream("data", data);
  return ReadableStream.from(
    data instanceof Uint8Array ? [ownBytes(data)] : mapBytes(data),
  );
}

function checkStream(name: string, value: ReadableStream): void {
  if (value instanceof ReadableStream) return;
  throw new InvalidArgumentError(
    `${name} is not a ${name === "data" ? "Uint8Array or " : ""}ReadableStream`,
  );
}

async function* mapBytes(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for await (const chunk of stream) yield ownBytes(chunk);
}

/** Copies a view of shared memory, which the platform's streams do not accept. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  checkBytes("a chunk of the body", bytes);
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : bytes.slice();
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  maxOutput: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxOutput) {
      throw new ZlibError(`body is longer than maxOutput, ${maxOutput} bytes`, {
        initiator: "remote",
      });
    }
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) {
    body.set(chunk, end);
    end += chunk.length;
  }
  return body;
}

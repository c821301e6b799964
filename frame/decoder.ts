/**
 * Bytes into frames.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
  InvalidArgumentError,
  type SpdyError,
  UnsupportedVersionError,
  ZlibError,
} from "../errors.ts";
import { checkBytes, checkOptions } from "../values.ts";
import { readUint16, readUint24 } from "./byte_reader.ts";
import { ByteWriter } from "./byte_writer.ts";
import {
  DATA,
  HEADERS,
  type ProtocolVersion,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
} from "./constants.ts";
import { FrameError } from "./frame_error.ts";
import type { FrameLimits } from "./limits.ts";
import { frameName } from "./names.ts";
import { FrameParser } from "./parser.ts";
import type { FrameSink } from "./sink.ts";
import type { Frame, HeaderBlockFrame, IgnoredFrame } from "./types.ts";

/** What {@linkcode FrameDecoder} takes besides the limits. */
export interface FrameDecoderOptions {
  /**
   * Called for each frame that `next` passes over: NOOP, CREDENTIAL, unknown
   * types, frames of another version. Called out of `push`, in wire order; an
   * exception out of it comes out of `push`.
   */
  readonly onIgnored?: (frame: IgnoredFrame) => void;
}

/**
 * What a decoder takes where its limits name nothing: a value of 65535 bytes,
 * which SPDY/2 can carry, has to fit in with its name. Sessions are stricter.
 */
const DECODER_LIMITS: FrameLimits = {
  maxHeaderBlock: 131072,
  maxHeaderValueLength: 131072,
};

/**
 * Decodes the frames of one direction of a connection from bytes cut anywhere.
 * It owns that direction's header decompression, so it must be given all of
 * them from the start.
 *
 * Frames own their memory: nothing refers to the pushed bytes. The headers of
 * a frame are sorted by name, a name with several values stands in the list
 * several times, and SPDY/2 names appear as their colon names. Values are
 * decoded as UTF-8; what is not UTF-8 becomes U+FFFD.
 *
 * Errors come out of {@linkcode next}, in the place of the frame, after the
 * frames before it. Each has `initiator` `"remote"` and says where the frame
 * begins.
 *
 * - Only the headers are at fault: {@linkcode FrameError} with `frame`, thrown
 *   once. The header compression is in step, and `next` goes on behind it.
 * - The frame cannot be read: {@linkcode FrameError} without `frame`,
 *   `ZlibError` or `UnsupportedVersionError`. Nothing behind it can be trusted:
 *   all later input is dropped, and `next` throws the same error for good.
 *
 * @example
 * ```ts
 * import { FrameDecoder, PING, PROTO_SPDY3 } from "@spdy/spdy/frame";
 * import { assert, assertEquals } from "jsr:@std/assert@1";
 *
 * const decoder = new FrameDecoder(PROTO_SPDY3);
 * decoder.push(Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0));
 * assertEquals(decoder.next(), undefined);
 * decoder.push(Uint8Array.of(0, 1));
 * const frame = decoder.next();
 * assert(frame?.frameType === PING && frame.uniqueId === 1);
 * ```
 */
export class FrameDecoder {
  /** Keeps its code, and that of what it is made of, compiled while no other is in use; see `zlib/deflate.ts`. */
  static readonly #kept: FrameDecoder = new FrameDecoder(3);

  readonly #parser: FrameParser;
  #queue: (Frame | FrameError)[] = [];
  #taken = 0;
  #failure: SpdyError | undefined;
  /** Payload of the DATA frame under way, as far as it came in earlier chunks. */
  #data: ByteWriter | undefined;

  /**
   * Makes a decoder at the start of its direction. The defaults of `limits`
   * are those of {@linkcode FrameLimits}, but for `maxHeaderBlock` and
   * `maxHeaderValueLength`: here they are 131072.
   *
   * Throws `UnsupportedVersionError` for an unknown version and
   * `InvalidArgumentError` for a limit out of range and an `onIgnored` that is
   * no function.
   */
  constructor(
    version: ProtocolVersion,
    limits: FrameLimits = {},
    options: FrameDecoderOptions = {},
  ) {
    checkOptions("limits", limits);
    checkOptions("options", options);
    const { onIgnored } = options;
    if (onIgnored !== undefined && typeof onIgnored !== "function") {
      throw new InvalidArgumentError("onIgnored is not a function");
    }
    this.#parser = new FrameParser(
      version,
      this.#makeSink(onIgnored),
      { ...DECODER_LIMITS, ...limits },
    );
  }

  /**
   * Reads the next bytes. What the peer sent is no reason to throw here.
   *
   * Throws `InvalidArgumentError` when `chunk` is not a `Uint8Array`, or its
   * buffer was transferred.
   */
  push(chunk: Uint8Array): void {
    checkBytes("chunk", chunk);
    this.#parser.push(chunk);
  }

  /**
   * The next frame; `undefined` when more bytes must come first.
   *
   * Throws a `SpdyError` in the place of a frame that is wrong; see the class.
   */
  next(): Frame | undefined {
    if (this.#taken < this.#queue.length) {
      const item = this.#queue[this.#taken++];
      if (this.#taken === this.#queue.length) {
        this.#queue = [];
        this.#taken = 0;
      }
      if (item instanceof FrameError) throw item;
      return item;
    }
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  #makeSink(onIgnored: FrameDecoderOptions["onIgnored"]): FrameSink {
    const ignore = (head: Uint8Array, payload: Uint8Array) =>
      onIgnored?.({
        type: readUint16(head, 2),
        version: readUint16(head, 0) & 0x7fff,
        flags: head[4],
        length: readUint24(head, 5),
        payload,
      });
    return {
      onControl: (frame) => this.#queue.push(frame),
      onInvalidHeaders: (frame, errorCode) =>
        this.#queue.push(this.#headersError(frame, errorCode)),
      onParseError: (type, head, _payload, errorCode, cause) => {
        this.#failure = this.#parseError(type, head, errorCode, cause);
        this.#parser.stop();
      },
      onUnknown: ignore,
      onIgnored: (_type, head, payload) => ignore(head, payload),
      onDataBegin: () => true,
      onDataChunk: (streamId, flags, chunk, remaining) =>
        this.#takeData(streamId, flags, chunk, remaining),
      onDataSkipped: () => {},
      onDataEnd: (streamId, flags, length) => {
        if (length === 0) this.#queueData(streamId, flags, new Uint8Array(0));
      },
    };
  }

  #takeData(
    streamId: number,
    flags: number,
    chunk: Uint8Array,
    remaining: number,
  ): void {
    if (remaining > 0) {
      this.#data ??= new ByteWriter(chunk.length);
      this.#data.append(chunk);
    } else if (this.#data === undefined) {
      this.#queueData(streamId, flags, chunk.slice());
    } else {
      this.#data.append(chunk);
      this.#queueData(streamId, flags, this.#data.view());
      this.#data = undefined;
    }
  }

  #queueData(streamId: number, flags: number, data: Uint8Array): void {
    this.#queue.push({ frameType: DATA, streamId, flags, data });
  }

  #headersError(frame: HeaderBlockFrame, errorCode: number): FrameError {
    const fault = errorCode === ERR_FRAME_TOO_LARGE
      ? "is above the limits"
      : "has a name or value that is not allowed";
    const offset = this.#parser.frameOffset;
    return new FrameError(
      `header block of ${
        frameName(frame.frameType)
      } for stream ${frame.streamId} at offset ${offset} ${fault}`,
      errorCode,
      { initiator: "remote", offset, frame },
    );
  }

  #parseError(
    type: number,
    head: Uint8Array,
    errorCode: number,
    cause: ZlibError | undefined,
  ): SpdyError {
    const offset = this.#parser.frameOffset;
    const where = `${frameName(type)} at offset ${offset}`;
    switch (errorCode) {
      case ERR_ZLIB:
        return new ZlibError(`header block of ${where}: ${cause?.message}`, {
          initiator: "remote",
          cause,
          offset: cause?.offset,
        });
      case ERR_UNSUPPORTED_VERSION:
        return new UnsupportedVersionError(
          `${where} has version ${readUint16(head, 0) & 0x7fff}`,
          { initiator: "remote" },
        );
      case ERR_FRAME_TOO_LARGE:
        return new FrameError(
          `${where}: more header bytes to be dropped than limits.maxDroppedHeaders`,
          errorCode,
          { initiator: "remote", offset },
        );
      default:
        return new FrameError(
          `${where}: ${describeLength(type, readUint24(head, 5))}`,
          errorCode,
          { initiator: "remote", offset },
        );
    }
  }
}

function describeLength(type: number, length: number): string {
  switch (type) {
    case SYN_STREAM:
    case SYN_REPLY:
    case HEADERS:
      return `the lengths in its header block do not fill its ${length} bytes`;
    case SETTINGS:
      return `length ${length} does not fit its count, or is above the limits`;
    default:
      return `length ${length} is not that of such a frame`;
  }
}

/**
 * Decodes bytes to frames.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
import {
  ERR_FRAME_TOO_LARGE,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
  InvalidArgumentError,
  type SpdyError,
  UnsupportedVersionError,
  ZlibError,
} from "../errors.ts";
import { checkBytes, checkNames } from "../values.ts";
import { readUint16, readUint24 } from "./byte_reader.ts";
import { ByteWriter } from "./byte_writer.ts";
import {
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "./constants.ts";
import type { ControlType } from "./control_frame.ts";
import { FrameError } from "./frame_error.ts";
import {
  DEFAULT_FRAME_LIMITS,
  type FrameLimits,
  resolveFrameLimits,
} from "./limits.ts";
import { frameName } from "./names.ts";
import { FrameParser } from "./parser.ts";
import type { FrameSink } from "./sink.ts";
import type { Frame, HeaderBlockFrame, IgnoredFrame } from "./types.ts";

/**
 * The options of {@linkcode FrameDecoder}, in addition to its limits.
 *
 * @category Frames
 */
export interface FrameDecoderOptions {
  /**
   * Called for each frame that `next` does not return: NOOP, CREDENTIAL, unknown
   * types, frames of another version. `push` calls it in wire order and throws
   * what it throws.
   */
  readonly onIgnored?: (frame: IgnoredFrame) => void;
}

/**
 * The decoder's defaults where they differ from {@linkcode FrameLimits}: a value of
 * 65535 bytes, the longest in SPDY/2, must fit together with its name. Sessions
 * are stricter.
 */
const DECODER_LIMITS: FrameLimits = {
  maxHeaderBlock: 131072,
  maxHeaderValueLength: 131072,
};

/** Number of frames that are taken from the front of the queue before the rest moves up. */
const MOST_TAKEN = 64;

/**
 * Decodes the frames of one direction of a connection from chunks cut anywhere.
 * It contains the header decompression of that direction, so it must receive all
 * bytes from the start.
 *
 * Frames own their memory: they do not refer to the pushed bytes. The headers of
 * a frame are sorted by name; a name with several values is in the list several
 * times; SPDY/2 names are replaced by the colon names of SPDY/3. Values are
 * decoded as UTF-8, and invalid UTF-8 becomes U+FFFD.
 *
 * {@linkcode next} throws an error where it would return the invalid frame, after
 * the frames before it. Each error has `initiator` `"remote"` and contains the
 * offset of the frame.
 *
 * - Only the headers are invalid: a {@linkcode FrameError} with `frame`, thrown
 *   once. The header compression is still in sync, and `next` continues with the
 *   following frame.
 * - The frame cannot be read: a {@linkcode FrameError} without `frame`, a
 *   `ZlibError` or an `UnsupportedVersionError`. The following bytes cannot be
 *   trusted, so the decoder drops all later input, and every later `next` throws
 *   the same error.
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
 *
 * @category Frames
 */
export class FrameDecoder {
  /** Whether the first decoder has kept the compiled code of this class. */
  static #isKept = false;

  readonly #parser: FrameParser;
  /** The next frame or error. Mostly the queue is empty. */
  #next: Frame | FrameError | undefined;
  /** The frames and errors after `#next`. */
  #queue: (Frame | FrameError)[] = [];
  #taken = 0;
  #failure: SpdyError | undefined;
  /** Payload of the current DATA frame that arrived in earlier chunks. */
  #data: ByteWriter | undefined;

  /**
   * Creates a decoder at the start of its direction. The defaults of `limits` are
   * those of {@linkcode FrameLimits}, except that `maxHeaderBlock` and
   * `maxHeaderValueLength` are 131072.
   *
   * Throws `UnsupportedVersionError` for an unknown version, and
   * `InvalidArgumentError` when a limit is out of range, a limit or an option does not
   * exist, or `onIgnored` is not a function.
   */
  constructor(
    version: ProtocolVersion,
    limits: FrameLimits = {},
    options: FrameDecoderOptions = {},
  ) {
    checkNames("limits", limits, DEFAULT_FRAME_LIMITS);
    checkNames("a FrameDecoder", options, { onIgnored: true });
    const { onIgnored } = options;
    if (onIgnored !== undefined && typeof onIgnored !== "function") {
      throw new InvalidArgumentError("onIgnored is not a function");
    }
    this.#parser = new FrameParser(
      version,
      this.#makeSink(onIgnored),
      resolveFrameLimits(limits, DECODER_LIMITS),
    );
    if (!FrameDecoder.#isKept) {
      FrameDecoder.#isKept = true;
      keepCompiledCode(new FrameDecoder(3));
    }
  }

  /**
   * Decodes the next bytes. Errors in them are thrown by {@linkcode next}, not here.
   *
   * Throws `InvalidArgumentError` when `chunk` is not a `Uint8Array`, or its
   * buffer was transferred.
   */
  push(chunk: Uint8Array): void {
    checkBytes("chunk", chunk);
    this.#parser.push(chunk);
  }

  /**
   * Returns the next frame; `undefined` when it needs more bytes.
   *
   * Throws a `SpdyError` for an invalid frame; see the class.
   */
  next(): Frame | undefined {
    const item = this.#next;
    if (item !== undefined) {
      this.#next = this.#queue.length > 0 ? this.#takeQueued() : undefined;
      if (item instanceof FrameError) throw item;
      return item;
    }
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  #takeQueued(): Frame | FrameError {
    const queue = this.#queue;
    const item = queue[this.#taken++];
    // Also while frames are left, because a caller that is always behind would keep
    // all frames. At least as many are dropped as move up, so this is O(1) per frame.
    if (
      this.#taken === queue.length ||
      this.#taken >= MOST_TAKEN && this.#taken * 2 > queue.length
    ) {
      this.#queue = queue.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  #add(item: Frame | FrameError): void {
    if (this.#next === undefined) this.#next = item;
    else this.#queue.push(item);
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
      onControl: (frame) => this.#add(frame),
      onInvalidHeaders: (frame, errorCode, exceeded) =>
        this.#add(this.#headersError(frame, errorCode, exceeded)),
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
    this.#add({ frameType: DATA, streamId, flags, data });
  }

  #headersError(
    frame: HeaderBlockFrame,
    errorCode: number,
    exceeded: keyof FrameLimits,
  ): FrameError {
    const fault = errorCode === ERR_FRAME_TOO_LARGE
      ? `is above the limits (${exceeded})`
      : "contains an invalid name or value";
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
    type: ControlType,
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
          `${where}: the dropped header blocks exceed limits.maxDroppedHeaders`,
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

function describeLength(type: ControlType, length: number): string {
  switch (type) {
    case SYN_STREAM:
    case SYN_REPLY:
    case HEADERS:
      return `its payload of ${length} bytes has no header block, or one whose lengths do not fill it exactly`;
    case SETTINGS:
      return `length ${length} does not match its count, or is above the limits`;
    case RST_STREAM:
    case PING:
    case GOAWAY:
    case WINDOW_UPDATE:
      return `length ${length} is wrong for this type`;
    default:
      return type satisfies never;
  }
}

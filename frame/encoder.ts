/**
 * Encodes frames to bytes.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { show } from "../values.ts";
import { ByteWriter } from "./byte_writer.ts";
import {
  DATA,
  GOAWAY,
  HEADERS,
  MAX_FRAME_LENGTH,
  PING,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "./constants.ts";
import { writeData } from "./data.ts";
import { closeFrame, FRAME_HEAD_LENGTH } from "./frame_head.ts";
import { writeGoaway } from "./goaway.ts";
import { checkLengthFields, headerBlockLength } from "./header_block.ts";
import type { HeaderBytes } from "./header_bytes.ts";
import { type CheckedHeaders, HeaderChecker } from "./header_checker.ts";
import { HeaderEncoder, type HeaderEncoderOptions } from "./header_encoder.ts";
import { wirePairs } from "./header_list.ts";
import { writePing } from "./ping.ts";
import { writeRstStream } from "./rst_stream.ts";
import { writeSettings } from "./settings.ts";
import { checkSynReply, writeSynReply } from "./syn_reply.ts";
import {
  checkSynStream,
  SYN_STREAM_FIXED_LENGTH,
  writeSynStream,
} from "./syn_stream.ts";
import type { CtrlFrame, Frame, HeaderBlockFrame, NameValue } from "./types.ts";
import { type VersionTraits, versionTraits } from "./version.ts";
import { writeWindowUpdate } from "./window_update.ts";

/** Largest memory that is kept between calls, bytes. */
const KEPT_CAPACITY = 65536;

/**
 * Encodes the frames of one direction of a connection. It contains the header
 * compression of that direction, so all encoded frames must be sent, in the order in
 * which they were encoded.
 *
 * The encoder ignores a frame's `version` and `length`, because it knows both.
 *
 * @example
 * ```ts
 * import { FrameEncoder, PING, PROTO_SPDY3 } from "@spdy/spdy/frame";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const encoder = new FrameEncoder(PROTO_SPDY3);
 * const bytes = encoder.encode({
 *   frameType: PING,
 *   version: 3,
 *   flags: 0,
 *   length: 4,
 *   uniqueId: 1,
 * });
 * assertEquals(bytes, Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1));
 * ```
 *
 * @category Frames
 */
export class FrameEncoder {
  readonly #traits: VersionTraits;
  readonly #headers: HeaderEncoder;
  /** For {@linkcode FrameEncoder.encode}, which a session does not call; `undefined` while it is used. */
  #arena: ByteWriter | undefined;
  /** Created with the first header block. */
  #checker: HeaderChecker | undefined;

  /**
   * Creates an encoder at the start of its direction.
   *
   * Throws `UnsupportedVersionError` for an unknown version and
   * `InvalidArgumentError` for an unknown compression policy.
   */
  constructor(version: ProtocolVersion, options: HeaderEncoderOptions = {}) {
    this.#traits = versionTraits(version);
    this.#headers = new HeaderEncoder(version, options);
  }

  /**
   * Returns the bytes of `frame`, a control frame or a DATA frame.
   *
   * Header names are converted to lower case and sorted; a value with NUL counts as
   * several values. SETTINGS entries keep their order.
   *
   * Throws `InvalidArgumentError` when a field is out of range, when the version
   * does not have the frame, and for header names and values that no SPDY peer
   * accepts. In that case nothing was compressed, so the encoder stays usable.
   */
  encode(frame: Frame): Uint8Array<ArrayBuffer> {
    if (typeof frame !== "object" || frame === null) {
      throw new InvalidArgumentError(`frame ${show(frame)} is not an object`);
    }
    if (frame.frameType === DATA) {
      const exact = new ByteWriter(0);
      writeData(exact, frame);
      return exact.bytes;
    }
    const arena = this.#arena ?? new ByteWriter();
    // A getter of the frame can call this method, which must not write to the same memory.
    this.#arena = undefined;
    arena.length = 0;
    if (hasHeaders(frame)) this.#encodeHeaders(arena, frame);
    else this.#appendPlain(arena, frame);
    if (arena.bytes.length <= KEPT_CAPACITY) this.#arena = arena;
    return arena.copy();
  }

  /**
   * Appends the bytes of `frame` to `out` and returns its payload length.
   *
   * For the session, which checks headers when they are submitted: `headers` are those
   * of the frame, which are sent instead of its `nv`. Throws as {@linkcode encode} does;
   * checked headers can only be too large.
   *
   * @ignore
   */
  append(out: ByteWriter, frame: CtrlFrame, headers?: CheckedHeaders): number {
    const start = out.length;
    if (!hasHeaders(frame)) {
      this.#appendPlain(out, frame);
    } else if (headers !== undefined) {
      this.#appendHeaders(out, frame, headers);
    } else {
      this.#encodeHeaders(out, frame);
    }
    return out.length - start - FRAME_HEAD_LENGTH;
  }

  /**
   * The total length of the header blocks encoded so far.
   *
   * @ignore
   */
  get headerBytes(): Readonly<HeaderBytes> {
    return this.#headers.bytes;
  }

  /**
   * Releases most of the memory of the header compression.
   *
   * @ignore
   */
  shrink(): void {
    this.#headers.shrink();
  }

  #encodeHeaders(out: ByteWriter, frame: HeaderBlockFrame): void {
    this.#checker ??= new HeaderChecker("wire");
    this.#appendHeaders(out, frame, this.#checker.check(frame.nv));
  }

  #appendPlain(out: ByteWriter, frame: PlainFrame): void {
    const traits = this.#traits;
    switch (frame.frameType) {
      case RST_STREAM:
        return writeRstStream(out, traits, frame);
      case SETTINGS:
        return writeSettings(out, traits, frame);
      case PING:
        return writePing(out, traits, frame);
      case GOAWAY:
        return writeGoaway(out, traits, frame);
      case WINDOW_UPDATE:
        return writeWindowUpdate(out, traits, frame);
      default:
        return refuseType(frame);
    }
  }

  #appendHeaders(
    out: ByteWriter,
    frame: HeaderBlockFrame,
    { pairs: checked, repeats }: CheckedHeaders,
  ): void {
    const traits = this.#traits;
    const isSynStream = frame.frameType === SYN_STREAM;
    if (isSynStream) checkSynStream(traits, frame);
    else checkSynReply(frame);
    const pairs = repeats || traits.renamesHeaders
      ? wirePairs(checked, traits)
      : checked;
    checkLengthFields(pairs, traits);
    const atMost = this.#checkRoom(pairs);
    const start = out.length;
    if (isSynStream) writeSynStream(out, traits, frame);
    else writeSynReply(out, traits, frame);
    this.#headers.encode(pairs, out, atMost);
    closeFrame(out, start);
  }

  /**
   * Throws when the block might not fit the 24-bit length of a frame, before it
   * changes the state of the compressor. Returns the length of the block, or an
   * upper bound.
   */
  #checkRoom(pairs: readonly NameValue[]): number {
    const room = MAX_FRAME_LENGTH - SYN_STREAM_FIXED_LENGTH;
    const most = this.#headers.boundLength(pairs);
    if (this.#headers.maxEncodedLength(most) <= room) return most;
    const exact = headerBlockLength(pairs, this.#traits, true);
    if (this.#headers.maxEncodedLength(exact) <= room) return exact;
    throw new InvalidArgumentError(
      `header block of ${exact} bytes can be too long for a frame of at most ${MAX_FRAME_LENGTH} bytes`,
    );
  }
}

/** A control frame without headers. */
type PlainFrame = Exclude<CtrlFrame, HeaderBlockFrame>;

function hasHeaders(frame: CtrlFrame): frame is HeaderBlockFrame {
  const { frameType } = frame;
  return frameType === SYN_STREAM || frameType === SYN_REPLY ||
    frameType === HEADERS;
}

function refuseType(frame: never): never {
  const { frameType } = frame as { frameType?: unknown };
  throw new InvalidArgumentError(`frameType ${show(frameType)} cannot be sent`);
}

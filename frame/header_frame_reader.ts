/**
 * Reads the frames with a header block: SYN_STREAM, SYN_REPLY and HEADERS.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_INVALID_HEADER_BLOCK,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
  type ZlibError,
} from "../errors.ts";
import { readInt32, readUint16 } from "./byte_reader.ts";
import { writeUint32 } from "./byte_writer.ts";
import { SYN_STREAM } from "./constants.ts";
import { type HeaderType, makeHeaderFrame } from "./control_frame.ts";
import { controlHead } from "./frame_head.ts";
import type { HeaderBytes } from "./header_bytes.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import type { FrameLimits } from "./limits.ts";
import type { ControlSink } from "./sink.ts";
import { SYN_STREAM_FIXED_LENGTH } from "./syn_stream.ts";
import type { HeaderBlockFrame, NameValue } from "./types.ts";
import { type VersionTraits, wireTraits } from "./version.ts";

const NO_BYTES = new Uint8Array(0);
/** Where {@linkcode HeaderFrameReader} puts the fixed part of a frame to read it. */
const fixed = new Uint8Array(SYN_STREAM_FIXED_LENGTH);

/**
 * Reads one frame after another: first the fixed part, which is what precedes the header
 * block, then the block in pieces as they arrive. Passes the frame to the sink when it
 * ends, or an error as soon as there is one.
 */
export class HeaderFrameReader {
  readonly #traits: VersionTraits;
  readonly #limits: Required<FrameLimits>;
  readonly #sink: ControlSink;
  readonly #blocks: HeaderDecoder;

  #type: HeaderType = SYN_STREAM;
  #version = 0;
  #flags = 0;
  #length = 0;
  /** Length of the fixed part that the frame's type and version have, bytes. */
  #fixedLength = 0;
  // The fixed part as numbers: each array takes 330 bytes of every connection.
  #firstWord = 0;
  #secondWord = 0;
  #lastBytes = 0;

  /** Creates a reader at the start of its direction. `traits` are those of the session. */
  constructor(
    traits: VersionTraits,
    limits: Required<FrameLimits>,
    sink: ControlSink,
  ) {
    this.#traits = traits;
    this.#limits = limits;
    this.#sink = sink;
    this.#blocks = new HeaderDecoder(traits, limits);
  }

  /** The header blocks decoded so far. */
  get headerBytes(): Readonly<HeaderBytes> {
    return this.#blocks.bytes;
  }

  /** Forgets the last source of {@linkcode readBlock}. */
  forgetSource(): void {
    this.#blocks.forgetSource();
  }

  /** Begins a frame; returns how many bytes {@linkcode readFixed} needs. */
  begin(
    type: HeaderType,
    version: number,
    flags: number,
    length: number,
  ): number {
    this.#type = type;
    this.#version = version;
    this.#flags = flags;
    this.#length = length;
    // The layout depends on the frame's version, not on the session's;
    // spdylay reads unknown versions as SPDY/3.
    this.#fixedLength = type === SYN_STREAM
      ? SYN_STREAM_FIXED_LENGTH
      : wireTraits(version)?.replyFixedLength ?? 4;
    return this.#availableFixed();
  }

  /** Length of the fixed part; a frame may be too short to have all of it. */
  #availableFixed(): number {
    return Math.min(this.#fixedLength, this.#length);
  }

  /**
   * Reads the fixed part at `source[at]`. Returns true if the header block follows, and
   * false if the frame is invalid: then the sink was told, and the rest is to be skipped.
   */
  readFixed(source: Uint8Array, at: number): boolean {
    this.#keepFixed(source, at, this.#availableFixed());
    if (this.#length <= this.#fixedLength) {
      // A header block is never empty: it contains at least its count (2.6.10).
      this.#fail(ERR_INVALID_FRAME);
      return false;
    }
    if (wireTraits(this.#version) === undefined) {
      this.#fail(ERR_UNSUPPORTED_VERSION);
      return false;
    }
    this.#blocks.begin(this.#length > this.#limits.maxControlFrameLength);
    return true;
  }

  /** Keeps the fixed part, `size` bytes of the source, until the header block has arrived. */
  #keepFixed(source: Uint8Array, at: number, size: number): void {
    for (let index = 0; index < fixed.length; index++) {
      fixed[index] = index < size ? source[at + index] : 0;
    }
    this.#firstWord = readInt32(fixed, 0);
    this.#secondWord = readInt32(fixed, 4);
    this.#lastBytes = readUint16(fixed, 8);
  }

  /** The fixed part, valid until any reader's next one. */
  #fixedPart(): Uint8Array {
    writeUint32(fixed, 0, this.#firstWord);
    writeUint32(fixed, 4, this.#secondWord);
    fixed[8] = this.#lastBytes >>> 8;
    fixed[9] = this.#lastBytes;
    return fixed;
  }

  /**
   * Reads the next piece of the header block, `source[from..to)`; `remaining` bytes of
   * the frame follow. Returns true if it expects them, and false if they are to be
   * skipped: then the sink was told of an error or, at the end, of the frame.
   */
  readBlock(
    source: Uint8Array,
    from: number,
    to: number,
    remaining: number,
  ): boolean {
    const fault = this.#blocks.push(source, from, to);
    if (fault === ERR_FRAME_TOO_LARGE) {
      this.#fail(fault);
      return false;
    }
    if (fault !== undefined) {
      this.#fail(ERR_ZLIB, fault);
      return false;
    }
    if (remaining > 0) return true;
    this.#finish(wireTraits(this.#version) ?? this.#traits);
    return false;
  }

  #finish(traits: VersionTraits): void {
    const { errorCode, nv } = this.#blocks.finish(traits);
    switch (errorCode) {
      case ERR_INVALID_FRAME:
        this.#fail(errorCode);
        return;
      case ERR_INVALID_HEADER_BLOCK:
      case ERR_FRAME_TOO_LARGE:
        this.#sink.onInvalidHeaders(this.#makeFrame(traits, nv), errorCode);
        return;
      case 0:
        if (
          traits.wireVersion !== this.#traits.wireVersion &&
          this.#type !== SYN_STREAM
        ) {
          this.#sink.onIgnored(this.#type, this.#headBytes(), NO_BYTES);
        } else {
          this.#sink.onControl(this.#makeFrame(traits, nv));
        }
    }
  }

  #makeFrame(traits: VersionTraits, nv: NameValue[]): HeaderBlockFrame {
    return makeHeaderFrame(
      this.#type,
      traits,
      this.#flags,
      this.#fixedPart(),
      this.#length,
      nv,
    );
  }

  /** Reports a frame that cannot be read. */
  #fail(errorCode: number, cause?: ZlibError): void {
    this.#sink.onParseError(
      this.#type,
      this.#headBytes(),
      this.#fixedPart().slice(0, this.#availableFixed()),
      errorCode,
      cause,
    );
  }

  #headBytes(): Uint8Array {
    return controlHead(this.#version, this.#type, this.#flags, this.#length);
  }
}

/**
 * Reads frames from chunks of bytes and passes them to a sink. `Session` and
 * `FrameDecoder` both use it.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_INVALID_HEADER_BLOCK,
  ERR_INVALID_STATE,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
  SpdyError,
  type ZlibError,
} from "../errors.ts";
import { LONG_COUNT } from "../numbers.ts";
import { plainView } from "../values.ts";
import {
  readInt32,
  readUint16,
  readUint24,
  readUint31,
} from "./byte_reader.ts";
import { ByteWriter } from "./byte_writer.ts";
import {
  HEADERS,
  type ProtocolVersion,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
} from "./constants.ts";
import { type HeaderType, makeHeaderFrame } from "./control_frame.ts";
import { controlHead, fixedPartOf, FRAME_HEAD_LENGTH } from "./frame_head.ts";
import type { HeaderBytes } from "./header_bytes.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import { type FrameLimits, resolveFrameLimits } from "./limits.ts";
import { passPlainFrame } from "./plain_frame.ts";
import { settingsLength } from "./settings.ts";
import type { ControlSink, DataSink, FrameSink } from "./sink.ts";
import { SYN_STREAM_FIXED_LENGTH } from "./syn_stream.ts";
import type { HeaderBlockFrame, NameValue } from "./types.ts";
import { type VersionTraits, versionTraits, wireTraits } from "./version.ts";

/** The part of a frame that the next byte belongs to. */
type State = "head" | "payload" | "fixed" | "block" | "data" | "skip" | "stop";

const NO_BYTES = new Uint8Array(0);
/** The buffer of all parsers that have received no part of a frame yet; it stays empty. */
const NOTHING_HELD = new ByteWriter(0);
/** Where {@linkcode FrameParser} puts the fixed part of a frame to read it. */
const fixed = new Uint8Array(SYN_STREAM_FIXED_LENGTH);
/** Capacity kept between frames whose payload is in several chunks, bytes. */
const KEPT_CAPACITY = 4096;

/**
 * Push parser for one direction of a connection. It contains the header
 * decompression of that direction. It buffers no DATA, and of one control frame
 * only bytes that have arrived and are within the limits.
 */
export class FrameParser {
  readonly #traits: VersionTraits;
  readonly #sink: ControlSink;
  readonly #dataSink: DataSink;
  readonly #limits: Required<FrameLimits>;
  readonly #headers: HeaderDecoder;

  #chunk: Uint8Array = NO_BYTES;
  #at = 0;
  /** Total length of all earlier chunks, bytes. */
  #base = LONG_COUNT;
  #frameOffset = LONG_COUNT;
  /** The array that contains the bytes which `#collect` returned. */
  #source: Uint8Array = NO_BYTES;
  #state: State = "head";
  /** Head or payload bytes of the current frame that arrived in earlier chunks. */
  #held: ByteWriter = NOTHING_HELD;
  /** Payload bytes of the current frame that have not arrived yet. */
  #remaining = 0;

  // The fixed part of a frame with a header block, as numbers: each array takes 330 bytes
  // of every connection.
  #firstWord = 0;
  #secondWord = 0;
  #lastBytes = 0;
  #fixedLength = 0;
  #type = 0;
  /** `#type` of the last frame with a header block. */
  #headerType: HeaderType = SYN_STREAM;
  #version = 0;
  #flags = 0;
  #length = 0;
  #streamId = 0;
  #admitted = false;

  /**
   * Creates a parser at the start of its direction. DATA goes to `sink` as well,
   * unless there is a `dataSink`.
   *
   * Throws `UnsupportedVersionError` for an unknown version and
   * `InvalidArgumentError` for a limit out of range.
   */
  constructor(version: ProtocolVersion, sink: FrameSink, limits?: FrameLimits);
  constructor(
    version: ProtocolVersion,
    sink: ControlSink,
    limits: FrameLimits,
    dataSink: DataSink,
  );
  constructor(
    version: ProtocolVersion,
    sink: FrameSink,
    limits: FrameLimits = {},
    dataSink: DataSink = sink,
  ) {
    this.#traits = versionTraits(version);
    this.#sink = sink;
    this.#dataSink = dataSink;
    this.#limits = resolveFrameLimits(limits);
    this.#headers = new HeaderDecoder(this.#traits, this.#limits);
  }

  /** The total length of the header blocks decoded so far. */
  get headerBytes(): Readonly<HeaderBytes> {
    return this.#headers.bytes;
  }

  /** Releases most of the memory of the header decompression. */
  shrink(): void {
    this.#headers.shrink();
  }

  /** Offset of the current frame, in bytes from the start of the direction. */
  get frameOffset(): number {
    return this.#frameOffset + 0;
  }

  /**
   * Offset of a control frame that has arrived only in part, in bytes from the
   * start of the direction; -1 when there is none. It distinguishes a peer that
   * sends a control frame slowly from an idle one.
   */
  get unfinishedControl(): number {
    const state = this.#state;
    const under = state === "payload" || state === "fixed" ||
      state === "block" || state === "skip";
    return under ? this.#frameOffset : -1;
  }

  /** Stream of a DATA frame that has arrived only in part, and its missing bytes; 0 and 0 for none. */
  get unfinishedData(): { streamId: number; remaining: number } {
    return this.#state === "data"
      ? { streamId: this.#streamId, remaining: this.#remaining }
      : { streamId: 0, remaining: 0 };
  }

  /**
   * Reads all of `chunk` and calls the sink in wire order. Invalid input is
   * reported to the sink and never thrown.
   *
   * When the sink throws, the parser first reads the rest of `chunk` and then
   * rethrows the last exception. Throws `SpdyError` (`ERR_INVALID_STATE`) when the
   * sink calls it.
   */
  push(chunk: Uint8Array): void {
    if (this.#chunk !== NO_BYTES) {
      throw new SpdyError(
        "push() was called by a callback of push(): call it after push() has returned",
        ERR_INVALID_STATE,
      );
    }
    if (chunk.length === 0) return;
    this.#chunk = plainView(chunk);
    this.#at = 0;
    try {
      this.#run();
    } finally {
      this.#base += chunk.length;
      this.#chunk = NO_BYTES;
      this.#headers.forgetSource();
      this.#source = NO_BYTES;
    }
  }

  /**
   * Discards the rest of the current chunk and all later input. The sink may call
   * it and is not called again.
   */
  stop(): void {
    this.#state = "stop";
    this.#held = NOTHING_HELD;
  }

  #run(): void {
    let thrown: { readonly error: unknown } | undefined;
    for (;;) {
      const at = this.#at;
      const state = this.#state;
      try {
        while (this.#step());
        break;
      } catch (error) {
        // Each step updates the state before it calls the sink, so a sink that
        // throws loses no byte. An exception without a change of state is a fault
        // of this class: trying again would not end.
        if (at === this.#at && state === this.#state) throw error;
        thrown = { error };
      }
    }
    if (thrown !== undefined) throw thrown.error;
  }

  /** Reads the next part of a frame; returns false when it needs more bytes. */
  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead();
      case "payload":
        return this.#readPayload();
      case "fixed":
        return this.#readFixed();
      case "block":
        return this.#readBlock();
      case "data":
        return this.#readData();
      case "skip":
        return this.#skip();
      case "stop":
        return false;
    }
  }

  /**
   * Collects `length` bytes and returns their offset in `#source`, which is the
   * chunk itself when it contains them all, else `#held`. Returns -1 when more
   * bytes must arrive.
   */
  #collect(length: number): number {
    let held = this.#held;
    const available = this.#chunk.length - this.#at;
    const missing = length - held.length;
    if (held.length === 0 && available >= length) {
      this.#source = this.#chunk;
      this.#at += length;
      return this.#at - length;
    }
    // The usual case: the chunk ends with the end of a frame.
    if (available === 0) return -1;
    if (held === NOTHING_HELD) held = this.#held = new ByteWriter(64);
    const size = Math.min(available, missing);
    held.append(this.#chunk.subarray(this.#at, this.#at + size));
    this.#at += size;
    if (size < missing) return -1;
    this.#source = held.bytes;
    if (held.bytes.length > KEPT_CAPACITY) this.#held = NOTHING_HELD;
    else held.length = 0;
    return 0;
  }

  #readHead(): boolean {
    const at = this.#collect(FRAME_HEAD_LENGTH);
    if (at < 0) return false;
    const source = this.#source;
    this.#frameOffset = this.#base + this.#at - FRAME_HEAD_LENGTH;
    this.#flags = source[at + 4];
    this.#length = readUint24(source, at + 5);
    if (source[at] < 0x80) {
      this.#beginData(readUint31(source, at));
    } else {
      this.#type = readUint16(source, at + 2);
      this.#version = readUint16(source, at) & 0x7fff;
      this.#beginControl();
    }
    return true;
  }

  /** The head of the current control frame. */
  #headBytes(): Uint8Array {
    return controlHead(this.#version, this.#type, this.#flags, this.#length);
  }

  #beginData(streamId: number): void {
    this.#streamId = streamId;
    this.#remaining = this.#length;
    this.#admitted = false;
    this.#state = "data";
    this.#admitted = this.#dataSink.onDataBegin(
      streamId,
      this.#flags,
      this.#length,
    );
  }

  #readData(): boolean {
    const size = Math.min(this.#remaining, this.#chunk.length - this.#at);
    if (size > 0) {
      const at = this.#at;
      this.#at += size;
      this.#remaining -= size;
      if (this.#admitted) {
        this.#dataSink.onDataChunk(
          this.#streamId,
          this.#flags,
          this.#chunk.subarray(at, at + size),
          this.#remaining,
        );
      } else {
        this.#dataSink.onDataSkipped(
          this.#streamId,
          this.#flags,
          size,
          this.#remaining,
        );
      }
      return true;
    }
    if (this.#remaining > 0) return false;
    this.#state = "head";
    this.#dataSink.onDataEnd(this.#streamId, this.#flags, this.#length);
    return true;
  }

  #beginControl(): void {
    switch (this.#type) {
      case SYN_STREAM:
        this.#headerType = SYN_STREAM;
        this.#fixedLength = SYN_STREAM_FIXED_LENGTH;
        this.#state = "fixed";
        return;
      case SYN_REPLY:
      case HEADERS:
        this.#headerType = this.#type;
        // The layout depends on the frame's version, not on the session's;
        // spdylay reads unknown versions as SPDY/3.
        this.#fixedLength = wireTraits(this.#version)?.replyFixedLength ?? 4;
        this.#state = "fixed";
        return;
      default:
        if (this.#length <= this.#payloadLimit()) {
          this.#state = "payload";
        } else {
          // A frame above the limit is handled as an empty one (spdylay).
          this.#beginSkip(this.#length);
          this.#finishPlain(NO_BYTES, 0, 0);
        }
    }
  }

  #payloadLimit(): number {
    const { maxControlFrameLength, maxSettingsEntries } = this.#limits;
    return this.#type === SETTINGS
      ? Math.min(maxControlFrameLength, settingsLength(maxSettingsEntries))
      : maxControlFrameLength;
  }

  #beginSkip(length: number): void {
    this.#remaining = length;
    this.#state = length > 0 ? "skip" : "head";
  }

  #skip(): boolean {
    const size = Math.min(this.#remaining, this.#chunk.length - this.#at);
    this.#at += size;
    this.#remaining -= size;
    if (this.#remaining > 0) return false;
    this.#state = "head";
    return true;
  }

  #readPayload(): boolean {
    const at = this.#collect(this.#length);
    if (at < 0) return false;
    this.#state = "head";
    this.#finishPlain(this.#source, at, this.#length);
    return true;
  }

  /** Passes a control frame without a header block to the sink; its payload is `payload[at..at+size)`. */
  #finishPlain(payload: Uint8Array, at: number, size: number): void {
    const head = {
      type: this.#type,
      version: this.#version,
      flags: this.#flags,
      length: this.#length,
    };
    passPlainFrame(this.#sink, this.#traits, head, payload, at, size);
  }

  #readFixed(): boolean {
    const size = Math.min(this.#fixedLength, this.#length);
    const at = this.#collect(size);
    if (at < 0) return false;
    this.#keepFixed(at, size);
    this.#beginSkip(this.#length - size);
    if (this.#length <= this.#fixedLength) {
      // A header block is never empty: it contains at least its count (2.6.10).
      this.#failHeaders(ERR_INVALID_FRAME);
    } else if (wireTraits(this.#version) === undefined) {
      this.#failHeaders(ERR_UNSUPPORTED_VERSION);
    } else {
      this.#state = "block";
      this.#headers.begin(this.#length > this.#limits.maxControlFrameLength);
    }
    return true;
  }

  /**
   * Keeps the fixed part, `size` bytes of the source, until the header block has arrived.
   * If it is too short for one of the numbers, that number is not used.
   */
  #keepFixed(at: number, size: number): void {
    const source = this.#source;
    // This applies to all frames except SPDY/2 replies and frames that are too short.
    // Without copying the bytes, decoding takes 3 % less time.
    if (size === SYN_STREAM_FIXED_LENGTH || size === 4) {
      this.#firstWord = readInt32(source, at);
      if (size === 4) return;
      this.#secondWord = readInt32(source, at + 4);
      this.#lastBytes = readUint16(source, at + 8);
      return;
    }
    for (let index = 0; index < fixed.length; index++) {
      fixed[index] = index < size ? source[at + index] : 0;
    }
    this.#firstWord = readInt32(fixed, 0);
    this.#secondWord = readInt32(fixed, 4);
    this.#lastBytes = readUint16(fixed, 8);
  }

  /** Reports a frame whose header block cannot be read; the rest of the frame is skipped. */
  #failHeaders(errorCode: number, cause?: ZlibError): void {
    const fixedPart = fixedPartOf(
      Math.min(this.#fixedLength, this.#length),
      this.#firstWord,
      this.#secondWord,
      this.#lastBytes,
    );
    const head = this.#headBytes();
    this.#sink.onParseError(
      this.#headerType,
      head,
      fixedPart,
      errorCode,
      cause,
    );
  }

  #readBlock(): boolean {
    const size = Math.min(this.#remaining, this.#chunk.length - this.#at);
    if (size === 0) return false;
    const at = this.#at;
    this.#at += size;
    const fault = this.#headers.push(this.#chunk, at, at + size);
    this.#beginSkip(this.#remaining - size);
    if (fault === ERR_FRAME_TOO_LARGE) {
      this.#failHeaders(fault);
    } else if (fault !== undefined) {
      this.#failHeaders(ERR_ZLIB, fault);
    } else if (this.#remaining > 0) {
      this.#state = "block";
    } else {
      this.#finishBlock(wireTraits(this.#version) ?? this.#traits);
    }
    return true;
  }

  #finishBlock(traits: VersionTraits): void {
    const { errorCode, nv } = this.#headers.finish(traits);
    switch (errorCode) {
      case ERR_INVALID_FRAME:
        this.#failHeaders(errorCode);
        return;
      case ERR_INVALID_HEADER_BLOCK:
      case ERR_FRAME_TOO_LARGE:
        this.#sink.onInvalidHeaders(
          this.#headerFrame(traits, nv),
          errorCode,
          this.#headers.exceeded,
        );
        return;
      case 0:
        if (
          traits.wireVersion !== this.#traits.wireVersion &&
          this.#type !== SYN_STREAM
        ) {
          this.#sink.onIgnored(this.#headerType, this.#headBytes(), NO_BYTES);
        } else {
          this.#sink.onControl(this.#headerFrame(traits, nv));
        }
    }
  }

  #headerFrame(traits: VersionTraits, nv: NameValue[]): HeaderBlockFrame {
    return makeHeaderFrame(
      this.#headerType,
      traits,
      this.#flags,
      this.#firstWord,
      this.#secondWord,
      this.#lastBytes,
      this.#length,
      nv,
    );
  }
}

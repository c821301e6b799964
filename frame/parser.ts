/**
 * Reads frames from bytes as they come, and tells a sink. Sessions and
 * `FrameDecoder` are both built on it.
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
import { readUint16, readUint24, readUint31 } from "./byte_reader.ts";
import { ByteWriter } from "./byte_writer.ts";
import {
  CREDENTIAL,
  HEADERS,
  NOOP,
  type ProtocolVersion,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "./constants.ts";
import { makeHeaderFrame, readControlFrame } from "./control_frame.ts";
import { FRAME_HEAD_LENGTH } from "./frame_head.ts";
import { HeaderDecoder } from "./header_decoder.ts";
import { type FrameLimits, resolveFrameLimits } from "./limits.ts";
import { settingsLength } from "./settings.ts";
import type { FrameSink } from "./sink.ts";
import { SYN_STREAM_FIXED_LENGTH } from "./syn_stream.ts";
import type { HeaderBlockFrame, NameValue } from "./types.ts";
import { type VersionTraits, versionTraits, wireTraits } from "./version.ts";

export type { FrameSink } from "./sink.ts";

/** What the next byte belongs to. */
type State = "head" | "payload" | "fixed" | "block" | "data" | "skip" | "stop";

const NO_BYTES = new Uint8Array(0);
/** Memory kept for payloads that come in pieces, bytes. */
const KEPT_CAPACITY = 4096;

/**
 * Push parser for one direction of a connection. It owns that direction's
 * header decompression and holds at most one frame: of DATA nothing, of a
 * control frame no more than the limits say and no more than has come.
 */
export class FrameParser {
  readonly #traits: VersionTraits;
  readonly #sink: FrameSink;
  readonly #limits: Required<FrameLimits>;
  readonly #headers: HeaderDecoder;

  #chunk: Uint8Array = NO_BYTES;
  #at = 0;
  /** Bytes of all earlier chunks. */
  #base = 0;
  #frameOffset = 0;
  /** Where `#collect` left what it collected. */
  #source: Uint8Array = NO_BYTES;
  #state: State = "head";
  /** Head or payload bytes of the frame under way that came in earlier chunks. */
  #held: ByteWriter = new ByteWriter(64);
  /** Payload bytes of the frame under way that are still to come. */
  #remaining = 0;

  readonly #head = new Uint8Array(FRAME_HEAD_LENGTH);
  readonly #fixed = new Uint8Array(SYN_STREAM_FIXED_LENGTH);
  #fixedLength = 0;
  #type = 0;
  #version = 0;
  #flags = 0;
  #length = 0;
  #streamId = 0;
  #admitted = false;

  /**
   * Makes a parser at the start of its direction.
   *
   * Throws `UnsupportedVersionError` for an unknown version and
   * `InvalidArgumentError` for a limit out of range.
   */
  constructor(
    version: ProtocolVersion,
    sink: FrameSink,
    limits: FrameLimits = {},
  ) {
    this.#traits = versionTraits(version);
    this.#sink = sink;
    this.#limits = resolveFrameLimits(limits);
    this.#headers = new HeaderDecoder(this.#traits, this.#limits);
  }

  /** Where the frame that is being read begins, in bytes from the start of the direction. */
  get frameOffset(): number {
    return this.#frameOffset;
  }

  /**
   * Where the control frame begins that is under way, in bytes from the start
   * of the direction; -1 when none is. A peer that takes long over it can be
   * told from one that is silent.
   */
  get unfinishedControl(): number {
    const state = this.#state;
    const under = state === "payload" || state === "fixed" ||
      state === "block" || state === "skip";
    return under ? this.#frameOffset : -1;
  }

  /** The stream of the DATA frame under way, and the bytes of it that are still to come; 0 and 0 for none. */
  get unfinishedData(): { streamId: number; remaining: number } {
    return this.#state === "data"
      ? { streamId: this.#streamId, remaining: this.#remaining }
      : { streamId: 0, remaining: 0 };
  }

  /**
   * Reads all of `chunk`, calling the sink in wire order. Whatever the peer
   * sent ends in a call of the sink, never in an exception.
   *
   * An exception out of the sink leaves the parser in step: the rest of
   * `chunk` is read first, then the last exception is thrown on. Throws
   * `SpdyError` (`ERR_INVALID_STATE`) when called from inside a sink call.
   */
  push(chunk: Uint8Array): void {
    if (this.#chunk !== NO_BYTES) {
      throw new SpdyError(
        "push() was called from inside a call that push() made",
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
      this.#source = NO_BYTES;
    }
  }

  /**
   * Discards the rest of this and all later input. May be called inside a sink
   * call; no other sink call follows.
   */
  stop(): void {
    this.#state = "stop";
    this.#held = new ByteWriter(0);
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
        // State moves on before the sink is called, so that a sink that
        // throws costs nobody a byte; an error that moved nothing is our own.
        if (at === this.#at && state === this.#state) throw error;
        thrown = { error };
      }
    }
    if (thrown !== undefined) throw thrown.error;
  }

  /** Takes one step; false when it needs more bytes. */
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
   * Collects `length` bytes and returns their offset in `#source`: the chunk
   * itself when they are all there, else `#held`. -1 when more must come.
   */
  #collect(length: number): number {
    const held = this.#held;
    const available = this.#chunk.length - this.#at;
    const missing = length - held.length;
    if (held.length === 0 && available >= length) {
      this.#source = this.#chunk;
      this.#at += length;
      return this.#at - length;
    }
    // So every chunk ends that ends with a frame.
    if (available === 0) return -1;
    const size = Math.min(available, missing);
    held.append(this.#chunk.subarray(this.#at, this.#at + size));
    this.#at += size;
    if (size < missing) return -1;
    this.#source = held.bytes;
    if (held.bytes.length > KEPT_CAPACITY) this.#held = new ByteWriter(64);
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
      for (let index = 0; index < FRAME_HEAD_LENGTH; index++) {
        this.#head[index] = source[at + index];
      }
      this.#type = readUint16(source, at + 2);
      this.#version = readUint16(source, at) & 0x7fff;
      this.#beginControl();
    }
    return true;
  }

  #beginData(streamId: number): void {
    this.#streamId = streamId;
    this.#remaining = this.#length;
    this.#admitted = false;
    this.#state = "data";
    this.#admitted = this.#sink.onDataBegin(
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
        this.#sink.onDataChunk(
          this.#streamId,
          this.#flags,
          this.#chunk.subarray(at, at + size),
          this.#remaining,
        );
      } else {
        this.#sink.onDataSkipped(
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
    this.#sink.onDataEnd(
      this.#streamId,
      this.#flags,
      this.#length,
      this.#admitted,
    );
    return true;
  }

  #beginControl(): void {
    switch (this.#type) {
      case SYN_STREAM:
        this.#fixedLength = SYN_STREAM_FIXED_LENGTH;
        this.#state = "fixed";
        return;
      case SYN_REPLY:
      case HEADERS:
        // The layout is that of the frame's version, whatever the session's;
        // spdylay reads unknown versions as SPDY/3.
        this.#fixedLength = wireTraits(this.#version)?.replyFixedLength ?? 4;
        this.#state = "fixed";
        return;
      default:
        if (this.#length <= this.#payloadLimit()) {
          this.#state = "payload";
        } else {
          // A frame above the limit is judged as if it were empty (spdylay).
          this.#beginSkip(this.#length);
          this.#judge(NO_BYTES, 0, 0);
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
    this.#judge(this.#source, at, this.#length);
    return true;
  }

  /** Reads a control frame without headers, `length` payload bytes of which stand at `at`. */
  #judge(payload: Uint8Array, at: number, length: number): void {
    const type = this.#type;
    if (type === NOOP || type === CREDENTIAL) {
      const copy = payload.slice(at, at + length);
      this.#sink.onIgnored(type, this.#head.slice(), copy);
      return;
    }
    if (type === 0 || type > CREDENTIAL) {
      this.#sink.onUnknown(this.#head.slice(), payload.slice(at, at + length));
      return;
    }
    const frame = readControlFrame(
      type,
      this.#version,
      this.#flags,
      payload,
      at,
      length,
    );
    if (typeof frame === "number") {
      this.#sink.onParseError(
        type,
        this.#head.slice(),
        payload.slice(at, at + length),
        frame,
      );
    } else if (
      this.#version !== this.#traits.wireVersion ||
      // SPDY/2 has no WINDOW_UPDATE.
      type === WINDOW_UPDATE && !this.#traits.windowUpdate
    ) {
      this.#sink.onIgnored(type, this.#head.slice(), NO_BYTES);
    } else {
      this.#sink.onControl(frame);
    }
  }

  #readFixed(): boolean {
    const size = Math.min(this.#fixedLength, this.#length);
    const at = this.#collect(size);
    if (at < 0) return false;
    for (let index = 0; index < size; index++) {
      this.#fixed[index] = this.#source[at + index];
    }
    this.#beginSkip(this.#length - size);
    if (this.#length <= this.#fixedLength) {
      // A header block is never empty: it holds at least its count (2.6.10).
      this.#failHeaders(ERR_INVALID_FRAME);
    } else if (wireTraits(this.#version) === undefined) {
      this.#failHeaders(ERR_UNSUPPORTED_VERSION);
    } else {
      this.#state = "block";
      this.#headers.begin(this.#length > this.#limits.maxControlFrameLength);
    }
    return true;
  }

  /** Reports a frame with headers that cannot be read; what is left of it is skipped. */
  #failHeaders(errorCode: number, cause?: ZlibError): void {
    const size = Math.min(this.#fixedLength, this.#length);
    this.#sink.onParseError(
      this.#type,
      this.#head.slice(),
      this.#fixed.slice(0, size),
      errorCode,
      cause,
    );
  }

  #readBlock(): boolean {
    const size = Math.min(this.#remaining, this.#chunk.length - this.#at);
    if (size === 0) return false;
    const at = this.#at;
    this.#at += size;
    const fault = this.#headers.push(this.#chunk.subarray(at, at + size));
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
        this.#sink.onInvalidHeaders(this.#headerFrame(traits, nv), errorCode);
        return;
      case 0:
        if (
          traits.wireVersion !== this.#traits.wireVersion &&
          this.#type !== SYN_STREAM
        ) {
          this.#sink.onIgnored(this.#type, this.#head.slice(), NO_BYTES);
        } else {
          this.#sink.onControl(this.#headerFrame(traits, nv));
        }
    }
  }

  #headerFrame(traits: VersionTraits, nv: NameValue[]): HeaderBlockFrame {
    return makeHeaderFrame(
      this.#type,
      traits,
      this.#flags,
      this.#fixed,
      this.#length,
      nv,
    );
  }
}

/** Without the methods of a subclass: `slice()` of a node `Buffer` copies nothing. */
function plainView(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array
    ? bytes
    : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

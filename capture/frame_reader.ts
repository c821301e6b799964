/**
 * Reads the frames of one direction of a captured connection. Unlike the parser of
 * a session, it never stops: it reports an unreadable frame and skips it by its
 * length, counts missing bytes, and searches for the next frame after a gap.
 *
 * @module
 */

import { ERR_UNSUPPORTED_VERSION } from "../errors.ts";
import {
  readInt32,
  readUint16,
  readUint24,
  readUint31,
} from "../frame/byte_reader.ts";
import {
  DATA,
  GOAWAY,
  HEADERS,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import {
  type HeaderType,
  makeHeaderFrame,
  type PlainType,
  readControlFrame,
} from "../frame/control_frame.ts";
import { FRAME_HEAD_LENGTH } from "../frame/frame_head.ts";
import { frameName, isKnownType } from "../frame/names.ts";
import { SYN_STREAM_FIXED_LENGTH } from "../frame/syn_stream.ts";
import { wireTraits } from "../frame/version.ts";
import type { FrameOutput } from "./frame_output.ts";
import { HeaderReader } from "./header_reader.ts";
import type { CapturedFrame, HeaderBytes } from "./records.ts";
import { FrameSearch } from "./search.ts";

/**
 * Longest payload of a control frame without headers that is kept, bytes; the
 * longest useful SETTINGS is far shorter.
 */
const MAX_PAYLOAD = 1 << 16;

/** The part of a frame to which the next byte belongs. */
type State =
  | "head"
  | "data"
  | "fixed"
  | "block"
  | "payload"
  | "skip"
  | "search";

const NOTHING = new Uint8Array(0);
const NO_BLOCK = "the frame has no header block";

/** Reads one direction. */
export class FrameReader {
  readonly #output: FrameOutput;
  readonly #headers = new HeaderReader();
  #state: State = "head";
  /** Offset of the next byte. */
  #offset: number;

  /** Offset of the current frame. */
  #frameOffset: number;
  readonly #head = new Uint8Array(FRAME_HEAD_LENGTH);
  /** Fixed part or payload of the current frame. */
  #held: Uint8Array = NOTHING;
  /** Number of bytes in `#head` or `#held`. */
  #have = 0;
  #type = 0;
  #version = 0;
  #flags = 0;
  #length = 0;
  #streamId: number | undefined;
  /** Payload bytes of the frame that were not read yet. */
  #remaining = 0;
  /** Payload bytes of the frame that the capture lacks. */
  #missing = 0;
  /** Why the rest of the frame is skipped; `undefined` if it is not an error. */
  #fault: string | undefined;

  #search: FrameSearch | undefined;
  /** Offset of the first lost byte. */
  #lostFrom = 0;
  #lostMissing = 0;
  #lostSkipped = 0;
  /**
   * Length of a frame that cannot be trusted; if the search skips exactly that
   * number of bytes, nothing is reported.
   */
  #claimed = 0;

  /**
   * Starts at `offset`. `"first"`: this is the first frame of the direction;
   * `"frame"`: it is any frame; `"anywhere"`: the first frame has to be searched.
   */
  constructor(
    output: FrameOutput,
    offset: number,
    begin: "first" | "frame" | "anywhere",
  ) {
    this.#output = output;
    this.#offset = this.#frameOffset = offset;
    if (begin !== "first") this.#headers.lose();
    if (begin === "anywhere") this.#beginSearch(offset, 0, 0);
  }

  /** Reads the next bytes of the direction. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "search") {
        const found = this.#search!.push(bytes.subarray(at));
        if (found === undefined) {
          this.#offset += bytes.length - at;
          return;
        }
        this.#offset += bytes.length - at - found.rest.length;
        this.#endSearch(found.skipped);
        bytes = found.rest;
        at = 0;
      } else {
        const read = this.#read(bytes, at);
        this.#offset += read;
        at += read;
        if (this.#state !== "head") this.#finishIfComplete();
      }
    }
  }

  /** The capture lacks the next `count` bytes. */
  gap(count: number): void {
    const state = this.#state;
    if (state === "search") {
      if (this.#finishSearch()) {
        this.gap(count);
        return;
      }
      this.#headers.lose();
      this.#lostSkipped += this.#search!.length;
      this.#lostMissing += count;
      this.#offset += count;
      // Bytes before and after a gap cannot belong to one head.
      this.#search = this.#newSearch();
      return;
    }
    if (state === "head") {
      const begun = this.#have;
      this.#headers.lose();
      this.#offset += count;
      this.#beginSearch(this.#offset - count - begun, begun, count);
      return;
    }
    const inside = Math.min(count, this.#remaining);
    this.#loseInside(inside);
    if (count === inside) return;
    // The gap contains the heads of frames, and maybe header blocks.
    this.#headers.lose();
    const from = this.#offset;
    this.#offset += count - inside;
    this.#beginSearch(from, 0, count - inside);
  }

  /** The direction or the capture has ended. */
  end(): void {
    if (this.#state === "search") {
      if (this.#finishSearch()) this.end();
      else this.#endSearch(this.#search!.length);
      return;
    }
    if (this.#state === "head") {
      if (this.#have === 0) return;
      this.#report({ type: "", error: cutShort(this.#have) });
    } else {
      const cut = this.#remaining;
      const error = cutShort(FRAME_HEAD_LENGTH + this.#length - cut);
      if (this.#state === "data") {
        this.#output.onPayload(this.#streamId!, NOTHING, cut);
        this.#report({ frame: this.#data(), error, cut });
      } else if (this.#state === "block") {
        this.#headers.gap();
        this.#headers.finish();
        this.#report({
          frame: this.#headerFrame([]),
          unreadable: true,
          error: `${error}; headers unreadable`,
          cut,
        });
      } else {
        this.#report({ error, unreadable: this.#hasBlock(), cut });
      }
    }
    this.#beginHead();
  }

  /** Reads bytes of the current part; returns their number. */
  #read(bytes: Uint8Array, at: number): number {
    const available = bytes.length - at;
    switch (this.#state) {
      case "head": {
        // Copied byte by byte, without creating a view.
        const size = Math.min(FRAME_HEAD_LENGTH - this.#have, available);
        for (let index = 0; index < size; index++) {
          this.#head[this.#have + index] = bytes[at + index];
        }
        this.#have += size;
        if (this.#have === FRAME_HEAD_LENGTH) {
          this.#beginFrame(this.#offset + size);
        }
        return size;
      }
      case "fixed":
      case "payload": {
        const size = Math.min(this.#held.length - this.#have, available);
        this.#held.set(bytes.subarray(at, at + size), this.#have);
        this.#have += size;
        this.#remaining -= size;
        if (
          this.#state === "fixed" && this.#have >= 4 &&
          this.#streamId === undefined
        ) this.#streamId = readUint31(this.#held, 0);
        if (this.#state === "fixed" && this.#have === this.#held.length) {
          this.#beginBlock();
        }
        return size;
      }
      default: {
        const size = Math.min(this.#remaining, available);
        const piece = bytes.subarray(at, at + size);
        if (this.#state === "block") this.#headers.push(piece);
        else if (this.#state === "data" && size > 0) {
          this.#output.onPayload(this.#streamId!, piece, 0);
        }
        this.#remaining -= size;
        return size;
      }
    }
  }

  /** Handles a complete head; the payload begins at offset `begin`. */
  #beginFrame(begin: number): void {
    const head = this.#head;
    this.#frameOffset = begin - FRAME_HEAD_LENGTH;
    this.#flags = head[4];
    this.#length = this.#remaining = readUint24(head, 5);
    this.#missing = 0;
    this.#fault = undefined;
    this.#have = 0;
    if (head[0] < 0x80) {
      this.#type = DATA;
      this.#version = 0;
      this.#streamId = readUint31(head, 0);
      this.#state = "data";
      return;
    }
    this.#type = readUint16(head, 2);
    this.#version = readUint16(head, 0) & 0x7fff;
    this.#streamId = undefined;
    const traits = wireTraits(this.#version);
    if (traits === undefined) {
      // If the version is wrong, the length cannot be trusted either.
      this.#report({ error: `version ${this.#version} is not 2 or 3` });
      this.#headers.lose();
      const claimed = this.#length;
      this.#beginSearch(begin, 0, 0);
      this.#claimed = claimed;
      return;
    }
    switch (this.#type) {
      case SYN_STREAM:
        this.#hold("fixed", Math.min(SYN_STREAM_FIXED_LENGTH, this.#length));
        return;
      case SYN_REPLY:
      case HEADERS:
        this.#hold("fixed", Math.min(traits.replyFixedLength, this.#length));
        return;
      case RST_STREAM:
      case SETTINGS:
      case PING:
      case GOAWAY:
      case WINDOW_UPDATE:
        if (this.#length <= MAX_PAYLOAD) this.#hold("payload", this.#length);
        else {
          this.#state = "skip";
          this.#fault = `${this.#length} bytes are too many for this type`;
        }
        return;
      default:
        this.#state = "skip";
    }
  }

  /** Allocates memory for a payload, at most `MAX_PAYLOAD` bytes. */
  #hold(state: "fixed" | "payload", length: number): void {
    this.#state = state;
    this.#held = new Uint8Array(length);
  }

  #beginBlock(): void {
    if (this.#remaining === 0) {
      this.#state = "skip";
      this.#fault = NO_BLOCK;
      return;
    }
    this.#state = "block";
    this.#headers.begin(this.#version);
  }

  #finishIfComplete(): void {
    if (this.#remaining > 0 || this.#state === "search") return;
    if (this.#state === "fixed" && this.#have < this.#held.length) return;
    switch (this.#state) {
      case "data":
        this.#report({
          frame: this.#data(),
          error: this.#streamId === 0 ? "DATA of stream 0" : undefined,
        });
        break;
      case "fixed":
        this.#report({ error: NO_BLOCK, unreadable: true });
        break;
      case "block": {
        const { nv, bytes, unreadable, error } = this.#headers.finish();
        this.#report({
          frame: this.#headerFrame(nv),
          headerBytes: bytes,
          unreadable,
          error,
        });
        break;
      }
      case "payload":
        this.#reportPlain();
        break;
      case "skip":
        this.#report({ error: this.#fault, unreadable: this.#hasBlock() });
    }
    this.#beginHead();
  }

  #beginHead(): void {
    this.#state = "head";
    this.#have = 0;
    this.#held = NOTHING;
    this.#frameOffset = this.#offset;
  }

  /** Handles missing bytes of the current frame. */
  #loseInside(count: number): void {
    this.#missing += count;
    this.#remaining -= count;
    this.#offset += count;
    switch (this.#state) {
      case "data":
        this.#output.onPayload(this.#streamId!, NOTHING, count);
        break;
      case "block":
        this.#headers.gap();
        break;
      case "fixed":
        this.#headers.lose();
        this.#state = "skip";
        break;
      case "payload":
        this.#state = "skip";
    }
    this.#finishIfComplete();
  }

  /** Whether a frame of this type should have a header block. */
  #hasBlock(): boolean {
    return this.#type === SYN_STREAM || this.#type === SYN_REPLY ||
      this.#type === HEADERS;
  }

  #data(): CapturedFrame {
    return {
      frameType: DATA,
      streamId: this.#streamId!,
      flags: this.#flags,
      length: this.#length,
    };
  }

  #headerFrame(nv: [string, string][]): CapturedFrame {
    const fixed = this.#held;
    return makeHeaderFrame(
      this.#type as HeaderType,
      wireTraits(this.#version)!,
      this.#flags,
      readInt32(fixed, 0),
      readInt32(fixed, 4),
      readUint16(fixed, 8),
      this.#length,
      nv,
    );
  }

  #reportPlain(): void {
    const frame = readControlFrame(
      this.#type as PlainType,
      this.#version,
      this.#flags,
      this.#held,
      0,
      this.#length,
    );
    if (typeof frame === "number") {
      this.#report({
        error: frame === ERR_UNSUPPORTED_VERSION
          ? `version ${this.#version} is not 2 or 3`
          : `${this.#length} bytes are not a valid payload length for this frame`,
      });
      return;
    }
    if ("streamId" in frame) this.#streamId = frame.streamId;
    this.#report({ frame });
  }

  #report(
    { type, frame, headerBytes, unreadable = false, error, cut = 0 }: {
      readonly type?: string;
      readonly frame?: CapturedFrame;
      readonly headerBytes?: HeaderBytes;
      readonly unreadable?: boolean;
      readonly error?: string;
      /** Bytes that the end of the direction has cut off. */
      readonly cut?: number;
    },
  ): void {
    const lacks = this.#missing > 0
      ? `the capture lacks ${this.#missing} of its bytes`
      : undefined;
    this.#output.onFrame({
      offset: this.#frameOffset,
      type: type ?? typeName(this.#type),
      frame,
      streamId: type === "" ? undefined : this.#streamId,
      version: this.#version,
      flags: type === "" ? 0 : this.#flags,
      length: type === "" ? 0 : this.#length,
      missing: this.#missing + cut,
      headerBytes,
      unreadable,
      error: [lacks, error].filter(Boolean).join("; ") || undefined,
    });
  }

  #newSearch(): FrameSearch {
    return new FrameSearch(this.#output);
  }

  /**
   * Called when a gap or the end follows the searched bytes. If that shows that a frame
   * begins in them, reads from there on, and returns true.
   */
  #finishSearch(): boolean {
    const found = this.#search!.finish();
    if (found === undefined) return false;
    this.#offset -= found.rest.length;
    this.#endSearch(found.skipped);
    this.push(found.rest);
    return true;
  }

  #beginSearch(from: number, skipped: number, missing: number): void {
    this.#state = "search";
    this.#search = this.#newSearch();
    this.#lostFrom = from;
    this.#lostSkipped = skipped;
    this.#lostMissing = missing;
    this.#claimed = 0;
    this.#missing = 0;
  }

  #endSearch(skipped: number): void {
    const total = this.#lostSkipped + skipped;
    this.#search = undefined;
    if (
      (total > 0 || this.#lostMissing > 0) &&
      !(this.#lostMissing === 0 && total === this.#claimed)
    ) this.#output.onLost(this.#lostFrom, total, this.#lostMissing);
    this.#beginHead();
  }
}

function typeName(type: number): string {
  return isKnownType(type) ? frameName(type) : `unknown ${frameName(type)}`;
}

function cutShort(bytes: number): string {
  return `frame cut short after ${bytes} bytes`;
}

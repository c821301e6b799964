/**
 * From captured bytes to frames, each with its offset, its time and its error.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  ERR_UNSUPPORTED_VERSION,
  ERR_ZLIB,
} from "../../errors.ts";
import { frameName } from "../../frame/names.ts";
import {
  DATA,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
} from "../../frame/constants.ts";
import { FrameParser, type FrameSink } from "../../frame/parser.ts";
import type { CtrlFrame, HeaderBlockFrame } from "../../frame/types.ts";
import type { TracedFrame } from "../../connection/options.ts";
import { type Direction, readCapture } from "./read.ts";

/** A frame of a capture, or what stood in its place. */
export interface DecodedFrame {
  /** Sender of the frame. */
  readonly from: string;
  /** Receiver of the frame; empty when the file does not say. */
  readonly to: string;
  /** Offset of the frame in what its sender sent, bytes. */
  readonly offset: number;
  /** Time at which its last byte was captured, ms since 1970; 0 when the file does not say. */
  readonly time: number;
  /** The frame; `undefined` where it could not be read. */
  readonly frame: TracedFrame | undefined;
  /** What the bytes are, when they are no known frame. */
  readonly note: string | undefined;
  /** What is wrong with the frame; `undefined` when nothing is. */
  readonly error: string | undefined;
}

/** Limits of a reader of captures: what the protocol can carry, bounded for bombs. */
const LIMITS = {
  maxControlFrameLength: 0xffffff,
  maxHeaderBlock: 1 << 24,
  maxHeaderCount: 1 << 16,
};

/** Decodes every direction of the files; frames of all of them come in order of time. */
export function decodeCaptures(
  files: readonly { name: string; bytes: Uint8Array }[],
): DecodedFrame[] {
  const frames = files.flatMap(({ name, bytes }) => readCapture(bytes, name))
    .flatMap(decodeDirection);
  return frames.sort((a, b) => a.time - b.time);
}

function decodeDirection(direction: Direction): DecodedFrame[] {
  const reader = new DirectionReader(direction);
  for (const { time, bytes } of direction.pieces) reader.push(bytes, time);
  return reader.end();
}

/** The version that the first control frame names; SPDY/3 where there is none. */
function versionOf(direction: Direction): ProtocolVersion {
  const first = direction.pieces[0]?.bytes;
  return first && first.length >= 2 && first[0] === 0x80 && first[1] === 2
    ? PROTO_SPDY2
    : PROTO_SPDY3;
}

class DirectionReader implements FrameSink {
  readonly #direction: Direction;
  readonly #parser: FrameParser;
  readonly #frames: DecodedFrame[] = [];
  #offset: number;
  #received: number;
  #time = 0;
  #failed = false;

  constructor(direction: Direction) {
    this.#direction = direction;
    this.#offset = direction.begin;
    this.#received = direction.begin;
    this.#parser = new FrameParser(versionOf(direction), this, LIMITS);
  }

  push(bytes: Uint8Array, time: number): void {
    this.#time = time;
    this.#received += bytes.length;
    this.#parser.push(bytes);
  }

  end(): DecodedFrame[] {
    const rest = this.#received - this.#offset;
    if (!this.#failed && rest > 0) {
      this.#add(0, undefined, undefined, `frame cut short after ${rest} bytes`);
    }
    if (!this.#failed && this.#direction.gap > 0) {
      this.#add(
        0,
        undefined,
        undefined,
        `the capture lacks ${this.#direction.gap} bytes here; what follows is lost`,
      );
    }
    return this.#frames;
  }

  onControl(frame: CtrlFrame): void {
    this.#add(frame.length, frame);
  }

  onInvalidHeaders(frame: HeaderBlockFrame, errorCode: number): void {
    const why = errorCode === ERR_FRAME_TOO_LARGE
      ? "header block too large"
      : "invalid names or values";
    this.#add(frame.length, frame, undefined, why);
  }

  onParseError(
    type: number,
    head: Uint8Array,
    _payload: Uint8Array,
    errorCode: number,
  ): void {
    this.#failed = true;
    this.#parser.stop();
    const why = new Map<number, string>([
      [ERR_INVALID_FRAME, "lengths or structure are wrong"],
      [ERR_ZLIB, "header block does not inflate"],
      [
        ERR_UNSUPPORTED_VERSION,
        `version ${(head[0] & 0x7f) << 8 | head[1]} is not 2 or 3`,
      ],
    ]).get(errorCode) ?? `error ${errorCode}`;
    this.#add(
      lengthOf(head),
      undefined,
      frameName(type),
      `${why}; what follows is not read`,
    );
  }

  onUnknown(head: Uint8Array): void {
    this.#add(
      lengthOf(head),
      undefined,
      `unknown ${frameName(head[2] << 8 | head[3])}`,
    );
  }

  onIgnored(type: number, head: Uint8Array): void {
    this.#add(lengthOf(head), undefined, frameName(type));
  }

  onDataBegin(): boolean {
    return false;
  }

  onDataChunk(): void {}

  onDataSkipped(): void {}

  onDataEnd(streamId: number, flags: number, length: number): void {
    this.#add(length, { frameType: DATA, streamId, flags, length });
  }

  #add(
    length: number,
    frame?: TracedFrame,
    note?: string,
    error?: string,
  ): void {
    const { from, to } = this.#direction;
    this.#frames.push({
      from,
      to,
      offset: this.#offset,
      time: this.#time,
      frame,
      note,
      error,
    });
    this.#offset += 8 + length;
  }
}

function lengthOf(head: Uint8Array): number {
  return head[5] << 16 | head[6] << 8 | head[7];
}

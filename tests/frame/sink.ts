/**
 * A sink that records its calls.
 *
 * @module
 */

import type { FrameSink } from "../../frame/sink.ts";
import type { CtrlFrame, HeaderBlockFrame } from "../../frame/types.ts";

/** One call of a sink: its name and its arguments. */
export type Told = readonly [call: string, ...args: unknown[]];

/** Records every call, with copies of chunks. */
export class RecordingSink implements FrameSink {
  /** The calls so far. */
  readonly told: Told[] = [];
  /** The return value of `onDataBegin`. */
  admit = true;
  /** Called after a call was recorded. */
  after: (call: string) => void = () => {};

  onControl(frame: CtrlFrame): void {
    this.#tell("control", frame);
  }

  onInvalidHeaders(frame: HeaderBlockFrame, errorCode: number): void {
    this.#tell("invalid headers", frame, errorCode);
  }

  onParseError(
    type: number,
    head: Uint8Array,
    payload: Uint8Array,
    errorCode: number,
  ): void {
    this.#tell("parse error", type, head, payload, errorCode);
  }

  onUnknown(head: Uint8Array, payload: Uint8Array): void {
    this.#tell("unknown", head, payload);
  }

  onIgnored(type: number, head: Uint8Array, payload: Uint8Array): void {
    this.#tell("ignored", type, head, payload);
  }

  onDataBegin(streamId: number, flags: number, length: number): boolean {
    this.#tell("data begin", streamId, flags, length);
    return this.admit;
  }

  onDataChunk(
    streamId: number,
    flags: number,
    chunk: Uint8Array,
    remaining: number,
  ): void {
    this.#tell("data chunk", streamId, flags, chunk.slice(), remaining);
  }

  onDataSkipped(
    streamId: number,
    flags: number,
    size: number,
    remaining: number,
  ): void {
    this.#tell("data skipped", streamId, flags, size, remaining);
  }

  onDataEnd(streamId: number, flags: number, length: number): void {
    this.#tell("data end", streamId, flags, length);
  }

  #tell(call: string, ...args: unknown[]): void {
    this.told.push([call, ...args]);
    this.after(call);
  }
}

/**
 * Flow control as the wire shows it: reads the frames of both directions
 * independently, and knows what either side may send (SPDY/3 draft 2.6.8).
 *
 * @module
 */

import {
  INITIAL_WINDOW_SIZE,
  SETTINGS,
  SETTINGS_INITIAL_WINDOW_SIZE,
  WINDOW_UPDATE,
} from "../../frame/constants.ts";
import type { World } from "./world.ts";

const HEAD = 8;

/** Finds frames in pieces of bytes. It keeps the payload of control frames only. */
class FrameFinder {
  readonly #onData: (streamId: number, length: number) => void;
  readonly #onControl: (type: number, payload: DataView) => void;
  #head = new Uint8Array(HEAD);
  #headLength = 0;
  #rest = 0;
  #payload: Uint8Array | undefined;

  constructor(
    onData: (streamId: number, length: number) => void,
    onControl: (type: number, payload: DataView) => void,
  ) {
    this.#onData = onData;
    this.#onControl = onControl;
  }

  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#headLength < HEAD) {
        this.#head[this.#headLength++] = bytes[at++];
        if (this.#headLength === HEAD) this.#begin();
        continue;
      }
      const size = Math.min(this.#rest, bytes.length - at);
      const offset = this.#payload ? this.#payload.length - this.#rest : 0;
      this.#payload?.set(bytes.subarray(at, at + size), offset);
      at += size;
      this.#rest -= size;
      this.#endIfWhole();
    }
  }

  #begin(): void {
    const head = new DataView(this.#head.buffer);
    const first = head.getUint32(0);
    this.#rest = head.getUint32(4) & 0xffffff;
    if (first < 0x80000000) {
      this.#payload = undefined;
      this.#onData(first, this.#rest);
    } else this.#payload = new Uint8Array(this.#rest);
    this.#endIfWhole();
  }

  #endIfWhole(): void {
    if (this.#rest > 0) return;
    this.#headLength = 0;
    if (this.#payload === undefined) return;
    this.#onControl(
      new DataView(this.#head.buffer).getUint16(2),
      new DataView(this.#payload.buffer),
    );
  }
}

/** Something that reports the bytes that are written to it. */
export interface Written {
  onWritten: (bytes: Uint8Array) => void;
}

/** Something that reports the bytes that are read from it. */
export interface Read {
  onRead: (bytes: Uint8Array) => void;
}

/** What one side may send, computed from what it has read and sent. */
export class SentWindow {
  readonly #world: World;
  readonly #name: string;
  /** Whether there is a window for the session, as in SPDY/3.1. */
  readonly #ofSession: boolean;
  /** The largest initial window that was read. A lower one does not apply to bytes under way. */
  #initial = INITIAL_WINDOW_SIZE;
  /** Bytes granted since then minus bytes sent, by stream; 0 is the session. */
  readonly #credit = new Map<number, number>();

  constructor(world: World, name: string, ofSession: boolean) {
    this.#world = world;
    this.#name = name;
    this.#ofSession = ofSession;
  }

  /** Watches what this side writes and reads. */
  watch(written: Written, read: Read): void {
    const sent = new FrameFinder(
      (streamId, length) => this.#sent(streamId, length),
      () => {},
    );
    written.onWritten = (bytes) => sent.push(bytes);
    const arrived = new FrameFinder(
      () => {},
      (type, payload) => this.#arrived(type, payload),
    );
    read.onRead = (bytes) => arrived.push(bytes);
  }

  /** What may still be sent on the session, bytes. */
  get session(): number {
    return INITIAL_WINDOW_SIZE + (this.#credit.get(0) ?? 0);
  }

  #sent(streamId: number, length: number): void {
    this.#spend(streamId, this.#initial, length);
    if (this.#ofSession) this.#spend(0, INITIAL_WINDOW_SIZE, length);
  }

  #spend(id: number, initial: number, length: number): void {
    const left = (this.#credit.get(id) ?? 0) - length;
    this.#credit.set(id, left);
    if (initial + left >= 0) return;
    const what = id === 0 ? "the session" : "a stream";
    this.#world.bad(
      `${this.#name} overran the window of ${what}: id ${id}, by ${
        -initial - left
      } bytes`,
    );
  }

  #arrived(type: number, payload: DataView): void {
    if (type === WINDOW_UPDATE) {
      const id = payload.getUint32(0) & 0x7fffffff;
      const delta = payload.getUint32(4) & 0x7fffffff;
      this.#credit.set(id, (this.#credit.get(id) ?? 0) + delta);
    } else if (type === SETTINGS) {
      for (let at = 4; at + 8 <= payload.byteLength; at += 8) {
        const id = payload.getUint32(at) & 0xffffff;
        if (id !== SETTINGS_INITIAL_WINDOW_SIZE) continue;
        this.#initial = Math.max(this.#initial, payload.getUint32(at + 4));
      }
    }
  }
}

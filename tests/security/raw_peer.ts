/**
 * A peer that can send anything: a transport with nothing but a codec.
 *
 * @module
 */

import {
  openWire,
  type Transport,
} from "../../connection/transport/transport.ts";
import {
  CANCEL,
  type CtrlFrame,
  type Frame,
  FrameDecoder,
  FrameEncoder,
  HEADERS,
  type NameValue,
  PING,
  type ProtocolVersion,
  RST_STREAM,
  SYN_REPLY,
  SYN_STREAM,
} from "../../mod.ts";
import { concat } from "../deps.ts";

const BASE = { version: 3, length: 0 };

/** Longest wait for the reply to a PING, ms. */
const PATIENCE = 20_000;

/** Reads all the time; sends what the test passes to it. */
export class RawPeer {
  /** Received frames. */
  readonly frames: Frame[] = [];
  /** Stream id and status of each received RST_STREAM. */
  readonly resets: [number, number][] = [];
  /** Whether the other side has ended. */
  over = false;
  /** Resolves when the other side ends. */
  readonly ended: Promise<void>;
  readonly #wire;
  readonly #encoder: FrameEncoder;
  readonly #decoder: FrameDecoder;
  #sending: Promise<unknown> = Promise.resolve();
  #pings = new Map<number, () => void>();
  /** Larger than the ids of both sides' sessions, so that it is unique. */
  #nextPing: number;

  /** `server`: the peer is one, so its PING ids are even. */
  constructor(transport: Transport, version: ProtocolVersion, server = false) {
    this.#wire = openWire(transport);
    this.#encoder = new FrameEncoder(version);
    this.#decoder = new FrameDecoder(version);
    this.#nextPing = server ? 0x10000 : 0x10001;
    this.ended = this.#read();
  }

  /** Sends frames in one piece, after what is still being sent. */
  send(...frames: Frame[]): Promise<void> {
    return this.sendBytes(
      concat(frames.map((frame) => this.#encoder.encode(frame))),
    );
  }

  /** Sends bytes; resolves when the transport has them, or has failed. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    const sent = this.#sending.then(async () => {
      let rest = bytes;
      while (rest.length > 0) {
        rest = rest.subarray(await this.#wire.send(rest));
      }
    }).catch(() => {});
    this.#sending = sent;
    return sent;
  }

  /** Resolves when the other side has processed everything that was sent before; rejects if it ends. */
  async ping(): Promise<void> {
    const uniqueId = this.#nextPing;
    this.#nextPing += 2;
    const answer = Promise.withResolvers<void>();
    this.#pings.set(uniqueId, answer.resolve);
    const timer = setTimeout(
      () => answer.reject(new Error("no reply to a PING")),
      PATIENCE,
    );
    await this.send({ ...BASE, frameType: PING, flags: 0, uniqueId });
    try {
      const ended = this.ended.then(() => {
        throw new Error("the other side ended before it replied to a PING");
      });
      await Promise.race([answer.promise, ended]);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#wire.close();
  }

  async #read(): Promise<void> {
    for (;;) {
      let bytes: Uint8Array | null = null;
      try {
        bytes = await this.#wire.receive();
      } catch {
        // The other side aborted the transport.
      }
      if (bytes === null) {
        this.over = true;
        return this.#wire.close();
      }
      this.#decoder.push(bytes);
      for (;;) {
        const frame = this.#decoder.next();
        if (frame === undefined) break;
        this.#take(frame);
      }
    }
  }

  #take(frame: Frame): void {
    this.frames.push(frame);
    if (frame.frameType === RST_STREAM) {
      this.resets.push([frame.streamId, frame.statusCode]);
    } else if (frame.frameType === PING) {
      this.#pings.get(frame.uniqueId)?.();
    }
  }
}

const LIST: NameValue[] = [["x", "1"]];

export function synStream(
  streamId: number,
  options: { flags?: number; assoc?: number; nv?: NameValue[] } = {},
): CtrlFrame {
  const { flags = 0, assoc = 0, nv = LIST } = options;
  return {
    ...BASE,
    frameType: SYN_STREAM,
    flags,
    streamId,
    assocStreamId: assoc,
    pri: 0,
    slot: 0,
    nv,
  };
}

export function synReply(streamId: number, flags = 0): CtrlFrame {
  return { ...BASE, frameType: SYN_REPLY, flags, streamId, nv: LIST };
}

/** An RST_STREAM with the status CANCEL. */
export function rstStream(streamId: number): CtrlFrame {
  const statusCode = CANCEL;
  return { ...BASE, frameType: RST_STREAM, flags: 0, streamId, statusCode };
}

export function headers(streamId: number, nv: NameValue[] = LIST): CtrlFrame {
  return { ...BASE, frameType: HEADERS, flags: 0, streamId, nv };
}

/**
 * A peer that uses everything it may: windows, header blocks, queues.
 *
 * @module
 */

import {
  CTRL_FLAG_UNIDIRECTIONAL,
  type CtrlFrame,
  DATA,
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
  WINDOW_UPDATE,
} from "../../../mod.ts";

const BASE = { version: 3, flags: 0, length: 0 } as const;
const INITIAL_WINDOW = 65536;
/** How long a PING stays unanswered, so that the path seems to have room for much, ms. */
const LATE = 40;
/** Frames of a size that is neither joined with others nor large. */
const PIECE = 1025;
const LARGE_PIECE = 65536;

/** Speaks SPDY without regard to the other side. */
export class WorstPeer {
  /** Streams whose opening or headers were refused. */
  readonly reset: Set<number> = new Set();
  /** Bytes of bodies that were sent. */
  sent = 0;
  readonly #conn: Deno.Conn;
  readonly #encoder: FrameEncoder;
  readonly #decoder: FrameDecoder;
  readonly #windows = new Map<number, number>();
  #sending: Promise<void> = Promise.resolve();
  #changed = Promise.withResolvers<void>();
  over = false;

  constructor(conn: Deno.Conn, version: ProtocolVersion) {
    this.#conn = conn;
    this.#encoder = new FrameEncoder(version);
    this.#decoder = new FrameDecoder(version);
    this.#read();
  }

  /** Sends frames; resolves when the socket has accepted them. */
  send(...frames: Frame[]): Promise<void> {
    const bytes = frames.map((frame) => this.#encoder.encode(frame));
    const sent = this.#sending.then(async () => {
      for (const part of bytes) {
        for (let rest = part; rest.length > 0;) {
          rest = rest.subarray(await this.#conn.write(rest));
        }
      }
    }).catch(() => {});
    this.#sending = sent;
    return sent;
  }

  /** Opens a stream whose body follows later. */
  open(streamId: number, nv: NameValue[]): Promise<void> {
    const frame: CtrlFrame = {
      ...BASE,
      frameType: SYN_STREAM,
      streamId,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv,
    };
    return this.send(frame);
  }

  /** Opens a stream that belongs to a stream of the other side. */
  push(
    streamId: number,
    assocStreamId: number,
    nv: NameValue[],
  ): Promise<void> {
    const frame: CtrlFrame = {
      ...BASE,
      frameType: SYN_STREAM,
      flags: CTRL_FLAG_UNIDIRECTIONAL,
      streamId,
      assocStreamId,
      pri: 0,
      slot: 0,
      nv,
    };
    return this.send(frame);
  }

  reply(streamId: number, nv: NameValue[]): Promise<void> {
    return this.send({ ...BASE, frameType: SYN_REPLY, streamId, nv });
  }

  headers(streamId: number, nv: NameValue[]): Promise<void> {
    return this.send({ ...BASE, frameType: HEADERS, streamId, nv });
  }

  leave(streamId: number): Promise<void> {
    return this.send({
      ...BASE,
      frameType: RST_STREAM,
      streamId,
      statusCode: 5,
    });
  }

  /**
   * Fills the stream's window again and again, until it is no longer opened for a while.
   * Before `least` bytes of bodies were sent, it waits for as long as it takes.
   */
  async fill(streamId: number, patience: number, least = 0): Promise<void> {
    for (;;) {
      let left = this.#window(streamId);
      if (left <= 0) {
        if (this.over) return;
        const { promise } = this.#changed;
        if (this.sent < least) {
          await promise;
          continue;
        }
        const late = new Promise<true>((resolve) =>
          setTimeout(() => resolve(true), patience)
        );
        if (patience === 0 || await Promise.race([promise, late])) return;
        continue;
      }
      const frames: Frame[] = [];
      while (left > 0 && frames.length < 64) {
        const size = Math.min(left, patience === 0 ? PIECE : 16384);
        left -= size;
        frames.push({
          frameType: DATA,
          streamId,
          flags: 0,
          data: new Uint8Array(size),
        });
        this.sent += size;
      }
      this.#windows.set(streamId, left);
      await this.send(...frames);
      if (this.over || this.reset.has(streamId)) return;
    }
  }

  /**
   * Sends this many bytes, whatever the windows are. Resolves when the socket has
   * accepted them, which may be never.
   */
  async pour(streamId: number, size: number): Promise<void> {
    for (let left = size; left > 0; left -= LARGE_PIECE) {
      const data = new Uint8Array(Math.min(left, LARGE_PIECE));
      this.sent += data.length;
      await this.send({ frameType: DATA, streamId, flags: 0, data });
    }
  }

  #window(streamId: number): number {
    return this.#windows.get(streamId) ?? INITIAL_WINDOW;
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (;;) {
        const size = await this.#conn.read(buffer);
        if (size === null) break;
        this.#decoder.push(buffer.slice(0, size));
        for (;;) {
          const frame = this.#decoder.next();
          if (frame === undefined) break;
          this.#take(frame);
        }
      }
    } catch {
      // The other side has ended the connection.
    }
    this.over = true;
    this.#changed.resolve();
  }

  #take(frame: Frame): void {
    if (frame.frameType === WINDOW_UPDATE) {
      const { streamId, deltaWindowSize } = frame;
      this.#windows.set(streamId, this.#window(streamId) + deltaWindowSize);
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    } else if (frame.frameType === PING) {
      setTimeout(() => this.send(frame), LATE);
    } else if (frame.frameType === RST_STREAM) {
      this.reset.add(frame.streamId);
    }
  }
}

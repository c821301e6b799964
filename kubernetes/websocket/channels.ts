/**
 * Channels in the messages of a WebSocket: the first byte of a message is the
 * number of the channel.
 *
 * @module
 */

import { Deferred, handled } from "../../connection/deferred.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import {
  now,
  startTimer,
  stopTimer,
  within,
} from "../../connection/time/clock.ts";
import {
  KeepAlive,
  type KeepAliveOptions,
} from "../../connection/time/keepalive.ts";
import type { Reading } from "../../connection/time/peer_timer.ts";
import { TrackedFrames } from "../../connection/time/tracked_frames.ts";
import type { InputChannel, OutputChannel } from "../channels.ts";
import { ChannelBuffer } from "./channel_buffer.ts";
import { type ChannelCodec, CLOSE_SIGNAL } from "./codec.ts";
import { BINARY, POLICY_VIOLATION, WebSocketError } from "./frame.ts";
import type { MessagePart, WebSocketPeer } from "./peer.ts";

/** Longest message that is sent or read in one piece, bytes. */
const MAX_MESSAGE = 1024 * 1024;
/** Longest wait until the close frame was sent, ms. */
const CLOSE_TIME = 1000;
const EMPTY = new Uint8Array();

/** Options of the channels of a WebSocket. */
export interface ChannelsOptions {
  readonly codec: ChannelCodec;
  /** Whether a message can end a channel (`v5.channel.k8s.io`). */
  readonly hasClose: boolean;
  /** The channel numbers that are valid in such a message. */
  readonly channels: ReadonlySet<number>;
  /** Most received bytes that wait to be read. */
  readonly maxBufferedBytes: number;
  /** The limit while a reader waits for an empty channel; at least `maxBufferedBytes`. */
  readonly maxUnreadBytes: number;
  /** Sends pings to a silent peer. */
  readonly keepAlive?: KeepAliveOptions;
  /**
   * The error for readers if the peer closes the WebSocket in an orderly way; by
   * default they see the end.
   */
  readonly orderlyEnd?: () => unknown;
}

/** The message that is arriving. */
interface Arriving {
  /** `CLOSE_SIGNAL` for a message that ends a channel. */
  readonly channel: number;
  readonly decode: (data: Uint8Array, ends: boolean) => Uint8Array;
  /** Bytes that were not passed to the reader, and room for more. */
  buffer: Uint8Array;
  /** Number of these bytes. */
  size: number;
  isEmpty: boolean;
}

/** Measures how long this side has read, because timeouts must not count pauses. */
class ReadingClock implements Reading {
  #since: number | undefined = now();
  #before = 0;

  readingSince(): number | undefined {
    return this.#since;
  }

  readingTime(): number {
    return this.#before + (this.#since === undefined ? 0 : now() - this.#since);
  }

  hold(): void {
    this.#before = this.readingTime();
    this.#since = undefined;
  }

  resume(): void {
    this.#since ??= now();
  }
}

/** The channels of one WebSocket. */
export class WebSocketChannels {
  readonly #peer: WebSocketPeer;
  readonly #options: ChannelsOptions;
  /** What has arrived, for each channel that is read. */
  readonly #buffers = new Map<number, ChannelBuffer>();
  /** Called when a message of a channel has arrived. */
  readonly #onMessage = new Map<number, () => void>();
  readonly #reading = new ReadingClock();
  readonly #closed = new Deferred<void>();
  readonly #keepAlive: KeepAlive | undefined;
  #arriving: Arriving | undefined;
  /** Called when there is room for more bytes. */
  #onRoom: (() => void) | undefined;
  /** Why nothing can be sent any more; set when the connection has ended. */
  #failure: unknown;
  #over = false;
  /**
   * Set when the peer has sent everything: if it is then silent for this time, ms,
   * its close is not awaited.
   */
  #patience: number | undefined;

  constructor(peer: WebSocketPeer, options: ChannelsOptions) {
    this.#peer = peer;
    this.#options = options;
    if (options.keepAlive === undefined) return;
    const pings = new TrackedFrames(() => this.#reading.readingTime());
    this.#keepAlive = new KeepAlive(options.keepAlive, {
      readingSince: () => this.#reading.readingSince(),
      readingTime: () => this.#reading.readingTime(),
      ping: () => {
        const ping = pings.create();
        peer.ping().then(() => pings.buffered(ping, 0)).catch(() => {});
        return ping;
      },
      dead: (timeout) => {
        this.#fail(
          new ConnectionClosedError(
            `nothing arrived from the peer within ${timeout} ms after a ping`,
            { initiator: "remote" },
          ),
        );
      },
    });
    peer.onInput = () => this.#keepAlive?.touch();
  }

  /** Resolves when the connection has ended in an orderly way; rejects otherwise. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Reads a channel; must be called before {@linkcode start}. `onMessage` is called
   * when a message with bytes has arrived.
   */
  input(channel: number, onMessage?: () => void): InputChannel {
    const buffer = new ChannelBuffer(() => this.#onRoom?.());
    this.#buffers.set(channel, buffer);
    if (onMessage !== undefined) this.#onMessage.set(channel, onMessage);
    return buffer;
  }

  /** Ends reading a channel; bytes that still arrive on it are dropped. */
  endInput(channel: number): void {
    this.#buffers.get(channel)?.end();
  }

  /** Writes to a channel. `onEnd` is called to report its end to the peer. */
  output(
    channel: number,
    onEnd: () => Promise<void> = async () => {},
  ): OutputChannel {
    let ended = false;
    const over = Promise.withResolvers<void>();
    this.closed.catch(() => {}).then(over.resolve);
    return {
      write: async (chunk) => {
        if (ended) throw new ConnectionClosedError("the channel has ended");
        await this.#send(channel, chunk);
      },
      closeWrite: async () => {
        if (ended) return;
        ended = true;
        over.resolve();
        await onEnd();
      },
      abort: () => {
        ended = true;
        over.resolve();
      },
      ended: over.promise,
    };
  }

  /** Reports the end of a channel to the peer; only with `hasClose`. */
  async announceEnd(channel: number): Promise<void> {
    const message = new Uint8Array([CLOSE_SIGNAL, channel]);
    await this.#write(() => this.#peer.send(BINARY, message));
  }

  /** Begins to read. */
  start(): void {
    this.#readMessages().then(
      () => this.#end(this.#options.orderlyEnd?.()),
      async (error) => {
        if (error instanceof WebSocketError) await this.#peer.fail(error);
        this.#fail(error);
      },
    );
  }

  /**
   * Called when the peer has sent everything. If it does not close and is silent
   * for `patience` ms, that counts as an orderly end.
   */
  expectEnd(patience: number): void {
    this.#patience = patience;
  }

  /** Sends an empty message, which tells the peer that the WebSocket is open. */
  async greet(channel: number): Promise<void> {
    const { opcode, prefix, payload } = this.#options.codec
      .encode(channel, new Uint8Array());
    await this.#write(() => this.#peer.send(opcode, payload, prefix));
  }

  /** Sends the close frame after everything that was written. Never rejects. */
  async closeWrite(): Promise<void> {
    await this.#peer.close().catch(() => {});
  }

  /** Ends the connection; pending reads and writes fail. Never rejects. */
  async close(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#failure = new ConnectionClosedError(
      "this side closed the connection",
      { initiator: "local" },
    );
    // A peer that does not read must not keep the connection open.
    await within(CLOSE_TIME, this.closeWrite());
    this.#settle(this.#failure);
    this.#closed.resolve();
  }

  /** The peer ended the connection in an orderly way: readers get the error `ended`, or the end. */
  #end(ended: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = new ConnectionClosedError(
      "the peer closed the connection",
      {
        initiator: "remote",
      },
    );
    this.#settle(ended);
    this.#closed.resolve();
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = error;
    this.#settle(error);
    this.#closed.reject(error);
  }

  #settle(failure: unknown): void {
    this.#keepAlive?.stop();
    for (const buffer of this.#buffers.values()) buffer.end(failure);
    this.#onRoom?.();
    try {
      this.#peer.abort();
    } catch {
      // The transport is closed.
    }
  }

  async #send(channel: number, chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += MAX_MESSAGE) {
      const part = chunk.subarray(at, at + MAX_MESSAGE);
      const { opcode, prefix, payload } = this.#options.codec
        .encode(channel, part);
      await this.#write(() => this.#peer.send(opcode, payload, prefix));
    }
  }

  async #write(send: () => Promise<void>): Promise<void> {
    if (this.#over) throw this.#failure;
    try {
      await send();
    } catch (cause) {
      if (this.#over) throw this.#failure;
      throw new ConnectionClosedError(
        "the connection has ended, so no more messages can be sent",
        {
          cause,
        },
      );
    }
  }

  async #readMessages(): Promise<void> {
    for (;;) {
      await this.#room();
      if (this.#over) return;
      const part = await this.#next();
      if (part === null) return;
      this.#take(part);
    }
  }

  /** Waits until there is room for more bytes. */
  async #room(): Promise<void> {
    while (!this.#over && this.#isFull()) {
      this.#reading.hold();
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
      this.#onRoom = undefined;
    }
    this.#reading.resume();
  }

  #isFull(): boolean {
    const { maxBufferedBytes, maxUnreadBytes } = this.#options;
    let held = this.#arriving?.size ?? 0;
    let awaited = false;
    for (const buffer of this.#buffers.values()) {
      held += buffer.held;
      awaited ||= buffer.isAwaited;
    }
    return held >= (awaited ? maxUnreadBytes : maxBufferedBytes);
  }

  /** The next piece of a message; `null` at an orderly end. */
  async #next(): Promise<MessagePart | null> {
    const reading = this.#read();
    if (this.#patience === undefined) return await reading;
    handled(reading);
    const late = Promise.withResolvers<null>();
    const timer = startTimer(() => late.resolve(null), this.#patience);
    try {
      return await Promise.race([reading, late.promise]);
    } finally {
      stopTimer(timer);
    }
  }

  async #read(): Promise<MessagePart | null> {
    let part: MessagePart | null;
    try {
      part = await this.#peer.read();
    } catch (cause) {
      if (cause instanceof WebSocketError) throw cause;
      throw new ConnectionClosedError("the connection broke", {
        initiator: "remote",
        cause,
      });
    }
    if (part === null && this.#peer.closedWith === undefined) {
      throw new ConnectionClosedError(
        "the connection ended without a WebSocket close frame",
        { initiator: "remote" },
      );
    }
    return part;
  }

  #take({ data, begins, ends }: MessagePart): void {
    let rest = data;
    if (begins) {
      // Kubernetes ignores an empty message.
      if (rest.length === 0) return;
      this.#arriving = this.#begin(rest[0]);
      rest = rest.subarray(1);
    }
    const arriving = this.#arriving;
    if (arriving === undefined) return;
    this.#add(arriving, rest, ends);
    if (!ends) return;
    this.#arriving = undefined;
    if (arriving.channel === CLOSE_SIGNAL && this.#options.hasClose) {
      this.#endByMessage(arriving);
    } else this.#pass(arriving, true);
  }

  #begin(first: number): Arriving {
    const { codec, hasClose } = this.#options;
    const isClose = hasClose && first === CLOSE_SIGNAL;
    return {
      channel: isClose ? CLOSE_SIGNAL : codec.channelOf(first),
      decode: codec.decoder(),
      buffer: EMPTY,
      size: 0,
      isEmpty: true,
    };
  }

  #add(arriving: Arriving, data: Uint8Array, ends: boolean): void {
    const buffer = this.#buffers.get(arriving.channel);
    const isClose = arriving.channel === CLOSE_SIGNAL && this.#options.hasClose;
    // No reader uses the channel; Kubernetes ignores such messages.
    if (!isClose && (buffer === undefined || buffer.hasEnded)) return;
    const bytes = arriving.decode(data, ends);
    if (isClose && arriving.size + bytes.length > 1) {
      throw new WebSocketError(
        "a message that ends a channel has more than two bytes",
        { status: POLICY_VIOLATION },
      );
    }
    if (bytes.length > 0) {
      append(arriving, bytes);
      arriving.isEmpty = false;
    }
    const most = Math.min(MAX_MESSAGE, this.#options.maxBufferedBytes);
    if (arriving.size >= most) this.#pass(arriving, false);
  }

  /** Passes what has arrived of a message to the reader. */
  #pass(arriving: Arriving, ends: boolean): void {
    const { buffer, size } = arriving;
    const chunk = buffer.length === size ? buffer : buffer.slice(0, size);
    arriving.buffer = EMPTY;
    arriving.size = 0;
    this.#buffers.get(arriving.channel)?.push(chunk);
    if (ends && !arriving.isEmpty) this.#onMessage.get(arriving.channel)?.();
  }

  #endByMessage({ buffer, size }: Arriving): void {
    const channel = size === 0 ? undefined : buffer[0];
    // Rule: the next byte is an existing channel (`wsstream`).
    if (channel === undefined || !this.#options.channels.has(channel)) {
      throw new WebSocketError(
        channel === undefined
          ? "a message that ends a channel has no channel number"
          : `a message ends channel ${channel}, which does not exist`,
        { status: POLICY_VIOLATION },
      );
    }
    this.endInput(channel);
  }
}

/**
 * Copies a piece, because it is a view into the buffer of the next read. All pieces are in
 * one buffer: a peer chooses their size, and an array for each piece of one byte would
 * use 200 times the memory that is counted.
 */
function append(arriving: Arriving, bytes: Uint8Array): void {
  const { buffer, size } = arriving;
  const needed = size + bytes.length;
  if (size === 0) arriving.buffer = bytes.slice();
  else {
    if (needed > buffer.length) {
      const room = Math.min(2 * buffer.length, MAX_MESSAGE);
      arriving.buffer = new Uint8Array(Math.max(needed, room));
      arriving.buffer.set(buffer);
    }
    arriving.buffer.set(bytes, size);
  }
  arriving.size = needed;
}

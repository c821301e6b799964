/**
 * One TCP connection of a capture, or one file of raw bytes: converts segments to
 * records.
 *
 * @module
 */

import { SYN_REPLY, SYN_STREAM } from "../frame/constants.ts";
import {
  Channel,
  type ChannelHost,
  type Side,
  type TlsLayers,
} from "./channel.ts";
import type { ReadFrame } from "./frame_output.ts";
import type { HttpHead } from "./http1.ts";
import type { Layer } from "./layer.ts";
import type {
  CaptureRecord,
  CaptureSink,
  EndRecord,
  HeadRecord,
  Place,
} from "./records.ts";
import type { Segment } from "./segment.ts";
import { TcpHalf } from "./tcp_half.ts";

/** Most heads that wait until SPDY follows, such as those of a CONNECT. */
const MOST_HEADS = 8;

/** What all connections of a capture share. */
export interface ConversationContext {
  /** Receives the records. */
  readonly sink: CaptureSink;
  /** Number of the current packet; 0 for raw bytes. */
  packet: number;
  /** Time of the current packet, ms since 1970. */
  time: number;
  /** Creates the layers of TLS for a connection. */
  createTls(host: ChannelHost): TlsLayers;
  /** Runs `action` in order: at once, or after the current decryption. */
  inOrder(action: () => void): void;
  /** Called for a connection without SPDY, with its protocol. */
  onOther(what: string): void;
}

/** A packet with a RST. */
export interface Reset {
  readonly side: Side;
  readonly sequence: number;
  /** Its number in the capture. */
  readonly packet: number;
  /** Its time, ms since 1970. */
  readonly time: number;
}

/** A connection. */
export class Conversation implements ChannelHost {
  /** Its number: Wireshark's `tcp.stream`. */
  readonly number: number;
  /** The two directions of TCP: first that of the end that is first in the key. */
  readonly halves: readonly [TcpHalf, TcpHalf];
  readonly isComplete: boolean;
  readonly isRaw: boolean;
  /** Packets of this connection so far. */
  packets = 0;
  /**
   * Number of its last packet in the capture. Records have this number and not that of the
   * current packet: bytes that wait after a gap may be read when the current packet
   * belongs to another connection.
   */
  #lastPacket: number;
  /** Time of that packet. */
  #lastTime: number;
  /**
   * Sequence numbers before the first byte of each side, to detect a new connection
   * on the same ports.
   */
  readonly bases: [number | undefined, number | undefined] = [
    undefined,
    undefined,
  ];
  /** Whether a FIN or a RST was seen. */
  isClosing = false;
  /** The RST. Removed if later bytes of the same sender follow: it was forged in that case. */
  reset: Reset | undefined;
  /** Segments in a row whose sequence numbers do not belong to this connection. */
  readonly strays: Segment[] = [];

  readonly #context: ConversationContext;
  readonly #ends: readonly [string, string];
  #client: Side | undefined;
  readonly #begin: number;
  readonly #channel: Channel;
  #held: (() => void)[] = [];
  #isAnnounced = false;
  #other: string | undefined;
  #isOver = false;

  /**
   * Creates a connection between `ends`. `client` is the side that sent the SYN, if
   * the capture contains it.
   */
  constructor(
    context: ConversationContext,
    number: number,
    ends: readonly [string, string],
    client: Side | undefined,
    isRaw: boolean,
  ) {
    this.#context = context;
    this.number = number;
    this.#ends = ends;
    this.#client = client;
    this.isComplete = client !== undefined;
    this.isRaw = isRaw;
    this.#lastPacket = context.packet;
    this.#begin = this.#lastTime = context.time;
    const channel = this.#channel = new Channel(this);
    this.halves = [
      new TcpHalf(channel.layer(0)),
      new TcpHalf(channel.layer(1)),
    ];
  }

  /** Whether SPDY was found. */
  get hasSpdy(): boolean {
    return this.#isAnnounced;
  }

  /** Whether both sides have sent a FIN; the capture may lack bytes before it. */
  get isShut(): boolean {
    return this.halves.every(({ hasFin }) => hasFin);
  }

  /** Number of its last packet in the capture. */
  get lastPacket(): number {
    return this.#lastPacket;
  }

  /** The current packet belongs to this connection. */
  addPacket(): void {
    this.packets++;
    this.#lastPacket = this.#context.packet;
    this.#lastTime = this.#context.time;
  }

  /** The reader of one direction; its bytes must be in order. */
  layer(side: Side): Layer {
    return this.#channel.layer(side);
  }

  /** Reads the bytes that wait, and ends both directions. */
  finish(how: EndRecord["how"]): void {
    if (this.#isOver) return;
    for (const half of this.halves) half.finish();
    this.end(how);
  }

  /** Called when both directions have ended. */
  end(how: EndRecord["how"]): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#context.inOrder(() => this.#reportEnd(how));
  }

  #reportEnd(how: EndRecord["how"]): void {
    if (this.#isAnnounced) {
      this.#context.sink.onRecord({
        kind: "end",
        connection: this.number,
        time: this.#lastTime,
        how,
      });
    } else if (this.#other !== undefined) this.#context.onOther(this.#other);
  }

  onFrame(side: Side, frame: ReadFrame): void {
    this.#client ??= clientOf(frame, side);
    // All fields are listed, because copying by spreading takes a fifth of the time
    // of small frames.
    this.#emit({
      kind: "frame",
      connection: this.number,
      fromClient: this.#isClient(side),
      from: this.#ends[side],
      to: this.#ends[1 - side],
      offset: frame.offset,
      packet: this.#lastPacket,
      time: this.#lastTime,
      type: frame.type,
      frame: frame.frame,
      streamId: frame.streamId,
      version: frame.version,
      flags: frame.flags,
      length: frame.length,
      missing: frame.missing,
      headerBytes: frame.headerBytes,
      unreadable: frame.unreadable,
      error: frame.error,
    });
  }

  onPayload(
    side: Side,
    streamId: number,
    bytes: Uint8Array,
    missing: number,
  ): void {
    const { sink } = this.#context;
    if (sink.onPayload === undefined) return;
    this.#announce();
    sink.onPayload({
      connection: this.number,
      fromClient: this.#isClient(side),
      streamId,
      bytes,
      missing,
    });
  }

  onHead(side: Side, head: HttpHead, isHeld: boolean): void {
    const { line, fields, length, offset } = head;
    const packet = this.#lastPacket;
    const time = this.#lastTime;
    const emit = (): void => {
      const record: HeadRecord = {
        kind: "head",
        ...this.#place(side, offset),
        packet,
        time,
        line,
        fields,
        length,
      };
      this.#emit(record);
    };
    if (isHeld) this.#hold(emit);
    else emit();
  }

  onHeldNote(side: Side, text: string): void {
    this.#hold(() => this.onNote(side, 0, text, false, 0));
  }

  /** Reports something when SPDY follows, or at once if it was already found. */
  #hold(emit: () => void): void {
    if (this.#isAnnounced) emit();
    else if (this.#held.length < MOST_HEADS) this.#held.push(emit);
  }

  onNote(
    side: Side,
    offset: number,
    text: string,
    isError: boolean,
    skipped: number,
  ): void {
    const place = this.#place(side, offset);
    this.#emit({ kind: "note", ...place, text, isError, skipped });
  }

  onClient(side: Side): void {
    this.#client ??= side;
  }

  onOther(what: string): void {
    this.#other = what;
  }

  createTls(): TlsLayers {
    return this.#context.createTls(this);
  }

  /** Without a SYN or a message that identifies it, the server is the side with the lower port. */
  #isClient(side: Side): boolean {
    if (this.#client === undefined) {
      const [first, second] = this.#ends.map((end) =>
        Number(end.slice(end.lastIndexOf(":") + 1))
      );
      this.#client = !this.isRaw && first < second ? 1 : 0;
    }
    return this.#client === side;
  }

  #place(side: Side, offset: number): Place {
    return {
      connection: this.number,
      fromClient: this.#isClient(side),
      from: this.#ends[side],
      to: this.#ends[1 - side],
      offset,
      packet: this.#lastPacket,
      time: this.#lastTime,
    };
  }

  #emit(record: CaptureRecord): void {
    this.#announce();
    this.#context.sink.onRecord(record);
  }

  #announce(): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const client = this.#isClient(0) ? 0 : 1;
    this.#context.sink.onRecord({
      kind: "connection",
      connection: this.number,
      client: this.#ends[client],
      server: this.#ends[1 - client],
      time: this.#begin,
      complete: this.isComplete || this.isRaw,
    });
    const held = this.#held;
    this.#held = [];
    for (const emit of held) emit();
  }
}

/** The side that must be the client: streams of clients have odd numbers (SPDY/3 draft 2.3.2). */
function clientOf(frame: ReadFrame, side: Side): Side | undefined {
  const other = side === 0 ? 1 : 0;
  const { frame: content } = frame;
  switch (content?.frameType) {
    case SYN_STREAM:
      return content.streamId % 2 === 1 ? side : other;
    case SYN_REPLY:
      return content.streamId % 2 === 1 ? other : side;
    default:
      return undefined;
  }
}

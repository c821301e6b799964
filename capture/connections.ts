/**
 * The connections of a capture: numbers them as Wireshark does, and keeps the open
 * ones.
 *
 * @module
 */

import type { Side } from "./channel.ts";
import { Conversation, type ConversationContext } from "./conversation.ts";
import type { EndRecord } from "./records.ts";
import {
  endpoints,
  type Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from "./segment.ts";
import { isBehindEnd } from "./tcp_half.ts";

/** Most open connections. If there are more, those that were silent longest are removed. */
const MOST_OPEN = 1 << 14;
/** Most ended connections that are remembered, so that their late packets do not open new ones. */
const MOST_CLOSED = 1 << 16;

/**
 * How long a connection waits after a RST for packets that the RST has overtaken, in
 * packets of the capture and in ms; and the most connections that wait.
 */
const RESET_PACKETS = 256;
const RESET_TIME = 1000;
const MOST_RESET = 64;
/**
 * This number of segments in a row whose sequence numbers do not belong to the
 * connection begin a new one. A single segment may be damaged or forged.
 */
const MOST_STRAYS = 3;

/** The data of a connection that has ended. */
interface Closed {
  readonly number: number;
  readonly bases: readonly [number | undefined, number | undefined];
  /** Sequence number after the last byte of each side. */
  readonly next: readonly [number | undefined, number | undefined];
  readonly isClosing: boolean;
}

/** The TCP connections of a capture. */
export class Connections {
  readonly #context: ConversationContext;
  readonly #open = new Map<string, Conversation>();
  readonly #closed = new Map<string, Closed>();
  /** The open connections with a RST, in the order of the first RST of each. */
  readonly #reset = new Map<string, Conversation>();
  #count = 0;

  /** Creates an empty table. */
  constructor(context: ConversationContext) {
    this.#context = context;
  }

  /** The next number, for a file of raw bytes. */
  takeNumber(): number {
    return this.#count++;
  }

  /** Reads a segment; returns the number of its connection, if that is known. */
  add(segment: Segment): number | undefined {
    if (this.#reset.size > 0) this.#endReset();
    const { key, flags, sequence, acknowledged, bytes } = segment;
    const side: Side = segment.isFromFirst ? 0 : 1;
    const other: Side = side === 0 ? 1 : 0;
    const isSyn = (flags & TCP_SYN) !== 0;
    // A SYN hardly ever has a payload: a length without bytes is a wrong IP length.
    const length = isSyn && bytes.length === 0 ? 0 : segment.length;
    const conversation = this.#find(segment, side, isSyn);
    if (conversation === undefined) return this.#closed.get(key)?.number;
    const { bases, halves, strays } = conversation;
    const { packet, time } = this.#context;
    const half = halves[side];
    const isReset = (flags & TCP_RST) !== 0;
    const isFin = (flags & TCP_FIN) !== 0;
    if (!isSyn && half.isFar(sequence)) {
      // A RST that does not belong to the stream does not end it (RFC 9293 3.5.3).
      if (!isReset && length > 0) this.#keepStray(conversation, segment);
      return conversation.number;
    }
    conversation.addPacket();
    if (length > 0 && strays.length > 0) strays.length = 0;
    bases[side] ??= isSyn ? sequence : (sequence - 1) >>> 0;
    const begin = isSyn ? (sequence + 1) >>> 0 : sequence;
    if (isSyn) half.begin(begin);
    // An acknowledgement of 0 is almost never real; it occurs in packets that were
    // made by hand.
    if (flags & TCP_ACK && acknowledged !== 0) {
      bases[other] ??= (acknowledged - 1) >>> 0;
      halves[other].acknowledge(acknowledged, conversation.packets, time);
    }
    // The payload of a RST is a message for people (RFC 9293 3.5.3).
    if (!isReset && (length > 0 || isFin)) {
      const { reset } = conversation;
      if (
        reset?.side === side && length > 0 &&
        ((sequence - reset.sequence) | 0) >= 0
      ) conversation.reset = undefined;
      half.add(begin, bytes, length, isFin);
    }
    if (isFin || isReset) conversation.isClosing = true;
    if (halves[0].ended && halves[1].ended) {
      conversation.end(howEnded(conversation, "closed"));
      this.#close(key, conversation);
    } else if (isReset) {
      // Packets that were sent before it may follow in the capture.
      conversation.reset = { side, sequence, packet, time };
      this.#reset.set(key, conversation);
      if (this.#reset.size > MOST_RESET) this.#endReset(true);
    }
    return conversation.number;
  }

  /** Ends all connections at the end of the capture. */
  end(): void {
    for (const conversation of this.#open.values()) {
      conversation.finish(howEnded(conversation, "capture ended"));
    }
    this.#open.clear();
    this.#reset.clear();
  }

  /** Ends the connections whose RST is old; with `isFull`, at least the first. */
  #endReset(isFull = false): void {
    const { packet, time } = this.#context;
    for (const [key, conversation] of this.#reset) {
      const { reset } = conversation;
      if (
        reset !== undefined && !isFull &&
        packet - reset.packet < RESET_PACKETS && time - reset.time < RESET_TIME
      ) return;
      isFull = false;
      if (reset === undefined) this.#reset.delete(key);
      else {
        conversation.finish("reset");
        this.#close(key, conversation);
      }
    }
  }

  /** The connection of the segment; `undefined` for a late packet of one that has ended. */
  #find(
    segment: Segment,
    side: Side,
    isSyn: boolean,
  ): Conversation | undefined {
    const { key, flags, sequence } = segment;
    const open = this.#open.get(key);
    const known = open ?? this.#closed.get(key);
    const opens = isSyn && (flags & TCP_ACK) === 0;
    // A SYN opens a new connection on the same ports, unless it is a
    // retransmission.
    const isNew = known === undefined ||
      opens && known.bases[side] !== undefined &&
        (known.bases[side] !== sequence || known.isClosing);
    if (isNew) return this.#create(segment, side, this.#count++, open);
    if (opens || !isOfNext(segment, side, isSyn, known)) return open;
    // Like Wireshark, which gives a new number only for a SYN.
    return this.#create(segment, side, known.number, open);
  }

  /** Creates a connection in place of `open`, the former one on the same ports. */
  #create(
    segment: Segment,
    side: Side,
    number: number,
    open: Conversation | undefined,
  ): Conversation {
    const { key, flags } = segment;
    if (open !== undefined) {
      open.finish(howEnded(open, "closed"));
      this.#open.delete(key);
      this.#reset.delete(key);
    }
    this.#closed.delete(key);
    const [from, to] = endpoints(segment);
    const client = (flags & TCP_SYN) === 0
      ? undefined
      : (flags & TCP_ACK) === 0
      ? side
      : side === 0
      ? 1
      : 0;
    const created = new Conversation(
      this.#context,
      number,
      side === 0 ? [from, to] : [to, from],
      client,
      false,
    );
    this.#open.set(key, created);
    if (this.#open.size > MOST_OPEN) this.#forget();
    return created;
  }

  /**
   * Keeps a segment whose sequence number does not belong to the connection. After
   * several of them, a new connection has begun.
   */
  #keepStray(conversation: Conversation, segment: Segment): void {
    const { strays, number } = conversation;
    strays.push({
      ...segment,
      ip: segment.ip.slice(),
      bytes: segment.bytes.slice(),
    });
    if (strays.length < MOST_STRAYS) return;
    this.#create(segment, segment.isFromFirst ? 0 : 1, number, conversation);
    for (const stray of strays) this.add(stray);
  }

  #close(key: string, conversation: Conversation): void {
    const { number, bases, halves, isClosing } = conversation;
    this.#open.delete(key);
    this.#reset.delete(key);
    const next = [halves[0].next, halves[1].next] as const;
    this.#keep(key, { number, bases, next, isClosing });
  }

  #keep(key: string, closed: Closed): void {
    this.#closed.set(key, closed);
    if (this.#closed.size <= MOST_CLOSED) return;
    for (const oldest of this.#closed.keys()) {
      this.#closed.delete(oldest);
      break;
    }
  }

  /**
   * Removes the half of the connections that was silent longest. This happens
   * rarely, so its cost is small.
   */
  #forget(): void {
    const silent = [...this.#open]
      .sort(([, a], [, b]) => a.lastPacket - b.lastPacket)
      .slice(0, MOST_OPEN / 2);
    for (const [key, conversation] of silent) {
      conversation.finish(howEnded(conversation, "forgotten"));
      this.#open.delete(key);
      this.#reset.delete(key);
    }
  }
}

/**
 * How a connection ended: `"reset"` after a RST, `"closed"` after a FIN of both sides,
 * and else `otherwise`.
 */
function howEnded(
  { reset, isShut }: Conversation,
  otherwise: EndRecord["how"],
): EndRecord["how"] {
  if (reset !== undefined) return "reset";
  return isShut ? "closed" : otherwise;
}

/**
 * Whether a segment belongs to the next connection on the same ports, whose SYN the
 * capture lacks.
 */
function isOfNext(
  { flags, sequence, length }: Segment,
  side: Side,
  isSyn: boolean,
  known: Conversation | Closed,
): boolean {
  const base = known.bases[side];
  // The answer to a SYN.
  if (isSyn) return base !== undefined && base !== sequence;
  return !(known instanceof Conversation) && length > 0 &&
    (flags & TCP_RST) === 0 && isBehindEnd(sequence, known.next[side]);
}

/**
 * The connections of a capture: numbers them as Wireshark does, and keeps the open
 * ones.
 *
 * @module
 */

import type { Side } from "./channel.ts";
import { Conversation, type ConversationContext } from "./conversation.ts";
import {
  endpoints,
  type Segment,
  TCP_ACK,
  TCP_FIN,
  TCP_RST,
  TCP_SYN,
} from "./segment.ts";

/** Most open connections. If there are more, those that were silent longest are removed. */
const MOST_OPEN = 1 << 14;
/** Most ended connections that are remembered, so that their late packets do not open new ones. */
const MOST_CLOSED = 1 << 16;

/** The data of a connection that has ended. */
interface Closed {
  readonly number: number;
  readonly bases: readonly [number | undefined, number | undefined];
  readonly isClosing: boolean;
}

/** The TCP connections of a capture. */
export class Connections {
  readonly #context: ConversationContext;
  readonly #open = new Map<string, Conversation>();
  readonly #closed = new Map<string, Closed>();
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
    const { key, flags, sequence, acknowledged, bytes } = segment;
    const side: Side = segment.isFromFirst ? 0 : 1;
    const other: Side = side === 0 ? 1 : 0;
    const isSyn = (flags & TCP_SYN) !== 0;
    // A SYN has hardly ever a payload: a length without bytes is a wrong IP length.
    const length = isSyn && bytes.length === 0 ? 0 : segment.length;
    const conversation = this.#find(segment, side, isSyn);
    if (conversation === undefined) return this.#closed.get(key)?.number;
    const { bases, halves } = conversation;
    const { packet, time } = this.#context;
    conversation.packets++;
    conversation.lastPacket = packet;
    bases[side] ??= isSyn ? sequence : (sequence - 1) >>> 0;
    const half = halves[side];
    const begin = isSyn ? (sequence + 1) >>> 0 : sequence;
    if (isSyn) half.begin(begin);
    // An acknowledgement of 0 is almost never real; it occurs in packets that were
    // made by hand.
    if (flags & TCP_ACK && acknowledged !== 0) {
      bases[other] ??= (acknowledged - 1) >>> 0;
      halves[other].acknowledge(acknowledged, conversation.packets, time);
    }
    const isReset = (flags & TCP_RST) !== 0;
    const isFin = (flags & TCP_FIN) !== 0;
    // The payload of a RST is a message for people (RFC 9293 3.5.3).
    if (!isReset && (length > 0 || isFin)) {
      half.add(begin, bytes, length, isFin);
    }
    if (isFin || isReset) conversation.isClosing = true;
    if (isReset) {
      conversation.finish("reset");
      this.#close(key, conversation);
    } else if (halves[0].ended && halves[1].ended) {
      conversation.end("closed");
      this.#close(key, conversation);
    }
    return conversation.number;
  }

  /** Ends all connections at the end of the capture. */
  end(): void {
    for (const conversation of this.#open.values()) {
      conversation.finish("capture ended");
    }
    this.#open.clear();
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
    if (!isNew) return open;
    if (open !== undefined) {
      open.finish("closed");
      this.#open.delete(key);
    }
    this.#closed.delete(key);
    const [from, to] = endpoints(segment);
    const client = isSyn ? (opens ? side : side === 0 ? 1 : 0) : undefined;
    const created = new Conversation(
      this.#context,
      this.#count++,
      side === 0 ? [from, to] : [to, from],
      client,
      false,
    );
    this.#open.set(key, created);
    if (this.#open.size > MOST_OPEN) this.#forget();
    return created;
  }

  #close(key: string, { number, bases, isClosing }: Conversation): void {
    this.#open.delete(key);
    this.#keep(key, { number, bases, isClosing });
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
      conversation.finish("forgotten");
      this.#open.delete(key);
    }
  }
}

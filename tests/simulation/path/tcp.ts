/**
 * Two ends of a TCP connection over a path, in virtual time: sockets with buffers,
 * acknowledgements, losses that delay all bytes behind them, congestion windows.
 *
 * @module
 */

import type { ByteConn } from "../../../connection/transport/transport.ts";
import type { World } from "../world.ts";
import { type Bottleneck, PACKET } from "./bottleneck.ts";
import { type CongestionControl, CongestionWindow } from "./congestion.ts";

/** The properties of the kernels of both ends. */
export interface TcpOptions {
  readonly congestion: CongestionControl;
  /** Whether slow start ends when round trips become longer. */
  readonly endsEarly: boolean;
  /** Size of the sending socket, bytes; 0 for twice the congestion window. */
  readonly sendBuffer: number;
  /** Size of the receiving socket, bytes. */
  readonly receiveBuffer: number;
  /** How long an acknowledgement may wait for a second packet, ms. */
  readonly acknowledgementDelay: number;
}

/** Bytes of a packet without data. */
const EMPTY = 52;
/** Largest segment; no kernel sends larger ones. */
const MOST_PIECE = 16_384;
/** At least this many segments are sent in a round trip, if the window has room for them. */
const PIECES = 16;
/** The first packets are acknowledged one by one. */
const QUICK = 16;
/** A segment counts as lost when this many that were sent later have arrived. */
const REORDERED = 3;
/**
 * How long a sender waits for an acknowledgement, ms: before the first round trip
 * is known, and beyond a known one.
 */
const FIRST_TIMEOUT = 1000;
const SHORTEST_TIMEOUT = 200;
const LEAST_SEND_BUFFER = 64 * 1024;
const MOST_SEND_BUFFER = 4 * 1024 * 1024;

/** A segment: bytes under way. */
interface Piece {
  readonly bytes: Uint8Array;
  /** Position of its first byte in the stream. */
  readonly at: number;
  /** How many segments the sender had sent before, including repeated ones. */
  order: number;
  sentAt: number;
  repeated: boolean;
  /** How many segments the receiver had at that time; 0 while this one has not arrived. */
  arrival: number;
  /** Whether the sender knows that it has arrived. */
  delivered: boolean;
  lost: boolean;
}

/** What a packet tells about the other direction. */
interface Acknowledgement {
  /** Segments that have arrived. */
  readonly arrivals: number;
  /** The receiver has room for bytes before this position. */
  readonly edge: number;
}

/** One end: it sends to its peer and receives from it. */
export class TcpEnd implements ByteConn {
  peer!: TcpEnd;
  /** Called with the bytes that are written. */
  onWritten: (bytes: Uint8Array) => void = () => {};
  /** Called with the bytes that are read. */
  onRead: (bytes: Uint8Array) => void = () => {};
  readonly #world: World;
  readonly #output: Bottleneck;
  readonly #options: TcpOptions;
  #isClosed = false;

  // Fields of the sender.
  readonly #congestion: CongestionWindow;
  #unsent: Uint8Array[] = [];
  #unsentSize = 0;
  /** The segments from the first unacknowledged one on. */
  #pieces: Piece[] = [];
  #next = 0;
  #order = 0;
  /** Bytes under way, without those that are known to be lost. */
  #flight = 0;
  /**
   * The loss of bytes before this position has been answered. The window does not
   * grow until these bytes have arrived, except after a timeout.
   */
  #recovery = 0;
  #hasTimedOut = false;
  #edge: number;
  #smoothed = 0;
  #variance = 0;
  #shortest = Infinity;
  #timeouts = 0;
  #deadline = Infinity;
  #timerAt = Infinity;
  #lastSent = 0;
  /** Whether the window was in use when bytes were sent last. */
  #isLimited = false;
  #wakeWriter = (): void => {};

  // Fields of the receiver.
  #arrivals = 0;
  #received = 0;
  /** Segments that wait for earlier ones. */
  readonly #later = new Map<number, Uint8Array>();
  #laterSize = 0;
  #ready: Uint8Array[] = [];
  #readySize = 0;
  #unacknowledged = 0;
  #told = 0;
  #acknowledgeAt = Infinity;
  #stalledUntil = 0;
  #hasEnded = false;
  #wakeReader = (): void => {};

  constructor(world: World, output: Bottleneck, options: TcpOptions) {
    this.#world = world;
    this.#output = output;
    this.#options = options;
    this.#congestion = new CongestionWindow(
      options.congestion,
      options.endsEarly,
    );
    this.#edge = options.receiveBuffer;
    this.#told = options.receiveBuffer;
  }

  /** Bytes that were written and are not acknowledged. */
  get unacknowledged(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, 0) +
      this.#unsentSize;
  }

  /** Bytes that may be under way according to the congestion window. */
  get congestionWindow(): number {
    return this.#congestion.window;
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that were sent and have not arrived. */
  get underWay(): number {
    return this.#flight;
  }

  // The socket, as the application uses it.

  async write(data: Uint8Array): Promise<number> {
    while (!this.#isClosed && this.#room <= 0) {
      await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    }
    if (this.#isClosed) return data.length;
    const bytes = data.slice(0, Math.min(this.#room, data.length));
    this.onWritten(bytes);
    this.#unsent.push(bytes);
    this.#unsentSize += bytes.length;
    const idle = this.#world.now - this.#lastSent;
    if (this.#pieces.length === 0 && idle > this.#timeout) {
      this.#congestion.idle();
    }
    this.#send();
    return bytes.length;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const stall = this.#stalledUntil - this.#world.now;
      if (stall > 0) await this.#world.pause(stall);
      else if (this.#readySize > 0) break;
      else if (this.#hasEnded || this.#isClosed) return null;
      else await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    let size = 0;
    while (size < buffer.length && this.#ready.length > 0) {
      const [first] = this.#ready;
      const part = first.subarray(0, buffer.length - size);
      buffer.set(part, size);
      size += part.length;
      if (part.length === first.length) this.#ready.shift();
      else this.#ready[0] = first.subarray(part.length);
    }
    this.#readySize -= size;
    this.onRead(buffer.subarray(0, size));
    // The sender learns at once that much room has become free.
    if (this.#freeUntil - this.#told > this.#options.receiveBuffer / 4) {
      this.#acknowledge();
    }
    return size;
  }

  closeWrite(): Promise<void> {
    this.#world.after(this.#output.shape.delay, () => {
      this.peer.#hasEnded = true;
      this.peer.#wakeReader();
    });
    return Promise.resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.#wakeReader();
    this.#wakeWriter();
    this.closeWrite();
  }

  /** The process does not read for this time, ms. */
  stallReading(milliseconds: number): void {
    this.#stalledUntil = this.#world.now + milliseconds;
  }

  // Methods of the sender.

  get #sendBuffer(): number {
    const { sendBuffer } = this.#options;
    if (sendBuffer > 0) return sendBuffer;
    const wanted = Math.floor(2 * this.#congestion.window);
    return Math.min(MOST_SEND_BUFFER, Math.max(LEAST_SEND_BUFFER, wanted));
  }

  get #room(): number {
    const first = this.#pieces[0]?.at ?? this.#next;
    return this.#sendBuffer - (this.#next - first) - this.#unsentSize;
  }

  get #timeout(): number {
    const longest = this.#smoothed +
      Math.max(SHORTEST_TIMEOUT, 4 * this.#variance);
    const first = this.#smoothed === 0 ? FIRST_TIMEOUT : longest;
    return first * 2 ** this.#timeouts;
  }

  #send(): void {
    const { window } = this.#congestion;
    for (const piece of this.#pieces) {
      if (this.#flight >= window) break;
      if (!piece.lost) continue;
      piece.lost = false;
      piece.repeated = true;
      this.#flight += piece.bytes.length;
      this.#transmit(piece);
    }
    while (this.#unsentSize > 0 && this.#flight < window) {
      const most = Math.min(
        this.#pieceSize,
        this.#unsentSize,
        this.#edge - this.#next,
      );
      if (most <= 0) break;
      const piece: Piece = {
        bytes: this.#takeUnsent(most),
        at: this.#next,
        order: 0,
        sentAt: 0,
        repeated: false,
        arrival: 0,
        delivered: false,
        lost: false,
      };
      this.#next += most;
      this.#flight += most;
      this.#pieces.push(piece);
      this.#transmit(piece);
    }
    this.#isLimited = this.#flight >= window;
    if (this.#pieces.length > 0 || this.#unsentSize > 0) this.#startTimer();
    else this.#deadline = Infinity;
  }

  get #pieceSize(): number {
    const { room } = this.#output.shape;
    const wanted = Math.min(this.#congestion.window / PIECES, room / 8);
    const packets = Math.max(1, Math.floor(wanted / PACKET));
    return Math.min(MOST_PIECE, packets * PACKET);
  }

  #takeUnsent(size: number): Uint8Array {
    this.#unsentSize -= size;
    const [first] = this.#unsent;
    if (first.length > size) {
      this.#unsent[0] = first.subarray(size);
      return first.subarray(0, size);
    }
    if (first.length === size) {
      this.#unsent.shift();
      return first;
    }
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size) {
      const part = this.#unsent[0].subarray(0, size - filled);
      bytes.set(part, filled);
      filled += part.length;
      if (part.length === this.#unsent[0].length) this.#unsent.shift();
      else this.#unsent[0] = this.#unsent[0].subarray(part.length);
    }
    return bytes;
  }

  #transmit(piece: Piece): void {
    const world = this.#world;
    piece.order = ++this.#order;
    piece.sentAt = world.now;
    this.#lastSent = world.now;
    const acknowledgement = this.#acknowledgement();
    const size = piece.bytes.length;
    const head = EMPTY * Math.ceil(size / PACKET);
    this.#output.pass(size + head, () => {
      this.peer.#acknowledged(acknowledgement);
      this.peer.#arrived(piece);
    });
  }

  /** The peer has acknowledged segments. */
  #acknowledged({ arrivals, edge }: Acknowledgement): void {
    if (this.#isClosed) return;
    const { now } = this.#world;
    this.#edge = Math.max(this.#edge, edge);
    let size = 0;
    let latest = 0;
    let roundTrip = 0;
    for (const piece of this.#pieces) {
      if (piece.arrival === 0 || piece.arrival > arrivals) continue;
      if (piece.delivered) continue;
      piece.delivered = true;
      size += piece.bytes.length;
      if (!piece.lost) this.#flight -= piece.bytes.length;
      piece.lost = false;
      latest = Math.max(latest, piece.order);
      if (!piece.repeated) roundTrip = now - piece.sentAt;
    }
    if (size > 0) {
      this.#timeouts = 0;
      this.#deadline = now + this.#timeout;
      if (roundTrip > 0) this.#measured(roundTrip);
      this.#findLost(latest);
      const isRecovering = !this.#hasTimedOut &&
        (this.#pieces[0]?.at ?? this.#next) < this.#recovery;
      if (this.#isLimited && !isRecovering) {
        this.#congestion.acknowledged(
          size,
          now,
          roundTrip || this.#smoothed,
          this.#shortest,
        );
      }
      let first = 0;
      while (this.#pieces[first]?.delivered) first++;
      if (first > 0) this.#pieces.splice(0, first);
    }
    this.#send();
    // Kernels wake a writer when a third of the buffer is free.
    if (this.#room > this.#sendBuffer / 3) this.#wakeWriter();
  }

  #measured(roundTrip: number): void {
    this.#shortest = Math.min(this.#shortest, roundTrip);
    if (this.#smoothed === 0) {
      this.#smoothed = roundTrip;
      this.#variance = roundTrip / 2;
      return;
    }
    const off = Math.abs(roundTrip - this.#smoothed);
    this.#variance += (off - this.#variance) / 4;
    this.#smoothed += (roundTrip - this.#smoothed) / 8;
  }

  #findLost(latest: number): void {
    for (const piece of this.#pieces) {
      if (piece.delivered || piece.lost) continue;
      if (piece.order > latest - REORDERED) continue;
      this.#lose(piece);
      if (piece.at < this.#recovery) continue;
      this.#recovery = this.#next;
      this.#hasTimedOut = false;
      this.#congestion.lost();
    }
  }

  #lose(piece: Piece): void {
    piece.lost = true;
    this.#flight -= piece.bytes.length;
  }

  #startTimer(): void {
    const { now } = this.#world;
    if (this.#deadline === Infinity) this.#deadline = now + this.#timeout;
    if (this.#timerAt <= this.#deadline) return;
    this.#awaitDeadline();
  }

  #awaitDeadline(): void {
    const world = this.#world;
    const at = this.#deadline;
    this.#timerAt = at;
    world.after(at - world.now, () => {
      if (this.#timerAt !== at) return;
      this.#timerAt = Infinity;
      if (this.#isClosed || this.#deadline === Infinity) return;
      if (world.now < this.#deadline) this.#awaitDeadline();
      else this.#timedOut();
    });
  }

  /** Nothing was acknowledged for a long time. */
  #timedOut(): void {
    this.#timeouts = Math.min(this.#timeouts + 1, 4);
    this.#deadline = Infinity;
    if (this.#pieces.length === 0) {
      // The peer may have room again, and the packet that announced it was lost.
      this.#output.pass(EMPTY, () => this.peer.#acknowledge());
      this.#send();
      return;
    }
    for (const piece of this.#pieces) {
      if (!piece.delivered && !piece.lost) this.#lose(piece);
    }
    this.#recovery = this.#next;
    this.#hasTimedOut = true;
    this.#congestion.timedOut();
    this.#send();
  }

  // Methods of the receiver.

  get #freeUntil(): number {
    const held = this.#readySize + this.#laterSize;
    return this.#received + Math.max(0, this.#options.receiveBuffer - held);
  }

  #arrived(piece: Piece): void {
    if (this.#isClosed) return;
    const isNew = piece.arrival === 0;
    if (isNew) piece.arrival = ++this.#arrivals;
    const { bytes, at } = piece;
    if (isNew && at === this.#received) this.#accept(bytes);
    else if (isNew) {
      this.#later.set(at, bytes);
      this.#laterSize += bytes.length;
    }
    this.#unacknowledged += bytes.length;
    const isDue = this.#unacknowledged >= 2 * PACKET ||
      this.#arrivals <= QUICK || this.#later.size > 0 || !isNew;
    if (isDue) this.#acknowledge();
    else this.#acknowledgeLater();
  }

  #accept(bytes: Uint8Array): void {
    for (
      let next: Uint8Array | undefined = bytes;
      next !== undefined;
      next = this.#later.get(this.#received)
    ) {
      if (this.#later.delete(this.#received)) this.#laterSize -= next.length;
      this.#received += next.length;
      this.#ready.push(next);
      this.#readySize += next.length;
    }
    this.#wakeReader();
  }

  #acknowledgement(): Acknowledgement {
    this.#unacknowledged = 0;
    this.#acknowledgeAt = Infinity;
    this.#told = this.#freeUntil;
    return { arrivals: this.#arrivals, edge: this.#told };
  }

  #acknowledge(): void {
    const acknowledgement = this.#acknowledgement();
    this.#output.pass(EMPTY, () => this.peer.#acknowledged(acknowledgement));
  }

  #acknowledgeLater(): void {
    if (this.#acknowledgeAt !== Infinity) return;
    const world = this.#world;
    const at = world.now + this.#options.acknowledgementDelay;
    this.#acknowledgeAt = at;
    world.after(at - world.now, () => {
      if (this.#acknowledgeAt === at) this.#acknowledge();
    });
  }
}

/** Creates two ends, joined by two bottlenecks. */
export function tcpPair(
  world: World,
  up: Bottleneck,
  down: Bottleneck,
  options: TcpOptions,
): { client: TcpEnd; server: TcpEnd } {
  const client = new TcpEnd(world, up, options);
  const server = new TcpEnd(world, down, options);
  client.peer = server;
  server.peer = client;
  return { client, server };
}

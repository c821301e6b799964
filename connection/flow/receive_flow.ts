/**
 * Passes received bytes to the streams, grants the peer window for them, and decides
 * when to stop reading from the transport.
 *
 * @module
 */

import { versionTraits } from "../../frame/version.ts";
import type { Session } from "../../session.ts";
import type { ReceiveBuffer } from "../buffers/receive_buffer.ts";
import type { ResolvedOptions } from "../options.ts";
import type { StreamCore, Wait } from "../stream/stream_core.ts";
import { QuietTimer } from "../time/quiet_timer.ts";
import { ReceiveWindows } from "./receive_windows.ts";

/**
 * Longest time in which an application may wait for more input while it reads none of
 * the bytes that fill its limit, ms.
 */
const PATIENCE = 1000;

/** Requests to the connection. */
export interface ReceiveFlowEvents {
  /** Sends a PING to measure the path. */
  measurePath(): Promise<number>;
  /** How many bytes this side has sent. */
  sentBytes(): number;
  /** WINDOW_UPDATEs were submitted: write soon. */
  flush(): void;
  /** Whether a stream is open on which the peer may send bytes. */
  expectsBulk(): boolean;
  /** Pause reading from the transport, or resume it. */
  holdReading(hold: boolean): void;
  /** Whether the application waits for something that only more input can provide. */
  wait(): Wait;
  /** Called if the application waits but reads none of the bytes that fill its limit. */
  stuck(most: number): void;
}

/**
 * With flow control, the windows of the streams limit the unread bytes, and are
 * restored as the application reads. The session's window is restored on arrival, so
 * that no stream waits for the reader of another. Without flow control, the socket
 * provides back-pressure: reading stops while more than `maxBufferedBytes` are unread,
 * or more than `maxUnreadBytes` while the application waits for something that only
 * more input can provide.
 */
export class ReceiveFlow {
  readonly #session: Session;
  readonly #events: ReceiveFlowEvents;
  readonly #bound: number;
  readonly #most: number;
  /** Whether reading may stay paused without a limit. */
  readonly #mayHold: boolean;
  readonly #windows: ReceiveWindows | undefined;
  /** Receive buffers that hold pieces of the current read. */
  readonly #unsettled: ReceiveBuffer[] = [];
  /** Bytes of the current read that the windows have not counted. */
  #arrived = 0;
  /** Received bytes that the application has not read, over all streams. */
  #buffered = 0;
  #holding = false;
  /** Whether the connection ends. */
  #stopped = false;
  /** Called when the application has finished with bytes. */
  onConsumed: (() => void) | undefined;
  /** Runs while the application waits although reading is paused. */
  #stuck: QuietTimer | undefined;
  /** Streams whose readers have finished with bytes since the last write. */
  readonly #due: StreamCore[] = [];

  /** `initialWindow` is the window of a new stream that was announced to the peer, bytes. */
  constructor(
    session: Session,
    options: ResolvedOptions,
    initialWindow: number,
    events: ReceiveFlowEvents,
  ) {
    this.#session = session;
    this.#events = events;
    this.#bound = options.maxBufferedBytes;
    this.#most = Math.max(options.maxBufferedBytes, options.maxUnreadBytes);
    this.#mayHold = options.holdUnread ?? false;
    const { windowUpdate } = versionTraits(options.version);
    if (options.flowControl === false || !windowUpdate) return;
    this.#windows = new ReceiveWindows(session, initialWindow, options);
  }

  /** Whether the connection has flow control. */
  get hasWindows(): boolean {
    return this.#windows !== undefined;
  }

  /** Received bytes that the application has not read, over all streams. */
  get unread(): number {
    return this.#buffered;
  }

  /** Bytes that were read and are not in a WINDOW_UPDATE yet. */
  get pendingUpdate(): number {
    return this.#due.reduce((sum, { pendingUpdate }) => sum + pendingUpdate, 0);
  }

  /** See `ReceiveWindows.sessionWindow`. */
  get sessionWindow(): number {
    return this.#windows?.sessionWindow ?? 0;
  }

  /** Passes a piece of the read buffer to its stream. */
  received(core: StreamCore, data: Uint8Array): void {
    this.#buffered += data.length;
    this.#arrived += data.length;
    if (core.receiveBuffer.push(data)) {
      this.#unsettled.push(core.receiveBuffer);
    }
  }

  /**
   * Counts the bytes of this read for the windows. Called once for each read and not
   * for each piece, because reading the clock takes as long as passing a frame to its
   * stream.
   */
  #countArrived(): void {
    const arrived = this.#arrived;
    if (arrived === 0) return;
    this.#arrived = 0;
    if (this.#windows?.received(arrived)) this.#measure(this.#windows);
  }

  /** Called when a stream begins or ends, because the path may be quiet then. */
  mayBeQuiet(): void {
    this.#countArrived();
    if (this.#windows?.mayBeQuiet()) this.#measure(this.#windows);
  }

  /** Measures the path with a PING. */
  #measure(windows: ReceiveWindows): void {
    const before = this.#events.sentBytes();
    this.#events.measurePath().then(() => {
      const sent = this.#events.sentBytes() - before;
      const mayWait = !this.#events.expectsBulk();
      windows.measured(sent, mayWait);
      // While the peer sends nothing, the WINDOW_UPDATE leaves with the next frame:
      // that of a client with its next request. This saves a write on both sides and a
      // read on the server for each connection with a single request: 4 % of an accept.
      if (!mayWait) this.#events.flush();
    }).catch(() => windows.abandoned());
  }

  /**
   * Passes the bytes of this read to readers that wait. True when bytes are left:
   * readers that read again before {@linkcode settle} get them from the read buffer.
   */
  deliver(): boolean {
    this.#countArrived();
    let left = false;
    for (const receiveBuffer of this.#unsettled) {
      left = receiveBuffer.deliver() || left;
    }
    return left;
  }

  /** Copies the rest of the read buffer, before it is reused. */
  settle(): void {
    const unsettled = this.#unsettled;
    for (const receiveBuffer of unsettled) receiveBuffer.settle();
    empty(unsettled);
    this.reconsider();
  }

  /** Pauses or resumes reading, depending on the unread bytes and on what the application waits for. */
  reconsider(): void {
    if (this.#windows !== undefined || this.#stopped) return;
    const bound = this.#holding ? this.#bound / 2 : this.#bound;
    if (this.#buffered <= bound) return this.#hold(false);
    const wait = this.#events.wait();
    this.#hold(wait === "none" || this.#buffered > this.#most);
    // Pausing may have ended the connection.
    if (!this.#holding || this.#stopped) return;
    if (wait !== "need" || this.#mayHold) return;
    this.#stuck ??= new QuietTimer(PATIENCE, () => {
      if (this.#events.wait() === "need") this.#events.stuck(this.#most);
    });
  }

  /** The connection ends: reading is not paused any more. */
  stop(): void {
    this.#stopped = true;
    this.#stopTimer();
  }

  #stopTimer(): void {
    this.#stuck?.stop();
    this.#stuck = undefined;
  }

  #hold(hold: boolean): void {
    if (!hold) this.#stopTimer();
    if (hold === this.#holding) return;
    this.#holding = hold;
    this.#events.holdReading(hold);
  }

  /** The application has finished with bytes of the stream. */
  consumed(core: StreamCore, size: number): void {
    if (this.#stopped) return;
    this.#consume(core, size);
    this.onConsumed?.();
  }

  #consume(core: StreamCore, consumed: number): void {
    const counted = Math.min(consumed, core.discounted);
    core.discounted -= counted;
    const size = consumed - counted;
    if (size === 0) return;
    this.#buffered -= size;
    if (this.#windows !== undefined) {
      if (core.pendingUpdate === 0) this.#due.push(core);
      core.pendingUpdate += size;
      this.#events.flush();
    } else if (this.#holding) {
      this.#stuck?.touch();
      const mayGoOn = this.#buffered <= this.#bound / 2 ||
        this.#stuck !== undefined;
      if (mayGoOn) this.reconsider();
    }
  }

  /**
   * Submits WINDOW_UPDATEs for the bytes that were read. If other frames are ready to
   * be sent, also submits the one for a session window that has become larger. Called
   * only when a write begins: otherwise their queue would grow if the peer does not
   * read.
   */
  updateWindows(): void {
    if (this.#session.wantWrite()) this.#windows?.announce();
    for (const core of this.#due) {
      this.#windows?.consumed(core, core.pendingUpdate);
      core.pendingUpdate = 0;
    }
    empty(this.#due);
  }

  /**
   * The stream has closed, and its window with it. Its unread bytes may never be read.
   * They count as consumed, so that they do not hold back other streams, unless
   * `countedWhenClosed` is set. When closed streams hold as much as they may
   * (`isFull`), the bytes of a stream with another user count until they are read or
   * the stream has no users any more.
   */
  closed(core: StreamCore, isFull: boolean): void {
    const rest = core.receiveBuffer.size;
    // The growth of the window counts as long as there are unread bytes.
    if (rest === 0 || !core.isShared) this.#windows?.closed(core);
    const isHeld = isFull && core.isShared && !this.hasWindows;
    if (!isHeld) this.#discount(core);
  }

  /** The unread bytes of the stream count as consumed. */
  #discount(core: StreamCore): void {
    if (core.countedWhenClosed) return;
    const { size } = core.receiveBuffer;
    // First those that already count as consumed.
    this.#consume(core, size);
    core.discounted = size;
  }

  /** The stream has no users any more. */
  released(core: StreamCore): void {
    this.#windows?.closed(core);
    this.#discount(core);
  }
}

/** Removes all elements. Setting the length to 0 is a call out of compiled code, 0.3 us. */
function empty(list: unknown[]): void {
  while (list.length > 0) list.pop();
}

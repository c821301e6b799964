/**
 * Detects the protocol of the two directions of a connection, and reads it: SPDY,
 * HTTP/1.1 before SPDY, TLS or a WebSocket around it.
 *
 * @module
 */

import type { FrameOutput, ReadFrame } from "./frame_output.ts";
import { FrameReader } from "./frame_reader.ts";
import {
  type Following,
  Http1Exchange,
  type Http1Host,
  Http1Layer,
  type HttpHead,
} from "./http1.ts";
import { FRAME_HEAD_LENGTH } from "../frame/frame_head.ts";
import { IGNORE, join, type Layer } from "./layer.ts";
import { beginsControl, isControlHead, isDataChain } from "./plausible.ts";
import { WebSocketLayer } from "./websocket.ts";

/** One of the two ends of a connection. Which one is the client is detected. */
export type Side = 0 | 1;

/** Receives what a channel finds. */
export interface ChannelHost {
  /** A frame of a side. */
  onFrame(side: Side, frame: ReadFrame): void;
  /** A piece of DATA of a side. */
  onPayload(
    side: Side,
    streamId: number,
    bytes: Uint8Array,
    missing: number,
  ): void;
  /** A head of HTTP/1.1, or a PROXY line. With `isHeld`, it is shown only if SPDY follows. */
  onHead(side: Side, head: HttpHead, isHeld: boolean): void;
  /** A note about a side. */
  onNote(
    side: Side,
    offset: number,
    text: string,
    isError: boolean,
    skipped: number,
  ): void;
  /** A note about a side, shown only if SPDY follows. */
  onHeldNote(side: Side, text: string): void;
  /** The side is the client. */
  onClient(side: Side): void;
  /** The connection uses another protocol, or one that cannot be read. */
  onOther(what: string): void;
  /** Whether the capture contains the beginning of the connection. */
  readonly isComplete: boolean;
  /** Whether the bytes come from a file of raw bytes, which should be SPDY. */
  readonly isRaw: boolean;
  /** Creates the layers for TLS, which may be decrypted; called once for each connection. */
  createTls(host: ChannelHost): TlsLayers;
}

/** Both directions of TLS. */
export type TlsLayers = readonly [Layer, Layer];

/** Most streams that are remembered, to recognise DATA after a gap. */
const MOST_STREAMS = 4096;
/** The signature of PROXY protocol version 2. */
const PROXY_2 = [13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10];
/** Longest head of the PROXY protocol, bytes. */
const MAX_PROXY = 1 << 16;
const METHOD = /^[A-Z]{3,16} $/;
const NOTHING = new Uint8Array(0);
const LATIN1 = new TextDecoder("latin1");

/** Two directions of bytes. */
export class Channel {
  readonly #host: ChannelHost;
  readonly #layers: [Layer, Layer];
  readonly #exchange = new Http1Exchange();
  readonly #streams = new Set<number>();
  #tls: TlsLayers | undefined;
  /** Whether frames were found in either direction. */
  #hasFrames = false;

  /** Creates a channel whose directions begin at offset 0. */
  constructor(host: ChannelHost) {
    this.#host = host;
    this.#layers = [this.#sniffer(0, 0), this.#sniffer(1, 0)];
  }

  /** The reader of one direction. */
  layer(side: Side): Layer {
    return this.#layers[side];
  }

  #sniffer(side: Side, offset: number): Layer {
    return new Sniffer((bytes, isAll) =>
      this.#recognise(side, bytes, offset, isAll)
    );
  }

  /** The layer for a direction that begins with `bytes`; `undefined` if more bytes are needed. */
  #recognise(
    side: Side,
    bytes: Uint8Array,
    offset: number,
    isAll: boolean,
  ): Layer | undefined {
    const host = this.#host;
    if (bytes.length < 4 && !isAll) return undefined;
    if (
      bytes.length >= 4 &&
      (beginsControl(bytes, 0) || host.isRaw && hasVersion(bytes))
    ) {
      if (host.isComplete) return this.#frames(side, offset, "first");
      // In the middle of a connection, four bytes are not enough.
      if (host.isRaw || this.#hasFrames) {
        return this.#frames(side, offset, "frame");
      }
      if (bytes.length >= FRAME_HEAD_LENGTH) {
        return isControlHead(bytes, 0)
          ? this.#frames(side, offset, "frame")
          : this.#frames(side, offset, "anywhere", true);
      }
      if (!isAll) return undefined;
    }
    if (isTls(bytes, host.isComplete)) {
      if (this.#tls === undefined) this.#tls = host.createTls(host);
      return this.#tls[side];
    }
    const text = LATIN1.decode(bytes.subarray(0, 17));
    if (/^(HTTP\/1|HTTP\/?$)/.test(text)) {
      if (!host.isRaw) host.onClient(side === 0 ? 1 : 0);
      return this.#http(side, offset);
    }
    const space = text.indexOf(" ");
    if (text.startsWith("PROXY ") || startsLike(bytes, PROXY_2)) {
      return new ProxyLayer((head, length) => {
        host.onHead(
          side,
          { line: head, fields: [], length, offset },
          true,
        );
        return this.#sniffer(side, offset + length);
      }, () => this.#frames(side, offset, "anywhere", true));
    }
    if (METHOD.test(text.slice(0, space + 1))) {
      host.onClient(side);
      return this.#http(side, offset);
    }
    if (/^[A-Z]{3,16}$/.test(text) && !isAll) return undefined;
    if (bytes.length < 8 && !isAll) return undefined;
    if (host.isRaw && isDataChain(bytes)) {
      return this.#frames(side, offset, "frame");
    }
    // A gap or the end follows, and these few bytes can begin a frame or a head of
    // HTTP/1.1.
    const isOpen = isAll &&
      (bytes.length < 4 && mayBeginControl(bytes) ||
        /^[A-Z]{1,16}$/.test(text));
    if (!host.isComplete || host.isRaw || this.#hasFrames || isOpen) {
      return this.#frames(side, offset, "anywhere", true);
    }
    host.onOther("another protocol");
    return IGNORE;
  }

  #http(side: Side, offset: number): Layer {
    const host = this.#host;
    const http: Http1Host = {
      onHead: (head, isRequest, isHeld) => {
        if (isRequest) host.onClient(side);
        host.onHead(side, head, isHeld);
      },
      onSwitch: (following, at) => this.#follow(side, following, at),
      onLost: (at) => {
        host.onOther("HTTP/1.1");
        return this.#frames(side, at, "anywhere", true);
      },
    };
    host.onOther("HTTP/1.1");
    return new Http1Layer(this.#exchange, http, offset);
  }

  #follow(side: Side, following: Following, offset: number): Layer {
    const host = this.#host;
    switch (following) {
      case "spdy":
        return this.#frames(side, offset, "first");
      case "websocket":
        return new WebSocketLayer(
          this.#frames(side, 0, "first"),
          (offset, count) =>
            host.onNote(
              side,
              offset,
              `${count} bytes between messages of the WebSocket skipped, because the capture lacks bytes before them`,
              true,
              count,
            ),
        );
      default:
        return this.#sniffer(side, offset);
    }
  }

  /** A reader of frames. With `isGuess`, it reports nothing until it has found a frame. */
  #frames(
    side: Side,
    offset: number,
    begin: "first" | "frame" | "anywhere",
    isGuess = false,
  ): Layer {
    const host = this.#host;
    let isQuiet = isGuess;
    let isOver = false;
    let found = 0;
    let lost: { offset: number; skipped: number; missing: number } | undefined;
    const tell = (): void => {
      if (lost === undefined) return;
      const { offset, skipped, missing } = lost;
      lost = undefined;
      host.onNote(
        side,
        offset,
        lostText(skipped, missing, found === 0, isOver),
        true,
        skipped,
      );
    };
    const output: FrameOutput = {
      onFrame: (frame) => {
        tell();
        found++;
        isQuiet = false;
        this.#hasFrames = true;
        if (frame.streamId !== undefined) this.#remember(frame.streamId);
        host.onFrame(side, frame);
      },
      onPayload: (streamId, bytes, missing) => {
        this.#remember(streamId);
        host.onPayload(side, streamId, bytes, missing);
      },
      onLost: (offset, skipped, missing) => {
        lost = { offset, skipped, missing };
        if (!isQuiet) tell();
      },
      isKnownStream: (streamId) => this.#streams.has(streamId),
      isSpdy: () => !isGuess || host.isRaw || this.#hasFrames,
    };
    const reader = new FrameReader(output, offset, begin);
    return {
      push: (bytes) => reader.push(bytes),
      gap: (count) => reader.gap(count),
      end: () => {
        // The protocol may have been detected in the other direction.
        if (this.#hasFrames) isQuiet = false;
        isOver = true;
        reader.end();
        if (isQuiet && found === 0) host.onOther("another protocol");
      },
    };
  }

  #remember(streamId: number): void {
    const streams = this.#streams;
    if (streams.has(streamId)) return;
    streams.add(streamId);
    if (streams.size <= MOST_STREAMS) return;
    for (const oldest of streams) {
      streams.delete(oldest);
      break;
    }
  }
}

/** Waits for enough bytes to detect a protocol. */
class Sniffer implements Layer {
  readonly #recognise: (
    bytes: Uint8Array,
    isAll: boolean,
  ) => Layer | undefined;
  #held: Uint8Array = NOTHING;
  #layer: Layer | undefined;

  constructor(
    recognise: (bytes: Uint8Array, isAll: boolean) => Layer | undefined,
  ) {
    this.#recognise = recognise;
  }

  push(bytes: Uint8Array): void {
    if (this.#layer !== undefined) {
      this.#layer.push(bytes);
      return;
    }
    const held = join(this.#held, bytes);
    this.#layer = this.#recognise(held, false);
    if (this.#layer === undefined) {
      this.#held = held === bytes ? bytes.slice() : held;
      return;
    }
    this.#held = NOTHING;
    this.#layer.push(held);
  }

  gap(count: number): void {
    this.#settle().gap(count);
  }

  end(): void {
    if (this.#layer !== undefined || this.#held.length > 0) {
      this.#settle().end();
    }
  }

  /** Decides with the available bytes, because no more follow without a gap. */
  #settle(): Layer {
    if (this.#layer !== undefined) return this.#layer;
    const held = this.#held;
    this.#held = NOTHING;
    this.#layer = this.#recognise(held, true) ?? IGNORE;
    if (held.length > 0) this.#layer.push(held);
    return this.#layer;
  }
}

/**
 * The line of PROXY protocol version 1, or the head of version 2, which a load
 * balancer sends first.
 */
class ProxyLayer implements Layer {
  readonly #onHead: (text: string, length: number) => Layer;
  readonly #onLost: () => Layer;
  #held: Uint8Array = NOTHING;
  #layer: Layer | undefined;

  /** `onHead` returns the layer after the head, `onLost` that for a head which cannot be read. */
  constructor(
    onHead: (text: string, length: number) => Layer,
    onLost: () => Layer,
  ) {
    this.#onHead = onHead;
    this.#onLost = onLost;
  }

  push(bytes: Uint8Array): void {
    if (this.#layer !== undefined) {
      this.#layer.push(bytes);
      return;
    }
    const held = join(this.#held, bytes);
    const end = proxyEnd(held);
    if (end < 0) {
      this.#held = held === bytes ? bytes.slice() : held;
      if (held.length > MAX_PROXY) this.#lose();
      return;
    }
    const text = held[0] === PROXY_2[0]
      ? "PROXY protocol version 2"
      : LATIN1.decode(held.subarray(0, end)).trimEnd();
    this.#layer = this.#onHead(text, end);
    this.#held = NOTHING;
    if (end < held.length) this.#layer.push(held.subarray(end));
  }

  gap(count: number): void {
    (this.#layer ?? this.#lose()).gap(count);
  }

  end(): void {
    this.#layer?.end();
  }

  /** The end of the head is not found, so what follows has to be searched. */
  #lose(): Layer {
    const layer = this.#layer = this.#onLost();
    layer.push(this.#held);
    this.#held = NOTHING;
    return layer;
  }
}

function proxyEnd(bytes: Uint8Array): number {
  if (bytes[0] !== PROXY_2[0]) return bytes.indexOf(10) + 1 || -1;
  if (bytes.length < 16) return -1;
  const end = 16 + (bytes[14] << 8 | bytes[15]);
  return bytes.length < end ? -1 : end;
}

/** Whether `bytes` begin like `signature`, for the length of the shorter one. */
function startsLike(bytes: Uint8Array, signature: readonly number[]): boolean {
  return bytes.length > 0 &&
    signature.every((byte, index) =>
      index >= bytes.length || bytes[index] === byte
    );
}

/** Whether a control frame of SPDY/2 or SPDY/3 begins here, of any type. */
function hasVersion(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && (bytes[1] === 2 || bytes[1] === 3);
}

/** Whether a control frame may begin with these bytes, of which there are less than four. */
function mayBeginControl(bytes: Uint8Array): boolean {
  const [high = 0x80, low = 2, type = 0] = bytes;
  return high === 0x80 && (low === 2 || low === 3) && type === 0;
}

/**
 * Whether a record of TLS 1.0 to 1.3 begins here: a handshake, or any record if the
 * capture starts in the middle.
 */
function isTls(bytes: Uint8Array, isComplete: boolean): boolean {
  const isType = bytes[0] === 22 ||
    !isComplete && bytes[0] >= 20 && bytes[0] <= 23;
  return isType && bytes[1] === 3 && bytes[2] <= 4;
}

function lostText(
  skipped: number,
  missing: number,
  isFirst: boolean,
  isOver: boolean,
): string {
  const lacks = missing > 0 ? [`the capture lacks ${missing} bytes here`] : [];
  const until = isOver
    ? "and no frame was found after them"
    : `up to the ${isFirst ? "first" : "next"} frame`;
  const skips = skipped > 0
    ? [`${skipped}${missing > 0 ? " more" : " bytes"} skipped ${until}`]
    : [];
  return [...lacks, ...skips].join("; ");
}

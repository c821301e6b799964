/**
 * Reads the HTTP/1.1 messages before SPDY: parses heads and skips bodies. After a
 * switch of protocols, another layer reads the rest.
 *
 * @module
 */

import { IGNORE, join, type Layer } from "./layer.ts";
import { beginsControl } from "./plausible.ts";

/** Longest head that is parsed, bytes. */
const MAX_HEAD = 1 << 16;
/** Most requests that wait for a response. */
const MOST_REQUESTS = 1024;
const NOTHING = new Uint8Array(0);
const LATIN1 = new TextDecoder("latin1");
const CR = 13;
const LF = 10;

/** The protocol after the HTTP/1.1 messages. */
export type Following = "spdy" | "websocket" | "unknown";

/** The parts of a head. */
export interface HttpHead {
  /** The first line. */
  readonly line: string;
  /** The fields, in order. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Length, bytes. */
  readonly length: number;
  /** Offset in the bytes that the layer has read. */
  readonly offset: number;
}

/** Receives what the reader of one direction finds. */
export interface Http1Host {
  /** A head on the way to SPDY: an upgrade, its answer, or (with `isHeld`) a CONNECT. */
  onHead(head: HttpHead, isRequest: boolean, isHeld: boolean): void;
  /** This direction uses another protocol from `offset` on; returns the layer for it. */
  onSwitch(following: Following, offset: number): Layer;
  /** The messages of this direction cannot be parsed; returns the layer for the rest. */
  onLost(offset: number): Layer;
}

interface Request {
  readonly method: string;
  /** The protocol that the request asks to switch to. */
  readonly upgrade: Following | undefined;
}

/** What both directions share: requests that wait for their response, and the result of an upgrade. */
export class Http1Exchange {
  /** In order, with a limit. */
  readonly requests: Request[] = [];
  /** The protocol to which the server has switched. */
  switched: Following | undefined;
}

type State =
  | "head"
  | "body"
  | "chunks"
  | "trailers"
  | "close"
  | "upgrading"
  | "switched";

/** One direction of HTTP/1.1. */
export class Http1Layer implements Layer {
  readonly #exchange: Http1Exchange;
  readonly #host: Http1Host;
  #state: State = "head";
  #next: Layer = IGNORE;
  #held: Uint8Array = NOTHING;
  /** Offset of the next byte, without the bytes that are held. */
  #offset: number;
  /** Bytes of the body that were not skipped yet. */
  #remaining = 0;
  /** The protocol that the last request asked for. */
  #wanted: Following | undefined;

  /** Starts at `offset` with a message. */
  constructor(exchange: Http1Exchange, host: Http1Host, offset: number) {
    this.#exchange = exchange;
    this.#host = host;
    this.#offset = offset;
  }

  push(bytes: Uint8Array): void {
    let rest: Uint8Array | undefined = bytes;
    while (rest !== undefined && rest.length > 0) {
      switch (this.#state) {
        case "head":
          rest = this.#readHead(rest);
          break;
        case "body":
          rest = this.#readBody(rest);
          break;
        case "chunks":
          rest = this.#readChunk(rest);
          break;
        case "trailers":
          rest = this.#readTrailers(rest);
          break;
        case "upgrading":
          rest = this.#readUpgrading(rest);
          break;
        case "close":
          return;
        case "switched":
          this.#next.push(rest);
          return;
        default:
          this.#state satisfies never;
      }
    }
  }

  gap(count: number): void {
    if (this.#state === "switched") this.#next.gap(count);
    else if (
      (this.#state === "body" || this.#state === "chunks") &&
      count <= this.#remaining
    ) {
      this.#remaining -= count;
      this.#offset += count;
      if (this.#remaining === 0 && this.#state === "body") this.#endBody();
    } else if (this.#state !== "close") {
      // The next layer counts from the first of the bytes that are held.
      const held = this.#held;
      const agreed = this.#state === "upgrading"
        ? this.#exchange.switched
        : undefined;
      this.#switch(
        agreed === undefined
          ? this.#host.onLost(this.#offset)
          : this.#host.onSwitch(agreed, this.#offset),
      );
      if (held.length > 0) this.#next.push(held);
      this.#next.gap(count);
    }
  }

  end(): void {
    if (this.#state === "switched") this.#next.end();
  }

  #switch(layer: Layer): void {
    this.#state = "switched";
    this.#next = layer;
    this.#held = NOTHING;
  }

  /**
   * Keeps the beginning of a line or head, whose last bytes are `bytes`. Returns all of it
   * for the next layer if it is too long.
   */
  #keep(held: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
    if (held.length > MAX_HEAD) {
      this.#switch(this.#host.onLost(this.#offset));
      return held;
    }
    this.#held = held === bytes ? bytes.slice() : held;
    return undefined;
  }

  /** Reads a head, which ends with an empty line; returns the bytes after it. */
  #readHead(bytes: Uint8Array): Uint8Array | undefined {
    const held = join(this.#held, bytes);
    const end = headEnd(held, Math.max(0, this.#held.length - 3));
    if (end < 0) {
      return this.#keep(held, bytes);
    }
    const offset = this.#offset;
    const head = parseHead(held.subarray(0, end), offset);
    this.#held = NOTHING;
    this.#offset += end;
    const rest = held.subarray(end);
    if (head === undefined) {
      this.#switch(this.#host.onLost(offset));
      return held;
    }
    if (head.line.startsWith("HTTP/")) this.#onResponse(head);
    else this.#onRequest(head);
    return rest;
  }

  #onRequest(head: HttpHead): void {
    const method = head.line.slice(0, head.line.indexOf(" "));
    const upgrade = upgradeOf(head);
    const { requests } = this.#exchange;
    requests.push({ method, upgrade });
    if (requests.length > MOST_REQUESTS) requests.shift();
    if (upgrade !== undefined) this.#host.onHead(head, true, false);
    else if (method === "CONNECT") this.#host.onHead(head, true, true);
    this.#wanted = upgrade ??
      (method === "CONNECT" ? "unknown" : undefined);
    this.#beginBody(head, false);
  }

  #onResponse(head: HttpHead): void {
    const status = Number(head.line.split(" ", 2)[1]);
    const { requests } = this.#exchange;
    if (status >= 100 && status < 200 && status !== 101) {
      // An interim response: the final one follows.
      this.#state = "head";
      return;
    }
    const request = requests.shift();
    if (status === 101) {
      const following = upgradeOf(head) ?? "unknown";
      this.#exchange.switched = following;
      if (following !== "unknown") {
        this.#host.onHead(head, false, false);
      }
      this.#switch(this.#host.onSwitch(following, this.#offset));
      return;
    }
    if (request?.method === "CONNECT" && status >= 200 && status < 300) {
      this.#host.onHead(head, false, true);
      this.#switch(this.#host.onSwitch("unknown", this.#offset));
      return;
    }
    if (request?.upgrade !== undefined) this.#host.onHead(head, false, false);
    const isEmpty = request?.method === "HEAD" || status === 204 ||
      status === 304;
    if (isEmpty) this.#state = "head";
    else this.#beginBody(head, true);
  }

  #beginBody(head: HttpHead, untilClose: boolean): void {
    const coding = fieldOf(head, "transfer-encoding");
    const length = fieldOf(head, "content-length");
    if (coding !== undefined && /chunked/i.test(coding)) {
      this.#state = "chunks";
      this.#remaining = 0;
    } else if (length !== undefined && /^\d+$/.test(length)) {
      this.#remaining = Number(length);
      this.#state = "body";
      if (this.#remaining === 0) this.#endBody();
    } else if (untilClose) this.#state = "close";
    else this.#endBody();
  }

  #endBody(): void {
    this.#state = this.#wanted === undefined ? "head" : "upgrading";
  }

  #readBody(bytes: Uint8Array): Uint8Array {
    const size = Math.min(this.#remaining, bytes.length);
    this.#remaining -= size;
    this.#offset += size;
    if (this.#remaining === 0) this.#endBody();
    return bytes.subarray(size);
  }

  /** Reads a chunk: a line with its size, its bytes, and CRLF. The last chunk is empty. */
  #readChunk(bytes: Uint8Array): Uint8Array | undefined {
    if (this.#remaining > 0) {
      const size = Math.min(this.#remaining, bytes.length);
      this.#remaining -= size;
      this.#offset += size;
      return bytes.subarray(size);
    }
    const held = join(this.#held, bytes);
    const end = held.indexOf(LF);
    if (end < 0) {
      return this.#keep(held, bytes);
    }
    const line = LATIN1.decode(held.subarray(0, end)).trim();
    const size = /^[0-9a-fA-F]{1,12}(?=$|[;\s])/.exec(line)?.[0];
    this.#held = NOTHING;
    if (size === undefined) {
      this.#switch(this.#host.onLost(this.#offset));
      return held;
    }
    this.#offset += end + 1;
    if (parseInt(size, 16) > 0) {
      this.#remaining = parseInt(size, 16) + 2;
      return held.subarray(end + 1);
    }
    this.#state = "trailers";
    return held.subarray(end + 1);
  }

  /** Reads the fields after the last chunk, usually none, and an empty line. */
  #readTrailers(bytes: Uint8Array): Uint8Array | undefined {
    const held = join(this.#held, bytes);
    const isEmpty = held[0] === LF || held[0] === CR && held[1] === LF;
    const end = isEmpty ? held.indexOf(LF) + 1 : headEnd(held, 0);
    if (end < 0) {
      return this.#keep(held, bytes);
    }
    this.#held = NOTHING;
    this.#offset += end;
    this.#endBody();
    return held.subarray(end);
  }

  /** After a request for an upgrade, the next bytes show whether the client has switched. */
  #readUpgrading(bytes: Uint8Array): Uint8Array | undefined {
    const held = join(this.#held, bytes);
    const agreed = this.#exchange.switched;
    if (agreed === undefined && held.length < 4) {
      this.#held = held === bytes ? bytes.slice() : held;
      return undefined;
    }
    this.#held = NOTHING;
    const wanted = this.#wanted!;
    if (agreed !== undefined) {
      this.#switch(this.#host.onSwitch(agreed, this.#offset));
    } else if (beginsControl(held, 0) && wanted === "spdy") {
      this.#switch(this.#host.onSwitch(wanted, this.#offset));
    } else if (/^[A-Z]{3}/.test(LATIN1.decode(held.subarray(0, 3)))) {
      this.#state = "head";
    } else this.#switch(this.#host.onSwitch(wanted, this.#offset));
    return held;
  }
}

/** Index after the empty line that ends a head; -1 if there is none. */
function headEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0;) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
    at = bytes.indexOf(LF, at + 1);
  }
  return -1;
}

function parseHead(bytes: Uint8Array, offset: number): HttpHead | undefined {
  const [line, ...rest] = LATIN1.decode(bytes).trimStart().split(/\r?\n/);
  if (!/^([A-Z][A-Za-z-]* \S+ HTTP\/1\.\d|HTTP\/1\.\d \d{3}( |$))/.test(line)) {
    return undefined;
  }
  const fields = rest.filter((field) => field !== "").map((field) => {
    const colon = field.indexOf(":");
    return colon < 0
      ? [field, ""] as const
      : [field.slice(0, colon), field.slice(colon + 1).trim()] as const;
  });
  return { line, fields, length: bytes.length, offset };
}

/** The values of a field, joined; `undefined` if there is none. */
function fieldOf(head: HttpHead, name: string): string | undefined {
  const values = head.fields
    .filter(([field]) => field.toLowerCase() === name)
    .map(([, value]) => value);
  return values.length === 0 ? undefined : values.join(", ");
}

/** SPDY, or SPDY in a WebSocket, if the head asks for it. */
function upgradeOf(head: HttpHead): Following | undefined {
  const upgrade = fieldOf(head, "upgrade") ?? "";
  if (/\bspdy\/[\d.]+/i.test(upgrade)) return "spdy";
  if (!/\bwebsocket\b/i.test(upgrade)) return undefined;
  const protocols = fieldOf(head, "sec-websocket-protocol") ?? "";
  const isTunnel = protocols.split(",").some((name) =>
    /^spdy\//i.test(name.trim())
  );
  return isTunnel ? "websocket" : undefined;
}

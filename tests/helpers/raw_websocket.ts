/**
 * A WebSocket client that sends exactly what a test tells it to, valid or not.
 *
 * @module
 */

import { concat } from "../deps.ts";
import {
  applyMask,
  encodeFrame,
  readHead,
} from "../../kubernetes/websocket/frame.ts";

/** A text with one character for each byte. */
const latin1 = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const MASK = new Uint8Array([7, 1, 8, 2]);

/** A frame of the server; the payload as Latin-1. */
export interface RawFrame {
  readonly opcode: number;
  readonly payload: string;
}

/** A connection after the handshake. */
export class RawWebSocket {
  readonly conn: Deno.TcpConn;
  #rest: Uint8Array;

  private constructor(conn: Deno.TcpConn, rest: Uint8Array) {
    this.conn = conn;
    this.#rest = rest;
  }

  /**
   * Sends a request for an upgrade. `lines` are the method and target, followed
   * by the headers. Resolves to the whole answer.
   */
  static async ask(
    port: number,
    lines: readonly string[],
  ): Promise<{ head: string; body: string }> {
    const conn = await RawWebSocket.#request(port, lines);
    let text = "";
    const buffer = new Uint8Array(4096);
    while (!/^HTTP\/1\.1 101 [^]*\r\n\r\n/.test(text)) {
      const size = await conn.read(buffer);
      if (size === null) break;
      text += latin1(buffer.subarray(0, size));
    }
    conn.close();
    const [head, ...body] = text.split("\r\n\r\n");
    return { head, body: body.join("\r\n\r\n") };
  }

  /** Opens a WebSocket. */
  static async open(
    port: number,
    path: string,
    protocol: string,
  ): Promise<RawWebSocket> {
    const conn = await RawWebSocket.#request(port, [
      `GET ${path}`,
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      `Sec-WebSocket-Protocol: ${protocol}`,
    ]);
    let text = "";
    const buffer = new Uint8Array(4096);
    while (!text.includes("\r\n\r\n")) {
      const size = await conn.read(buffer);
      if (size === null) throw new Error(`no WebSocket: ${text}`);
      text += latin1(buffer.subarray(0, size));
    }
    const rest = text.slice(text.indexOf("\r\n\r\n") + 4);
    return new RawWebSocket(
      conn,
      Uint8Array.from(rest, (char) => char.charCodeAt(0)),
    );
  }

  static async #request(
    port: number,
    [target, ...headers]: readonly string[],
  ): Promise<Deno.TcpConn> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const lines = [
      `${target} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      ...headers,
    ];
    await conn.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
    return conn;
  }

  /** Sends one frame. */
  async send(opcode: number, payload: Uint8Array): Promise<void> {
    await this.write(encodeFrame(opcode, payload, MASK));
  }

  /** Sends bytes unchanged. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.conn.write(rest));
    }
  }

  /** The next frame; `undefined` at the end of the connection. */
  async next(): Promise<RawFrame | undefined> {
    for (;;) {
      const head = readHead(this.#rest, false);
      if (head !== undefined && this.#rest.length >= head.size + head.length) {
        const end = head.size + head.length;
        const payload = this.#rest.slice(head.size, end);
        if (head.mask !== undefined) applyMask(payload, head.mask, 0);
        this.#rest = this.#rest.subarray(end);
        return { opcode: head.opcode, payload: latin1(payload) };
      }
      const buffer = new Uint8Array(65536);
      const size = await this.conn.read(buffer).catch(() => null);
      if (size === null) return undefined;
      this.#rest = concat([this.#rest, buffer.subarray(0, size)]);
    }
  }

  /** Closes the connection at once. */
  close(): void {
    this.conn.close();
  }
}

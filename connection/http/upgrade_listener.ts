/**
 * The server's side of the HTTP/1.1 upgrade, on connections that `serve`
 * accepted. node:http reads the heads; this file loads it, so it is imported
 * only when the first HTTP/1.1 request comes.
 *
 * @module
 */

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { ProtocolVersion } from "../../frame/constants.ts";
import type { ByteConn } from "../transport.ts";
import { closeQuietly, HeadDuplex, writeAll } from "./head_duplex.ts";
import {
  chooseToken,
  namesUpgrade,
  UPGRADE_PROTOCOLS,
} from "./upgrade_token.ts";

/** Longest head of a request, bytes. */
const MAX_HEAD = 16 * 1024;
const ENCODER = new TextEncoder();

/** Takes over a connection that was upgraded. */
export type UpgradedHandler = (
  conn: ByteConn,
  version: ProtocolVersion,
) => void;

/** Reads HTTP/1.1 requests and upgrades them; everything else is answered 426. */
export class UpgradeListener {
  readonly #server: Server;
  readonly #versions: readonly ProtocolVersion[];
  readonly #headTimeout: number;
  readonly #waiting = new Map<Duplex, UpgradedHandler>();

  /** `headTimeout`: longest wait for a whole head, ms. */
  constructor(versions: readonly ProtocolVersion[], headTimeout: number) {
    this.#versions = versions;
    this.#headTimeout = headTimeout;
    this.#server = createServer({ maxHeaderSize: MAX_HEAD });
    this.#server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket, head);
    });
    this.#server.on("request", (_request, response) => {
      response.writeHead(426, {
        connection: "close, upgrade",
        upgrade: UPGRADE_PROTOCOLS.join(", "),
      });
      response.end("This server speaks SPDY\n");
    });
    this.#server.on("clientError", (_error, socket) => {
      socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
      socket.destroySoon?.();
    });
  }

  /** Reads a head from `conn`; `onUpgraded` is called once at most. */
  take(conn: ByteConn, first: Uint8Array, onUpgraded: UpgradedHandler): void {
    const duplex = new HeadDuplex(conn, first);
    this.#waiting.set(duplex, onUpgraded);
    const timer = setTimeout(() => duplex.destroy(), this.#headTimeout);
    duplex.once("close", () => {
      clearTimeout(timer);
      this.#waiting.delete(duplex);
    });
    this.#server.emit("connection", duplex);
  }

  /** Closes every connection that is not upgraded yet. */
  close(): void {
    for (const duplex of this.#waiting.keys()) duplex.destroy();
    this.#server.close();
  }
}

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
import { writeAll } from "./byte_conn.ts";
import { HeadDuplex } from "./head_duplex.ts";
import { refuseUpgrade, switchingProtocols } from "./upgrade_answer.ts";
import { readToken } from "./upgrade_token.ts";

/** Longest head of a request, bytes. */
const MAX_HEAD = 16 * 1024;

/** A connection that was upgraded. */
export interface Upgraded {
  /** Begins behind the head. */
  readonly conn: ByteConn;
  readonly version: ProtocolVersion;
}

interface Waiting {
  readonly duplex: HeadDuplex;
  readonly upgraded: PromiseWithResolvers<Upgraded | undefined>;
}

/** Reads HTTP/1.1 requests and upgrades them; everything else is answered 426. */
export class UpgradeListener {
  readonly #server: Server = createServer({ maxHeaderSize: MAX_HEAD });
  readonly #versions: readonly ProtocolVersion[];
  readonly #waiting = new Map<Duplex, Waiting>();

  /** `versions` may be asked for. */
  constructor(versions: readonly ProtocolVersion[]) {
    this.#versions = versions;
    this.#server.on("upgrade", (request, socket, head) => {
      this.#answer(request, socket, head);
    });
    this.#server.on("request", ({ socket }) => {
      socket.end(refuseUpgrade(versions), () => socket.destroy());
    });
    this.#server.on("clientError", (_error, socket) => {
      socket.end(
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
        () => socket.destroy(),
      );
    });
  }

  /**
   * Reads a head from `conn`, whose first bytes are `first`. Resolves to the
   * connection after the upgrade, or to `undefined` when it came to none and
   * the connection is closed.
   */
  upgrade(conn: ByteConn, first: Uint8Array): Promise<Upgraded | undefined> {
    const duplex = new HeadDuplex(conn, first);
    const upgraded = Promise.withResolvers<Upgraded | undefined>();
    this.#waiting.set(duplex, { duplex, upgraded });
    duplex.once("close", () => {
      this.#waiting.delete(duplex);
      upgraded.resolve(undefined);
    });
    this.#server.emit("connection", duplex);
    return upgraded.promise;
  }

  #answer(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const waiting = this.#waiting.get(socket);
    const token = readToken(request.headers, this.#versions);
    if (waiting === undefined || token === undefined) {
      socket.end(refuseUpgrade(this.#versions), () => socket.destroy());
      return;
    }
    const { duplex, upgraded } = waiting;
    const conn = duplex.detach(head);
    writeAll(conn, switchingProtocols(token.name)).then(
      () => upgraded.resolve({ conn, version: token.version }),
      () => conn.close(),
    ).finally(() => duplex.destroy());
  }
}

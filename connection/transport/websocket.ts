/**
 * SPDY frames as the binary messages of a WebSocket.
 *
 * @module
 */

import { ERR_PROTO, SpdyError } from "../../errors.ts";
import { pause } from "../time/clock.ts";
import type { ByteStreams } from "./transport.ts";

/** If more bytes than this are buffered, writing waits. */
const MAX_BUFFERED = 1024 * 1024;
/** A WebSocket has no event for "sent", so its buffer is checked again after this time, ms. */
const RECHECK = 5;

/**
 * The two byte streams of a WebSocket, as the transport of a `Connection`. Message
 * boundaries have no meaning; a text message is an error.
 *
 * A WebSocket cannot be paused. Keep flow control on, so that the windows limit the
 * received bytes that wait here.
 *
 * @example
 * ```ts
 * import { CLIENT, Connection, PROTO_SPDY3_1, SERVER, webSocketStreams } from "@spdy/spdy";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const version = PROTO_SPDY3_1;
 * const server = Deno.serve({ port: 0, onListen() {} }, (request) => {
 *   const { socket, response } = Deno.upgradeWebSocket(request);
 *   socket.onopen = async () => {
 *     const side = SERVER;
 *     const connection = new Connection(webSocketStreams(socket), { side, version });
 *     for await (const stream of connection) stream.reply([["it", "works"]], { fin: true });
 *   };
 *   return response;
 * });
 *
 * const socket = new WebSocket(`ws://127.0.0.1:${server.addr.port}`);
 * const connection = new Connection(webSocketStreams(socket), { side: CLIENT, version });
 * const stream = await connection.openStream([], { fin: true });
 * assertEquals(await stream.response, [["it", "works"]]);
 * await connection.goaway();
 * await server.shutdown();
 * ```
 *
 * @category Connection
 */
export function webSocketStreams(socket: WebSocket): ByteStreams {
  socket.binaryType = "arraybuffer";
  return { readable: readableOf(socket), writable: writableOf(socket) };
}

function readableOf(socket: WebSocket): ReadableStream<Uint8Array> {
  let ended = false;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const end = (error?: SpdyError): void => {
        if (ended) return;
        ended = true;
        if (error === undefined) controller.close();
        else controller.error(error);
      };
      socket.addEventListener("message", ({ data }) => {
        if (ended) return;
        if (data instanceof ArrayBuffer) {
          controller.enqueue(new Uint8Array(data));
        } else {
          end(failure("the peer sent a text message; SPDY needs binary ones"));
        }
      });
      socket.addEventListener("close", () => end());
      socket.addEventListener("error", (event) => {
        const message = event instanceof ErrorEvent ? event.message : "";
        end(failure(message || "the connection failed"));
      });
    },
    cancel() {
      // The socket still has events, and an exception in a listener would end the process.
      ended = true;
      socket.close();
    },
  });
}

function writableOf(socket: WebSocket): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    async start() {
      if (socket.readyState !== WebSocket.CONNECTING) return;
      const opened = Promise.withResolvers<void>();
      socket.addEventListener("open", () => opened.resolve(), { once: true });
      socket.addEventListener(
        "close",
        () => opened.reject(failure("it was closed before it opened")),
        { once: true },
      );
      await opened.promise;
    },
    async write(chunk) {
      while (socket.bufferedAmount > MAX_BUFFERED) {
        await pause(RECHECK);
        if (socket.readyState !== WebSocket.OPEN) break;
      }
      if (socket.readyState !== WebSocket.OPEN) {
        throw failure("it is closed");
      }
      socket.send(chunk.slice());
    },
    close() {
      socket.close();
    },
    abort() {
      socket.close();
    },
  });
}

function failure(message: string): SpdyError {
  return new SpdyError(`WebSocket: ${message}`, ERR_PROTO, {
    initiator: "remote",
  });
}

/**
 * The programs around `spdy proxy` in its tests: servers and clients of HTTP/1.1
 * that decode nothing.
 *
 * @module
 */

import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Running, start } from "./process.ts";

/** Options of a server on a free port that prints nothing. */
export const QUIET = {
  hostname: "127.0.0.1",
  port: 0,
  onListen(): void {},
} as const;

/** An HTTP/1.1 server of `node:http`, which passes on what a handler writes. */
export async function origin(
  handler: http.RequestListener,
  onUpgrade?: (request: http.IncomingMessage, socket: Socket) => void,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = http.createServer(handler);
  if (onUpgrade) {
    server.on(
      "upgrade",
      (request, socket) => onUpgrade(request, socket as Socket),
    );
  }
  await new Promise<void>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve())
  );
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** A response as it arrived. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Uint8Array;
}

/** Sends a request by `node:http`. */
export function ask(
  url: string,
  options: http.RequestOptions = {},
  body?: string,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { agent: false, ...options }, (head) => {
      const chunks: Uint8Array[] = [];
      head.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      head.on("error", reject);
      head.on("end", async () =>
        resolve({
          status: head.statusCode ?? 0,
          headers: head.headers,
          bytes: await new Blob(chunks as Uint8Array<ArrayBuffer>[]).bytes(),
        }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Starts `spdy proxy` without an access log. */
export function inFrontOf(
  url: string,
  ...options: string[]
): Promise<Running> {
  return start(["proxy", "-p", "0", "-s", ...options, url]);
}

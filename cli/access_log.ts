/**
 * One line a request, on standard output, as the request ends.
 *
 * @module
 */

import type { ServeHandler } from "../http/server/serve_options.ts";
import { formatBytes } from "../deps.ts";
import { reasonOf } from "./command.ts";
import { green, print, red, show, type Shown, yellow } from "./terminal.ts";

/** Wraps a handler so that each request is told. `silent`: it is not. */
export function withAccessLog(
  handler: ServeHandler,
  silent: boolean,
): ServeHandler {
  if (silent) return handler;
  return async (request, info): Promise<Response> => {
    const begin = performance.now();
    const response = await handler(request, info);
    let bytes = 0;
    const counted = response.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller): void {
          bytes += chunk.length;
          controller.enqueue(chunk);
        },
      }),
    );
    const line = (result: Shown): void => {
      const { pathname, search } = new URL(request.url);
      const from = "hostname" in info.remoteAddr
        ? info.remoteAddr.hostname
        : "unix";
      const asked = `${request.method} ${pathname}${search}`;
      const ms = (performance.now() - begin).toFixed(1);
      print(
        show`${new Date().toISOString()} ${from} ${asked} ${result} ${
          formatBytes(bytes)
        } ${ms} ms`,
      );
    };
    info.completed.then(
      () => line(coloured(response.status)),
      (error) =>
        line(
          red(
            `${response.status} cut short: ${reasonOf(error)}`,
          ),
        ),
    );
    return counted === undefined ? response : new Response(counted, response);
  };
}

function coloured(status: number): Shown {
  if (status >= 500) return red(status);
  return status >= 400 ? yellow(status) : green(status);
}

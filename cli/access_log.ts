/**
 * Prints one line on standard output for each request that has ended.
 *
 * @module
 */

import { formatBytes } from "../deps.ts";
import { ReportedError } from "../http/server/reported_error.ts";
import type { ServeHandler } from "../http/server/serve_options.ts";
import { reasonOf, UsageError } from "./command.ts";
import {
  green,
  print,
  printError,
  red,
  show,
  showJson,
  type Shown,
  yellow,
} from "./terminal.ts";
import { watchBody } from "./watch_body.ts";

/** The formats: for people, Apache's combined format, and one JSON object. */
const FORMATS = ["text", "combined", "json"] as const;

/** The format of a line. */
export type LogFormat = typeof FORMATS[number];

/** A request that has ended. */
export interface LogEntry {
  /** Time of its arrival. */
  readonly time: Date;
  /** The client's address, without port; `unix` on a Unix socket. */
  readonly from: string;
  readonly method: string;
  /** Path and query of the request. */
  readonly path: string;
  readonly status: number;
  /** Bytes of the response's body that were sent. */
  readonly bytes: number;
  /** Time from its arrival to its end, ms. */
  readonly ms: number;
  readonly referer: string | undefined;
  readonly userAgent: string | undefined;
  /** Why the response was not sent completely; `undefined` if it was. */
  readonly error: string | undefined;
}

/** Prints a request that has ended. */
export type AccessLog = (entry: LogEntry) => void;

/** Reads `--log-format`. */
export function readLogFormat(text: string | undefined): LogFormat {
  const format = FORMATS.find((known) => known === (text ?? "text"));
  if (format !== undefined) return format;
  throw new UsageError(`--log-format ${text}: known are ${FORMATS.join(", ")}`);
}

/** Creates the log in a format; `undefined`: no log. */
export function accessLog(format: LogFormat | undefined): AccessLog {
  if (format === undefined) return () => {};
  let reported = false;
  return (entry) => {
    try {
      print(LINES[format](entry));
      reported = false;
    } catch (error) {
      // A full disk must not end the server.
      if (!reported) printError(show`spdy: the access log: ${reasonOf(error)}`);
      reported = true;
    }
  };
}

const LINES: Readonly<Record<LogFormat, (entry: LogEntry) => Shown>> = {
  text({ time, from, method, path, status, bytes, ms, error }) {
    const result = error === undefined
      ? coloured(status)
      : red(`${status} cut short: ${error}`);
    return show`${time.toISOString()} ${from} ${method} ${path} ${result} ${
      formatBytes(bytes)
    } ${ms.toFixed(1)} ms`;
  },
  combined(entry) {
    const { time, from, method, path, status, bytes } = entry;
    const asked = quoted(`${method} ${path} SPDY`);
    const rest = `${quoted(entry.referer)} ${quoted(entry.userAgent)}`;
    return show`${from} - - [${
      apacheTime(time)
    }] ${asked} ${status} ${bytes} ${rest}`;
  },
  json(entry) {
    return showJson({
      time: entry.time.toISOString(),
      from: entry.from,
      method: entry.method,
      path: entry.path,
      status: entry.status,
      bytes: entry.bytes,
      ms: Math.round(entry.ms * 10) / 10,
      referer: entry.referer,
      userAgent: entry.userAgent,
      error: entry.error,
    });
  },
};

/** A quoted field of the combined format; `"-"` if it is missing. */
function quoted(text: string | undefined): string {
  return `"${(text ?? "-").replace(/["\\]/g, "\\$&")}"`;
}

/** A time in Apache's format, in UTC: `28/Nov/2026:14:05:00 +0000`. */
function apacheTime(time: Date): string {
  const [, day, month, year, clock] = time.toUTCString().split(/,? /);
  return `${day}/${month}/${year}:${clock} +0000`;
}

function coloured(status: number): Shown {
  if (status >= 500) return red(status);
  if (status >= 400) return yellow(status);
  return green(status);
}

/** The status of a request that the client cancelled before the response, as in nginx. */
const CLIENT_LEFT = 499;

/**
 * Wraps a handler: each of its requests is logged when it ends. If the body of a
 * response fails, the reason is also printed on standard error, in one line.
 *
 * @param onError creates the response if the handler throws; the log would not know
 * the status of a response that the server creates itself
 */
export function withAccessLog(
  handler: ServeHandler,
  log: AccessLog,
  onError: (error: unknown) => Response,
): ServeHandler {
  return async (request, info): Promise<Response> => {
    const begin = performance.now();
    const time = new Date();
    const { method } = request;
    const { pathname, search } = new URL(request.url);
    const path = pathname + search;
    let bytes = 0;
    const end = (status: number, error?: unknown): void => {
      log({
        time,
        from: addressOf(info.remoteAddr),
        method,
        path,
        status,
        bytes,
        ms: performance.now() - begin,
        referer: request.headers.get("referer") ?? undefined,
        userAgent: request.headers.get("user-agent") ?? undefined,
        error: error === undefined ? undefined : reasonOf(error),
      });
    };
    let response: Response;
    try {
      response = await handler(request, info);
    } catch (error) {
      if (request.signal.aborted) {
        end(CLIENT_LEFT, error);
        throw error;
      }
      response = onError(error);
    }
    const body = response.body === null ? null : watchBody(response.body, {
      onChunk: ({ length }) => bytes += length,
      onError: (cause) => {
        const reason = reasonOf(cause);
        // If the client cancelled the request, the body has not failed.
        if (!request.signal.aborted) {
          printError(
            show`${
              red("spdy:")
            } ${method} ${path}: the response was cut short after ${bytes} bytes: ${reason}`,
          );
        }
        return new ReportedError(reason, { cause });
      },
    });
    const { status } = response;
    info.completed.then(() => end(status), (error) => end(status, error));
    return body === null ? response : new Response(body, response);
  };
}

/** The host of an address. */
export function addressOf(addr: Deno.Addr): string {
  return "hostname" in addr ? addr.hostname : "unix";
}

/**
 * `spdy proxy`: SPDY in front of an HTTP server, or HTTP in front of a SPDY
 * server.
 *
 * @module
 */

import { Client } from "../http/client/client.ts";
import { isDecoded } from "../http/server/decoded_body.ts";
import { easeIteration } from "../http/platform/many_headers.ts";
import { serve } from "../http/server/serve.ts";
import type { ServeHandler } from "../http/server/serve_options.ts";
import { readArguments } from "./arguments.ts";
import { withAccessLog } from "./access_log.ts";
import { type Command, EXIT_OK, reasonOf, UsageError } from "./command.ts";
import {
  LISTEN_FLAGS,
  LISTEN_HELP,
  LISTEN_VALUES,
  listeningUrl,
  type ListenOptions,
  readListenOptions,
  untilInterrupted,
} from "./listen.ts";
import { openTarget, readTarget } from "./target.ts";
import { hideWarning, print, printable, show } from "./terminal.ts";

/** `spdy proxy URL` */
export const proxy: Command = {
  name: "proxy",
  summary: "SPDY in front of an HTTP server, or the other way round",
  help: `Usage: spdy proxy [OPTION...] URL

URL names the server behind the proxy.

  http://, https://              an HTTP server: the proxy speaks SPDY to clients
  spdy://, spdys://,
  spdy+upgrade://, spdys+upgrade://
                                 a SPDY server: the proxy speaks HTTP/1.1 to
                                 clients, so any browser or curl can use it

${LISTEN_HELP}
      --ca FILE          certificates (PEM) to trust besides the usual ones
      --help             this text

A server that cannot be reached is answered with 502. Ctrl-C finishes what is
under way. Permissions: --allow-net, --allow-read for the files named.`,
  async run(args: string[]): Promise<number> {
    const parsed = readArguments(args, {
      values: [...LISTEN_VALUES, "ca"],
      ...LISTEN_FLAGS,
    });
    const { values, positionals } = parsed;
    if (positionals.length !== 1) throw new UsageError("proxy needs one URL");
    const behind = positionals[0];
    const caCerts = values.ca === undefined
      ? undefined
      : [await Deno.readTextFile(values.ca)];
    const options = await readListenOptions(parsed);
    if (/^https?:/.test(behind)) await inFrontOfHttp(behind, options, caCerts);
    else await inFrontOfSpdy(behind, values.version, options, caCerts);
    return EXIT_OK;
  },
};

async function inFrontOfHttp(
  behind: string,
  options: ListenOptions,
  caCerts: string[] | undefined,
): Promise<void> {
  if (!URL.canParse(behind)) throw new UsageError(`"${behind}" is no URL`);
  using client = Deno.createHttpClient({ caCerts });
  const handler: ServeHandler = (request, info) => {
    const from = "hostname" in info.remoteAddr
      ? info.remoteAddr.hostname
      : "unix";
    return forward(
      request,
      new URL(behind).origin,
      from,
      (url, init) => fetch(url, { ...init, client }),
    );
  };
  const scheme = options.cert === undefined ? "spdy" : "spdys";
  const server = serve({
    ...options,
    upgrade: options.cert === undefined,
    onListen: (addr) =>
      print(show`SPDY at ${listeningUrl(addr, scheme)} for ${behind}`),
  }, withAccessLog(handler, options.silent));
  await untilInterrupted(server);
}

async function inFrontOfSpdy(
  behind: string,
  version: string | undefined,
  options: ListenOptions,
  caCerts: string[] | undefined,
): Promise<void> {
  const target = readTarget(behind);
  await using client = new Client({
    connect: () => openTarget(target, { version, caCerts }),
  });
  const { origin } = new URL(target.url);
  // Deno 2.9 warns once that the signal of a request aborts also when its answer
  // has been sent, which does no harm here. The signal alone tells that a client
  // is gone before it was answered; only a flag of `deno run` would change it.
  hideWarning("Deno.serve: request.signal ");
  const server = Deno.serve({
    ...options,
    onListen: (addr) =>
      print(
        show`HTTP at ${
          listeningUrl(addr, options.cert ? "https" : "http")
        } for ${behind}`,
      ),
  }, (request, info) =>
    forward(
      request,
      origin,
      info.remoteAddr.hostname,
      (url, init) => client.fetch(url, init),
    ));
  await untilInterrupted(server);
}

/** Fields that belong to one connection and end with it (RFC 9110, 7.6.1), and those the next hop makes anew. */
const OWN_HEADERS = [
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** Sends a request on and its answer back; a server out of reach is 502. */
async function forward(
  request: Request,
  origin: string,
  from: string,
  send: (url: string, init: RequestInit) => Promise<Response>,
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const headers = passedOn(request.headers);
  headers.append("x-forwarded-for", from);
  try {
    const response = await send(origin + pathname + search, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
      signal: request.signal,
    });
    const answered = passedOn(response.headers);
    // A coding that fetch does not know is the client's to undo.
    if (isDecoded(response)) answered.delete("content-encoding");
    return new Response(response.body, {
      status: response.status,
      statusText: response.statusText,
      headers: answered,
    });
  } catch (error) {
    const reason = reasonOf(error);
    return new Response(
      `the server behind the proxy did not answer: ${printable(reason)}\n`,
      { status: 502 },
    );
  }
}

/** Each header is looked at once: a peer may send many, and many names in `connection`. */
function passedOn(headers: Headers): Headers {
  const named = headers.get("connection")?.toLowerCase().split(",") ?? [];
  const dropped = new Set([
    ...OWN_HEADERS,
    ...named.map((name) => name.trim()),
  ]);
  const passed = new Headers();
  let count = 0;
  headers.forEach((value, name) => {
    if (dropped.has(name)) return;
    passed.append(name, value);
    count++;
  });
  return easeIteration(passed, count);
}

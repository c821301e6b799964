/**
 * The options that `spdy serve` and `spdy proxy` have in common: where to
 * listen, TLS, version; and the end by Ctrl-C.
 *
 * @module
 */

import type { ProtocolVersion } from "../frame/constants.ts";
import { type LogFormat, readLogFormat } from "./access_log.ts";
import type { Arguments } from "./arguments.ts";
import { readWhole, UsageError } from "./command.ts";
import { readVersion } from "./target.ts";

/** Where and how to listen. */
export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  readonly version: ProtocolVersion;
  /** The form of the access log; `undefined` for none. */
  readonly log: LogFormat | undefined;
  readonly flowControl: boolean;
}

/** Names of the options with a value. */
export const LISTEN_VALUES = [
  "host",
  "port",
  "cert",
  "key",
  "version",
  "log-format",
] as const;

/** The options without one, as {@linkcode readArguments} takes them. */
export const LISTEN_FLAGS = {
  flags: ["silent", "flow-control"],
  onByDefault: ["flow-control"],
  aliases: { p: "port", s: "silent" },
} as const;

/** The options, as given. */
export type ListenArguments = Pick<
  Arguments<typeof LISTEN_VALUES[number], never, "silent" | "flow-control">,
  "values" | "flags"
>;

/** The same as `--help` tells it. */
export const LISTEN_HELP =
  `  -p, --port N           default 8000; 0 for any free one
      --host ADDRESS     default 127.0.0.1; 0.0.0.0 for all
      --cert FILE        certificate chain (PEM); TLS with ALPN, needs --key
      --key FILE         its private key (PEM)
      --version 2|3|3.1  SPDY version on plain TCP; default 3.1
      --no-flow-control  for clients that know no windows (moby/spdystream)
      --log-format text|combined|json
                         form of the access log; default text
  -s, --silent           no access log`;

/** What the options say. Reads the files that they name. */
export async function readListenOptions(
  { values, flags }: ListenArguments,
): Promise<ListenOptions> {
  const port = readWhole(values.port ?? "8000");
  if (!(port <= 65535)) {
    throw new UsageError(`--port ${values.port}: a number from 0 to 65535`);
  }
  const { cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key go together");
  }
  const tls = cert !== undefined && key !== undefined
    ? { cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) }
    : {};
  return {
    hostname: values.host ?? "127.0.0.1",
    port,
    ...tls,
    version: readVersion(values.version),
    log: flags.silent ? undefined : readLogFormat(values["log-format"]),
    flowControl: flags["flow-control"],
  };
}

/** The URL under which a server is reached, to be typed after `spdy get`. */
export function listeningUrl(addr: Deno.NetAddr, scheme: string): string {
  const host = addr.hostname.includes(":")
    ? `[${addr.hostname}]`
    : addr.hostname;
  return `${scheme}://${host}:${addr.port}/`;
}

/** Waits for the server's end; Ctrl-C, SIGTERM and SIGHUP finish what is under way, a second one does not wait. */
export async function untilInterrupted(
  server: { readonly finished: Promise<void>; shutdown(): Promise<void> },
): Promise<void> {
  let asked = false;
  const stop = (): void => {
    if (asked) Deno.exit(130);
    asked = true;
    server.shutdown();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) Deno.addSignalListener(signal, stop);
  try {
    await server.finished;
  } finally {
    for (const signal of signals) Deno.removeSignalListener(signal, stop);
  }
}

/**
 * The options that `spdy serve` and `spdy proxy` have in common: where to
 * listen, TLS, version; and the end by Ctrl-C.
 *
 * @module
 */

import type { ProtocolVersion } from "../frame/constants.ts";
import { type LogFormat, readLogFormat } from "./access_log.ts";
import { readWhole, UsageError } from "./command.ts";
import type { ReadOptions } from "./options.ts";
import { readCertificates, readKey } from "./pem.ts";
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

/** The options that both commands have. */
export const LISTEN_OPTIONS = [
  {
    name: "port",
    short: "p",
    value: "N",
    help: "default 8000; 0 for any free one",
  },
  {
    name: "host",
    value: "ADDRESS",
    help: "default 127.0.0.1; 0.0.0.0 for all",
  },
  {
    name: "cert",
    value: "FILE",
    help: "certificate chain (PEM); TLS with ALPN, needs --key",
  },
  { name: "key", value: "FILE", help: "its private key (PEM)" },
  {
    name: "version",
    value: "2|3|3.1",
    help: "SPDY version on plain TCP; default 3.1",
  },
  {
    name: "flow-control",
    onByDefault: true,
    help: "for clients that know no windows (moby/spdystream)",
  },
  {
    name: "log-format",
    value: "text|combined|json",
    help: "form of the access log; default text",
  },
  { name: "silent", short: "s", help: "no access log" },
] as const;

/** The options, as given. */
export type ListenArguments = Pick<
  ReadOptions<typeof LISTEN_OPTIONS>,
  "values" | "flags"
>;

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
    ? { cert: await readCertificates(cert), key: await readKey(key) }
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

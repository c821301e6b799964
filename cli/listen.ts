/**
 * What `spdy serve` and `spdy proxy` share: the options for addresses, TLS and
 * version, and running servers on several addresses until Ctrl-C.
 *
 * @module
 */

import {
  withBrackets,
  withoutBrackets,
} from "../connection/transport/host_name.ts";
import type { ProtocolVersion } from "../frame/constants.ts";
import { type LogFormat, readLogFormat } from "./access_log.ts";
import { type Certificate, CertificateFiles } from "./certificate.ts";
import { readWhole, reasonOf, UsageError } from "./command.ts";
import type { ReadOptions } from "./options.ts";
import { readVersion } from "./target.ts";
import { OutputError } from "./terminal.ts";

/** An address to listen on. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** The addresses, and how to listen on them. */
export interface ListenOptions {
  /** At least one. */
  readonly addresses: readonly Address[];
  /** The certificate for TLS on all addresses. */
  readonly certificate: CertificateFiles | undefined;
  readonly version: ProtocolVersion;
  /** The format of the access log; `undefined` for none. */
  readonly log: LogFormat | undefined;
  readonly flowControl: boolean;
}

const DEFAULT_HOST = "127.0.0.1";

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
    name: "listen",
    short: "l",
    value: "[ADDRESS:]PORT",
    repeated: true,
    help: "in place of --host and --port; may be repeated",
  },
  {
    name: "cert",
    value: "FILE",
    help:
      "certificate chain (PEM); TLS with ALPN, needs --key; a changed file is read again",
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
    help: "for clients without flow control (moby/spdystream)",
  },
  {
    name: "log-format",
    value: "text|combined|json",
    help: "form of the access log; default text",
  },
  { name: "silent", short: "s", help: "no access log" },
] as const;

/** The values of the options. */
export type ListenArguments = Pick<
  ReadOptions<typeof LISTEN_OPTIONS>,
  "values" | "lists" | "flags"
>;

/** Reads and checks the options, and the files in them. */
export async function readListenOptions(
  parsed: ListenArguments,
): Promise<ListenOptions> {
  const { values, flags } = parsed;
  const addresses = readAddresses(parsed);
  const { cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key must be given together");
  }
  return {
    addresses,
    certificate: cert === undefined || key === undefined
      ? undefined
      : await CertificateFiles.open(cert, key),
    version: readVersion(values.version),
    log: flags.silent ? undefined : readLogFormat(values["log-format"]),
    flowControl: flags["flow-control"],
  };
}

function readAddresses({ values, lists }: ListenArguments): Address[] {
  const { host, port } = values;
  if (lists.listen.length === 0) {
    return [{
      hostname: host ?? DEFAULT_HOST,
      port: readPort("--port", port ?? "8000"),
    }];
  }
  if (host !== undefined || port !== undefined) {
    throw new UsageError(
      "--listen cannot be combined with --host and --port",
    );
  }
  return lists.listen.map(readAddress);
}

/** Reads `PORT`, `HOST:PORT` or `[IPv6]:PORT`. */
function readAddress(text: string): Address {
  const parts = /^(?:(\[[^\]]*\]|[^:\[\]]*):)?(\d+)$/.exec(text);
  const hostname = parts?.[1] ?? DEFAULT_HOST;
  if (parts === null || hostname === "" || hostname === "[]") {
    throw new UsageError(
      `--listen ${text}: write it as 8000, 0.0.0.0:8000 or [::1]:8000`,
    );
  }
  return {
    hostname: withoutBrackets(hostname),
    port: readPort("--listen", parts[2], text),
  };
}

function readPort(option: string, port: string, given = port): number {
  const number = readWhole(port);
  if (number <= 65535) return number;
  throw new UsageError(
    `${option} ${given}: the port must be a number from 0 to 65535`,
  );
}

/** The URL of a server, which the user can pass to `spdy get`. */
export function listeningUrl(addr: Deno.NetAddr, scheme: string): string {
  return `${scheme}://${withBrackets(addr.hostname)}:${addr.port}/`;
}

/** A server of a command. */
export interface ListeningServer {
  readonly finished: Promise<void>;
  /** Accepts no more connections, and finishes open requests. */
  shutdown(): Promise<void>;
  setCertificate(certificate: Certificate): void;
}

type Open = (
  address: Address,
  certificate: Certificate | undefined,
) => ListeningServer | Promise<ListeningServer>;

/** Opens a server. If this fails, the error contains the address. */
async function opened(
  address: Address,
  certificate: Certificate | undefined,
  open: Open,
): Promise<ListeningServer> {
  try {
    return await open(address, certificate);
  } catch (error) {
    // The server listens; only the message about it could not be printed.
    if (error instanceof OutputError) throw error;
    if (error instanceof UsageError) throw error;
    const { hostname, port } = address;
    const host = withBrackets(hostname);
    throw new Error(`cannot listen on ${host}:${port}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Opens a server at each address and waits until all have ended. If listening on
 * one address fails, none is served. Ctrl-C, SIGTERM and SIGHUP finish open
 * requests; a second signal ends at once.
 */
export async function runServers(
  { addresses, certificate }: ListenOptions,
  open: Open,
): Promise<void> {
  const servers: ListeningServer[] = [];
  const shutdown = (): Promise<unknown> =>
    Promise.all(servers.map((server) => server.shutdown()));
  try {
    for (const address of addresses) {
      servers.push(await opened(address, certificate?.current, open));
    }
  } catch (error) {
    await shutdown();
    throw error;
  }
  const unwatch = certificate?.watch(servers);
  try {
    await untilInterrupted({
      finished: Promise.all(servers.map(({ finished }) => finished)),
      shutdown,
    });
  } finally {
    unwatch?.();
  }
}

/**
 * Waits for the end of `server`. Ctrl-C, SIGTERM and SIGHUP finish open requests; a
 * second signal ends at once.
 */
export async function untilInterrupted(
  server: {
    readonly finished: Promise<unknown>;
    shutdown(): Promise<unknown>;
  },
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

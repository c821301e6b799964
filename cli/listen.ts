/**
 * The options that `spdy serve` and `spdy proxy` have in common: where to
 * listen, TLS, version; and the servers' life: several addresses, certificates
 * that change, the end by Ctrl-C.
 *
 * @module
 */

import type { ProtocolVersion } from "../frame/constants.ts";
import { type LogFormat, readLogFormat } from "./access_log.ts";
import { type Certificate, CertificateFiles } from "./certificate.ts";
import { readWhole, UsageError } from "./command.ts";
import type { ReadOptions } from "./options.ts";
import { readVersion } from "./target.ts";

/** An address to listen on. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Where and how to listen. */
export interface ListenOptions {
  /** At least one. */
  readonly addresses: readonly Address[];
  /** For TLS on all of them. */
  readonly certificate: CertificateFiles | undefined;
  readonly version: ProtocolVersion;
  /** The form of the access log; `undefined` for none. */
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

/** The options, as given. */
export type ListenArguments = Pick<
  ReadOptions<typeof LISTEN_OPTIONS>,
  "values" | "lists" | "flags"
>;

/** What the options say. Reads the files that they name. */
export async function readListenOptions(
  parsed: ListenArguments,
): Promise<ListenOptions> {
  const { values, flags } = parsed;
  const addresses = readAddresses(parsed);
  const { cert, key } = values;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key go together");
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
      "--listen names the address and the port; --host and --port do not go with it",
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
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: readPort("--listen", parts[2], text),
  };
}

function readPort(option: string, port: string, given = port): number {
  const number = readWhole(port);
  if (number <= 65535) return number;
  throw new UsageError(
    `${option} ${given}: the port is a number from 0 to 65535`,
  );
}

/** The URL under which a server is reached, to be typed after `spdy get`. */
export function listeningUrl(addr: Deno.NetAddr, scheme: string): string {
  const host = addr.hostname.includes(":")
    ? `[${addr.hostname}]`
    : addr.hostname;
  return `${scheme}://${host}:${addr.port}/`;
}

/** A server of a command. */
export interface ListeningServer {
  readonly finished: Promise<void>;
  /** Takes no more connections and finishes what is under way. */
  shutdown(): Promise<void>;
  setCertificate(certificate: Certificate): void;
}

/**
 * Opens a server at each address and waits until all have ended. If one address
 * cannot be had, none is served. Ctrl-C, SIGTERM and SIGHUP finish what is under
 * way; a second signal does not wait.
 */
export async function runServers(
  { addresses, certificate }: ListenOptions,
  open: (
    address: Address,
    certificate: Certificate | undefined,
  ) => ListeningServer | Promise<ListeningServer>,
): Promise<void> {
  const servers: ListeningServer[] = [];
  const shutdown = (): Promise<unknown> =>
    Promise.all(servers.map((server) => server.shutdown()));
  try {
    for (const address of addresses) {
      servers.push(await open(address, certificate?.current));
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

/** Waits for the end of `server`; Ctrl-C, SIGTERM and SIGHUP finish what is under way, a second signal does not wait. */
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

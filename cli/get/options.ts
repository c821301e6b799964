/**
 * Reads and checks the options of `spdy get`.
 *
 * @module
 */

import type { DialOptions } from "../../connection/transport/dial.ts";
import { withoutBrackets } from "../../connection/transport/host_name.ts";
import { readSeconds, readWhole, UsageError } from "../command.ts";
import { type ReadOptions, readOptions } from "../options.ts";
import { readCertificates } from "../pem.ts";
import { authorization, readHeader, readMethod } from "../request_headers.ts";
import { readTarget, readVersion, type Target } from "../target.ts";
import { checkWriteOut } from "./write_out.ts";

/** The table of options. */
export const GET_OPTIONS = [
  {
    name: "method",
    short: "X",
    value: "METHOD",
    aliases: ["request"],
    help: "default GET, or POST with --data",
  },
  {
    name: "header",
    short: "H",
    value: '"n: v"',
    repeated: true,
    help: "a header; may be repeated",
  },
  {
    name: "data",
    short: "d",
    value: "TEXT",
    help: "the body: text, @FILE, or @- for standard input",
  },
  {
    name: "user",
    short: "u",
    value: "NAME:PASSWORD",
    help: "basic authentication; NAME:PASSWORD@ in the URL does the same",
  },
  { name: "head", short: "I", help: "send HEAD, and show the headers" },
  {
    name: "include",
    short: "i",
    help: "write status and headers before the body",
  },
  {
    name: "location",
    short: "L",
    help: "follow redirects, at most 20",
  },
  {
    name: "output",
    short: "o",
    value: "FILE",
    help:
      'write the body of the only URL to FILE; "-" is standard output, also for a binary body on a terminal',
  },
  {
    name: "remote-name",
    short: "O",
    help: "write each body to a file named like the last part of its URL",
  },
  {
    name: "write-out",
    short: "w",
    value: "FORMAT",
    help:
      "write this after each URL, with curl's variables, such as %{http_code} and %{time_total}",
  },
  {
    name: "fail",
    short: "f",
    help:
      "exit code 1 for a status of 400 and above, whose body is not written",
  },
  {
    name: "retry",
    value: "N",
    help:
      "try again up to N times, after 1, 2, 4, ... seconds, when connecting fails, the server certainly did not process the request, or the status is 408, 429, 500, 502, 503 or 504",
  },
  {
    name: "resolve",
    value: "HOST:PORT:ADDRESS",
    repeated: true,
    help: "connect to ADDRESS for HOST:PORT; may be repeated",
  },
  {
    name: "version",
    value: "2|3|3.1",
    help:
      "SPDY version; default 3.1, over TLS the best that both sides support",
  },
  {
    name: "ca",
    value: "FILE",
    aliases: ["cacert"],
    help: "certificates (PEM) to trust besides the usual ones",
  },
  {
    name: "insecure",
    short: "k",
    help: "accept any certificate; needs a flag of Deno, see below",
  },
  {
    name: "keylog",
    value: "FILE",
    help:
      "write the TLS secrets to FILE, for decode --keylog; Deno has to be started with SSLKEYLOGFILE=FILE as well",
  },
  {
    name: "flow-control",
    onByDefault: true,
    help: "for servers without flow control (moby/spdystream)",
  },
  {
    name: "timeout",
    short: "m",
    value: "SECONDS",
    aliases: ["max-time"],
    help: "give up after this time; default 0: never",
  },
  {
    name: "verbose",
    short: "v",
    help: "show frames as they pass, on standard error",
  },
  {
    name: "timing",
    help: "print a waterfall of the requests on standard error",
  },
  { name: "svg", value: "FILE", help: "draw the waterfall as a picture" },
  {
    name: "json",
    help: "print one JSON object for each URL instead of its body",
  },
  { name: "silent", short: "s", help: "no progress bar" },
  // It is in the table so that it can be refused with advice.
  { name: "continue", short: "C" },
] as const;

/** The options of `get`. */
export interface GetOptions {
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly data: string | undefined;
  /** The file for the body of a URL; `undefined` for standard output. */
  readonly outputFor: (target: Target) => string | undefined;
  readonly include: boolean;
  readonly location: boolean;
  readonly writeOut: string | undefined;
  readonly fail: boolean;
  readonly retry: number;
  readonly dial: DialOptions["dial"];
  readonly version: string | undefined;
  readonly caCerts: string[] | undefined;
  readonly insecure: boolean;
  /** Longest time, ms; 0: no limit. */
  readonly timeout: number;
  readonly flowControl: boolean;
  readonly verbose: boolean;
  readonly timing: boolean;
  readonly svg: string | undefined;
  readonly json: boolean;
  readonly silent: boolean;
}

/** Reads and checks the arguments. Throws {@linkcode UsageError} for wrong ones. */
export async function readGetOptions(
  args: readonly string[],
): Promise<{ options: GetOptions; targets: Target[] }> {
  const read = readOptions(args, GET_OPTIONS);
  const { values, lists, flags, positionals } = read;
  if (flags.continue) {
    throw new UsageError(
      `get does not resume; ask for the rest with -H "range: bytes=N-"`,
    );
  }
  const targets = positionals.map((text) => readTarget(text));
  if (targets.length === 0) throw new UsageError("get needs a URL");
  const outputFor = readOutput(read, targets);
  readVersion(values.version);
  checkKeyLog(values.keylog);
  const retry = readWhole(values.retry ?? "0");
  if (!(retry <= 1000)) {
    throw new UsageError(
      `--retry ${values.retry}: it must be a number from 0 to 1000`,
    );
  }
  if (values["write-out"] !== undefined) checkWriteOut(values["write-out"]);
  if (values.data?.startsWith("@") && values.data !== "@-") {
    await Deno.stat(values.data.slice(1)).catch((error) => {
      throw new UsageError(`--data ${values.data}: ${error.message}`);
    });
  }
  if (flags.head && values.data !== undefined) {
    throw new UsageError(
      "--head and --data exclude each other: a HEAD request has no body",
    );
  }
  const options: GetOptions = {
    method: readMethod(
      values.method,
      flags.head ? "HEAD" : values.data === undefined ? "GET" : "POST",
    ),
    headers: [...lists.header.map(readHeader), ...authorization(values.user)],
    data: values.data,
    outputFor,
    include: flags.include || flags.head,
    location: flags.location,
    writeOut: values["write-out"],
    fail: flags.fail,
    retry,
    dial: readResolve(lists.resolve),
    version: values.version,
    caCerts: values.ca === undefined
      ? undefined
      : [await readCertificates(values.ca)],
    insecure: flags.insecure,
    timeout: readSeconds("--timeout", values.timeout ?? "0"),
    flowControl: flags["flow-control"],
    verbose: flags.verbose,
    timing: flags.timing,
    svg: values.svg,
    json: flags.json,
    silent: flags.silent,
  };
  return { options, targets };
}

function readOutput(
  { values, flags }: ReadOptions<typeof GET_OPTIONS>,
  targets: readonly Target[],
): GetOptions["outputFor"] {
  const { output } = values;
  if (!flags["remote-name"]) {
    if (output !== undefined && targets.length > 1) {
      throw new UsageError("--output needs exactly one URL");
    }
    return () => output;
  }
  if (output !== undefined) {
    throw new UsageError("--output and --remote-name exclude each other");
  }
  const names = new Map(targets.map((target) => [target, nameOf(target)]));
  const written = new Set<string>();
  for (const name of names.values()) {
    if (written.has(name)) {
      throw new UsageError(
        `--remote-name: two URLs would be written to ${name}; fetch them one by one with --output`,
      );
    }
    written.add(name);
  }
  return (target) => names.get(target);
}

/** The last part of the URL's path, as the name of a file in the working directory. */
function nameOf({ url, typed }: Target): string {
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // The name is not valid percent-encoding, so it is used unchanged.
  }
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) {
    throw new UsageError(
      `--remote-name: ${typed} does not end with the name of a file; use --output`,
    );
  }
  return name;
}

/** Connects to the addresses in `--resolve`. */
function readResolve(rules: readonly string[]): GetOptions["dial"] {
  if (rules.length === 0) return undefined;
  const addresses = new Map(rules.map((rule) => {
    const match = /^(\[[^\]]+\]|[^:]+):([0-9]+):(.+)$/.exec(rule);
    if (match === null) {
      throw new UsageError(
        `--resolve ${rule}: write it as HOST:PORT:ADDRESS`,
      );
    }
    const [, host, port, address] = match.map(withoutBrackets);
    return [`${host.toLowerCase()} ${port}`, address];
  }));
  return ({ hostname, port }) =>
    Deno.connect({
      hostname: addresses.get(`${hostname.toLowerCase()} ${port}`) ?? hostname,
      port,
    });
}

/**
 * Throws unless Deno writes the secrets to this file. Deno opens it when it starts,
 * and a program cannot open it later.
 */
function checkKeyLog(file: string | undefined): void {
  if (file === undefined || Deno.env.get("SSLKEYLOGFILE") === file) return;
  throw new UsageError(
    `--keylog ${file}: Deno writes the secrets only to the file in SSLKEYLOGFILE at its start: run SSLKEYLOGFILE=${file} spdy get ...`,
  );
}

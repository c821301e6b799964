/**
 * `spdy get`: fetches URLs, those of one server over one connection.
 *
 * @module
 */

import { readArguments } from "./arguments.ts";
import { PROTO_SPDY2, SYN_REPLY, SYN_STREAM } from "../frame/constants.ts";
import type { Connection } from "../http/connection.ts";
import type { FrameDirection, TracedFrame } from "../connection/options.ts";
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  readSeconds,
  reasonOf,
  UsageError,
} from "./command.ts";
import { frameText } from "./frame_text.ts";
import { Progress } from "./progress.ts";
import {
  closeBefore,
  openTarget,
  readTarget,
  readVersion,
  type Target,
  versionName,
} from "./target.ts";
import {
  cyan,
  dim,
  green,
  payloadIsShown,
  payloadOut,
  print,
  printError,
  show,
  showJson,
  type Shown,
  yellow,
} from "./terminal.ts";
import { type Timing, waterfallSvg, waterfallText } from "./timing.ts";

const HELP = `Usage: spdy get [OPTION...] URL...

Fetches each URL and writes its body to standard output. URLs of one server
share one connection.

  spdy://host:port/path           plain TCP
  spdys://host/path, https://...  TLS, the version agreed on by ALPN
  spdy+upgrade://host:port/path   HTTP/1.1 upgrade on plain TCP
  spdys+upgrade://host/path       HTTP/1.1 upgrade on TLS

  -X, --method METHOD    default GET, or POST with --data
  -H, --header "n: v"    a header; may be repeated
  -d, --data TEXT        the body: text, @FILE, or @- for standard input
  -o, --output FILE      write the body there, "-" for standard output even
                         where that is a terminal and the body binary; one URL
      --version 2|3|3.1  SPDY version; default 3.1, over TLS the best both know
      --ca FILE          certificates (PEM) to trust besides the usual ones
      --no-flow-control  for servers that know no windows (moby/spdystream)
      --timeout S        give up after so many seconds; 0: never, the default
      --fail             exit code 1 for a status of 400 and above
  -v, --verbose          show frames as they pass, on standard error
      --timing           a waterfall of the requests, on standard error
      --svg FILE         the same as a picture
      --json             one JSON object a URL in place of the bodies
  -s, --silent           no progress bar
      --help             this text

An interrupted download is not resumed: -C and --continue are refused. Ask for
the rest with -H "range: bytes=N-".

Permissions: --allow-net for the servers, --allow-read and --allow-write for the
files named.`;

interface Options {
  readonly method: string;
  readonly headers: [string, string][];
  readonly data: string | undefined;
  readonly output: string | undefined;
  readonly version: string | undefined;
  readonly caCerts: string[] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly flowControl: boolean;
  readonly fail: boolean;
  readonly verbose: boolean;
  readonly timing: boolean;
  readonly svg: string | undefined;
  readonly json: boolean;
  readonly silent: boolean;
}

/** `spdy get URL...` */
export const get: Command = {
  name: "get",
  summary: "fetch URLs, showing frames and timing on request",
  help: HELP,
  async run(args: string[]): Promise<number> {
    const { options, targets } = await readOptions(args);
    const run = new Run(options);
    const results = await run.fetchAll(targets);
    return results.every((ok) => ok) ? EXIT_OK : EXIT_FAILURE;
  },
};

async function readOptions(
  args: string[],
): Promise<{ options: Options; targets: Target[] }> {
  const { values, lists, flags, positionals } = readArguments(args, {
    values: [
      "method",
      "data",
      "output",
      "version",
      "ca",
      "svg",
      "timeout",
    ],
    lists: ["header"],
    flags: [
      "fail",
      "verbose",
      "timing",
      "json",
      "silent",
      "continue",
      "flow-control",
    ],
    onByDefault: ["flow-control"],
    aliases: {
      X: "method",
      H: "header",
      d: "data",
      o: "output",
      v: "verbose",
      s: "silent",
      C: "continue",
    },
  });
  if (flags.continue) {
    throw new UsageError(
      `get does not resume; ask for the rest with -H "range: bytes=N-"`,
    );
  }
  const targets = positionals.map(readTarget);
  if (targets.length === 0) throw new UsageError("get needs a URL");
  if (values.output !== undefined && targets.length > 1) {
    throw new UsageError("--output takes one URL only");
  }
  readVersion(values.version);
  const timeout = readSeconds("--timeout", values.timeout ?? "0");
  const headers = lists.header.map((line): [string, string] => {
    const match = /^([^:\s]+):\s*(.*)$/.exec(line);
    if (!match) {
      throw new UsageError(`--header "${line}": write it as "name: value"`);
    }
    return [match[1], match[2]];
  });
  const options = {
    method: values.method ?? (values.data === undefined ? "GET" : "POST"),
    headers,
    data: values.data,
    output: values.output,
    version: values.version,
    caCerts: values.ca === undefined
      ? undefined
      : [await Deno.readTextFile(values.ca)],
    signal: timeout === 0 ? undefined : AbortSignal.timeout(timeout),
    flowControl: flags["flow-control"],
    fail: flags.fail,
    verbose: flags.verbose,
    timing: flags.timing,
    svg: values.svg,
    json: flags.json,
    silent: flags.silent,
  };
  return { options, targets };
}

/** One call of `spdy get`: its connections, its timings, its output. */
class Run {
  readonly #options: Options;
  readonly #progress: Progress;
  readonly #begin = performance.now();
  readonly #timings: Timing[] = [];
  /** Bodies go to standard output one after the other, in the order of the URLs. */
  #output: Promise<void> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
    this.#progress = new Progress(!options.silent && !options.verbose);
  }

  async fetchAll(targets: readonly Target[]): Promise<boolean[]> {
    const origins = Map.groupBy(targets, ({ origin }) => origin);
    const results = await Promise.all(
      [...origins.values()].map((group) => this.#fetchOrigin(group)),
    );
    this.#progress.clear();
    if (this.#options.timing) {
      for (const line of waterfallText(this.#timings)) {
        printError(show`${line}`);
      }
    }
    if (this.#options.svg !== undefined) {
      await Deno.writeTextFile(this.#options.svg, waterfallSvg(this.#timings));
    }
    return results.flat();
  }

  async #fetchOrigin(targets: readonly Target[]): Promise<boolean[]> {
    const byPath = new Map<string, Timing>();
    const byStream = new Map<number, Timing>();
    const onFrame = (direction: FrameDirection, frame: TracedFrame): void => {
      if (this.#options.verbose) this.#showFrame(direction, frame);
      if (frame.frameType === SYN_STREAM && direction === "sent") {
        const path = frame.nv.find(([name]) => name === ":path")?.[1] ?? "";
        const timing = byPath.get(path);
        if (timing === undefined) return;
        byPath.delete(path);
        timing.sent = this.#now();
        byStream.set(frame.streamId, timing);
      } else if (frame.frameType === SYN_REPLY && direction === "received") {
        const timing = byStream.get(frame.streamId);
        if (timing) timing.head = this.#now();
      }
    };
    const { version, caCerts, signal, flowControl } = this.#options;
    const start = this.#now();
    let connection: Connection;
    try {
      connection = await openTarget(targets[0], {
        version,
        caCerts,
        signal,
        flowControl,
        onFrame,
      });
    } catch (error) {
      // The URLs of other servers are fetched all the same.
      return await Promise.all(targets.map(async ({ url }) => {
        const timing: Timing = { url, start, bytes: 0, result: "" };
        this.#timings.push(timing);
        const { before, done } = this.#turn();
        await this.#fail(timing, error, before);
        done();
        return false;
      }));
    }
    if (this.#options.verbose) {
      printError(
        dim(
          `connected to ${targets[0].origin}, ${
            versionName(connection.version)
          }`,
        ),
      );
    }
    try {
      return await Promise.all(targets.map((target) => {
        const timing: Timing = {
          url: target.url,
          start: this.#now(),
          bytes: 0,
          result: "",
        };
        const { pathname, search } = new URL(target.url);
        byPath.set(pathname + search, timing);
        this.#timings.push(timing);
        return this.#fetchOne(connection, target, timing);
      }));
    } finally {
      await closeBefore(connection, signal);
    }
  }

  async #fetchOne(
    connection: Connection,
    target: Target,
    timing: Timing,
  ): Promise<boolean> {
    const { method, headers, signal, fail, json } = this.#options;
    const { before, done } = this.#turn();
    try {
      // Without windows a body that waits for its turn piles up unread.
      if (!this.#hasWindows(connection)) await before;
      const response = await connection.fetch(target.url, {
        method,
        headers,
        signal,
        body: await this.#requestBody(),
      });
      timing.result = String(response.status);
      await before;
      try {
        await this.#writeBody(response, timing);
      } catch (error) {
        throw cutShort(error, response, timing.bytes);
      }
      timing.end = this.#now();
      if (json) print(responseJson(response, timing));
      return !(fail && response.status >= 400);
    } catch (error) {
      await this.#fail(timing, error, before);
      return false;
    } finally {
      done();
    }
  }

  /** A turn on standard output: `before` resolves when it has come, `done` passes it on. */
  #turn(): { before: Promise<void>; done: () => void } {
    const before = this.#output;
    const { promise, resolve } = Promise.withResolvers<void>();
    // Each waits for those before it, also when its request fails.
    this.#output = promise;
    return { before, done: resolve };
  }

  #hasWindows(connection: Connection): boolean {
    return this.#options.flowControl && connection.version !== PROTO_SPDY2;
  }

  /** Tells of a URL that could not be fetched in full, when its turn has come. */
  async #fail(
    timing: Timing,
    error: unknown,
    before: Promise<void>,
  ): Promise<void> {
    timing.end = this.#now();
    timing.result = "error";
    const reason = reasonOf(error);
    this.#progress.clear();
    await before;
    const { url, bytes } = timing;
    if (this.#options.json) print(showJson({ url, bytes, error: reason }));
    printError(show`${yellow(url)}: ${reason}`);
  }

  async #requestBody(): Promise<BodyInit | undefined> {
    const { data } = this.#options;
    if (data === undefined || !data.startsWith("@")) return data;
    const source = data === "@-" ? Deno.stdin : await Deno.open(data.slice(1));
    if (source instanceof Deno.FsFile) {
      this.#progress.expect((await source.stat()).size);
    }
    return source.readable.pipeThrough(this.#counted());
  }

  async #writeBody(response: Response, timing: Timing): Promise<void> {
    const { output, json } = this.#options;
    const length = response.headers.get("content-length");
    this.#progress.expect(length === null ? undefined : Number(length));
    if (response.body === null) {
      if (output !== undefined && output !== "-") {
        await Deno.writeFile(output, new Uint8Array());
      }
      return;
    }
    const body = response.body.pipeThrough(
      this.#counted((bytes) => timing.bytes += bytes),
    );
    if (output === "-") await body.pipeTo(payloadOut());
    else if (output !== undefined) await Deno.writeFile(output, body);
    else if (json) await body.pipeTo(new WritableStream());
    else await this.#showBody(body);
  }

  async #showBody(body: ReadableStream<Uint8Array>): Promise<void> {
    const shown = payloadIsShown() ? body.pipeThrough(textOnly()) : body;
    await shown.pipeTo(payloadOut());
  }

  #counted(
    count?: (bytes: number) => void,
  ): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream({
      transform: (chunk, controller): void => {
        this.#progress.advance(chunk.length);
        count?.(chunk.length);
        controller.enqueue(chunk);
      },
    });
  }

  #showFrame(direction: FrameDirection, frame: TracedFrame): void {
    const { type, streamId, flags, length, detail, headers } = frameText(frame);
    const arrow = direction === "sent" ? green(">") : cyan("<");
    const time = dim(`${this.#now().toFixed(1).padStart(8)} ms`);
    const stream = streamId === undefined ? "" : ` stream ${streamId}`;
    const fields = ["", ...flags, detail].filter((part, index) =>
      index === 0 || part !== ""
    ).join("  ");
    const size = dim(`${length} bytes`);
    printError(show`${time} ${arrow} ${type}${stream} ${size}${fields}`);
    for (const [name, value] of headers ?? []) {
      printError(show`${" ".repeat(14)}${cyan(name)} ${value}`);
    }
  }

  #now(): number {
    return performance.now() - this.#begin;
  }
}

/** Fails at the first byte 0: a terminal can make nothing of what is no text, as curl says as well. */
export function textOnly(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller): void {
      if (chunk.includes(0)) {
        throw new Error(
          "the body is binary, which a terminal cannot show: -o FILE keeps it, -o - writes it all the same",
        );
      }
      controller.enqueue(chunk);
    },
  });
}

/** The error of a body that did not come in full, with how much of it did. */
function cutShort(error: unknown, { headers }: Response, bytes: number): Error {
  const length = headers.get("content-length");
  // What came is counted decoded, the header counts it as sent.
  const all = length === null || headers.has("content-encoding")
    ? ""
    : ` of ${length}`;
  return new Error(
    `the body was cut short, ${bytes}${all} bytes came: ${reasonOf(error)}`,
  );
}

function responseJson(
  response: Response,
  { url, start, sent, head, end, bytes }: Timing,
): Shown {
  return showJson({
    url,
    status: response.status,
    headers: [...response.headers],
    bytes,
    timing: { start, sent, head, end },
  });
}

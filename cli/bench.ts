/**
 * `spdy bench`: loads a server, as h2load does.
 *
 * @module
 */

import {
  INITIAL_MAX_CONCURRENT_STREAMS,
  SETTINGS_MAX_CONCURRENT_STREAMS,
} from "../frame/constants.ts";
import type { Connection } from "../http/connection.ts";
import { MAX_INT32 } from "../numbers.ts";
import {
  distribution,
  type Figures,
  figuresSvg,
  figuresText,
} from "./bench/figures.ts";
import { load } from "./bench/load.ts";
import {
  type Command,
  EXIT_FAILURE,
  EXIT_OK,
  readSeconds,
  readWhole,
  UsageError,
} from "./command.ts";
import { defineCommand } from "./help.ts";
import { type ReadOptions, readOptions } from "./options.ts";
import { readCertificates } from "./pem.ts";
import { authorization, readHeader, readMethod } from "./request_headers.ts";
import {
  closeBefore,
  openTarget,
  readTarget,
  readVersion,
  type Target,
} from "./target.ts";
import {
  canDraw,
  drawLine,
  print,
  show,
  showJson,
  writeFile,
} from "./terminal.ts";

const OPTIONS = [
  {
    name: "connections",
    short: "c",
    value: "N",
    help: "connections; default 1",
  },
  {
    name: "streams",
    short: "m",
    value: "N",
    help:
      "requests at the same time on each connection, at most as many as the server allows; default 10",
  },
  {
    name: "duration",
    short: "D",
    value: "SECONDS",
    help:
      "length of the load; default 10; 0: until -n requests are answered, or Ctrl-C",
  },
  {
    name: "requests",
    short: "n",
    value: "N",
    help: "end after N requests",
  },
  {
    name: "warm-up",
    value: "SECONDS",
    help: "send requests for this time before they are counted; default 0",
  },
  {
    name: "rate",
    short: "r",
    value: "N",
    help:
      "send N requests a second, whether or not earlier ones are answered; latency is measured from the time at which a request was due",
  },
  {
    name: "method",
    short: "X",
    value: "METHOD",
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
    help: "the body of each request: text, or @FILE",
  },
  { name: "version", value: "2|3|3.1", help: "SPDY version" },
  {
    name: "ca",
    value: "FILE",
    help: "certificates (PEM) to trust besides the usual ones",
  },
  { name: "json", help: "print the figures as one JSON object" },
  { name: "svg", value: "FILE", help: "draw the latencies as a picture" },
  { name: "silent", short: "s", help: "no progress" },
] as const;

/** `spdy bench URL...` */
export const bench: Command = defineCommand({
  name: "bench",
  summary: "load a server: rate, latencies, bytes",
  usage: "[OPTION...] URL...",
  about:
    `Sends requests for the URLs in turn, as fast as they are answered, and prints
their rate, latencies and bytes. Load only servers that are yours. Requests
under way when the time is over count as unanswered. The exit code is 0 if a
request was answered and none failed.`,
  options: OPTIONS,
  notes:
    `Ctrl-C ends the load and prints what was measured so far. URLs share their
connections, so they have to be of one server.

Permissions: --allow-net for the server, --allow-read and --allow-write for the
files named.`,
  async run(args: string[]): Promise<number> {
    const read = readOptions(args, OPTIONS);
    const { values, flags } = read;
    const targets = readTargets(read);
    const count = positive("--connections", values.connections, 1);
    const wanted = positive("--streams", values.streams, 10);
    const duration = readSeconds("--duration", values.duration ?? "10");
    const warmUp = readSeconds("--warm-up", values["warm-up"] ?? "0");
    const init = await readInit(read, targets[0]);
    const caCerts = values.ca === undefined
      ? undefined
      : [await readCertificates(values.ca)];
    const signal = duration === 0
      ? undefined
      : AbortSignal.timeout(Math.max(duration, SHORTEST_WAIT));
    const times: number[] = [];
    const connections = await Promise.all(
      Array.from({ length: count }, async () => {
        const begin = performance.now();
        const { version } = values;
        const options = { version, caCerts, signal };
        const connection = await openTarget(targets[0], options);
        times.push(performance.now() - begin);
        return connection;
      }),
    );
    const draws = !flags.silent && canDraw();
    const stop = new AbortController();
    const onInterrupt = (): void => stop.abort();
    Deno.addSignalListener("SIGINT", onInterrupt);
    try {
      const allowed = await allowedStreams(connections, signal);
      const streams = Math.min(wanted, allowed);
      const measured = await load(connections, streams, {
        urls: targets.map(({ url }) => url),
        init,
        duration,
        warmUp,
        requests: positive("--requests", values.requests, Infinity),
        rate: values.rate === undefined
          ? undefined
          : positive("--rate", values.rate, 1),
        signal: stop.signal,
        onProgress: (done, seconds) => {
          if (draws) {
            drawLine(show`${done} requests in ${seconds.toFixed(1)} s`);
          }
        },
      });
      const figures: Figures = {
        ...measured,
        connect: distribution(times),
        streamsAllowed: allowed < wanted ? allowed : undefined,
      };
      if (draws) drawLine(undefined);
      if (flags.json) print(showJson(figures));
      else for (const line of figuresText(figures)) print(line);
      if (values.svg !== undefined) {
        await writeFile(values.svg, figuresSvg(figures));
      }
      const { succeeded, failed } = figures;
      return succeeded > 0 && failed === 0 ? EXIT_OK : EXIT_FAILURE;
    } finally {
      Deno.removeSignalListener("SIGINT", onInterrupt);
      const soon = AbortSignal.timeout(SHORTEST_WAIT);
      await Promise.all(
        connections.map((connection) => closeBefore(connection, soon)),
      );
    }
  },
});

/** Shortest time limit for connecting, and longest wait for SETTINGS and for closing, ms. */
const SHORTEST_WAIT = 1000;

function positive(
  name: string,
  text: string | undefined,
  otherwise: number,
): number {
  if (text === undefined) return otherwise;
  const value = readWhole(text);
  if (!(value > 0 && value <= MAX_INT32)) {
    throw new UsageError(
      `${name} ${text}: it must be a whole number from 1 to ${MAX_INT32}`,
    );
  }
  return value;
}

type Read = ReadOptions<typeof OPTIONS>;

function readTargets({ values, positionals }: Read): Target[] {
  if (positionals.length === 0) throw new UsageError("bench needs a URL");
  readVersion(values.version);
  const targets = positionals.map((text) => readTarget(text));
  const [{ origin }] = targets;
  const other = targets.find((target) => target.origin !== origin);
  if (other !== undefined) {
    throw new UsageError(
      `all URLs must be of the same server, but ${origin} and ${other.origin} differ`,
    );
  }
  return targets;
}

async function readInit(
  { values, lists }: Read,
  { credentials }: Target,
): Promise<RequestInit> {
  const { data } = values;
  const body = data?.startsWith("@")
    ? await Deno.readFile(data.slice(1)).catch((error) => {
      throw new UsageError(`--data ${data}: ${error.message}`);
    })
    : data;
  const headers = [
    ...lists.header.map(readHeader),
    ...authorization(credentials),
  ];
  const method = readMethod(values.method, data === undefined ? "GET" : "POST");
  return { method, headers, body };
}

/**
 * Number of streams that the server allows on a connection. More requests would
 * wait in a queue on this side, and their latency would include that wait.
 */
async function allowedStreams(
  connections: readonly Connection[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const gaveUp = new Promise<void>((resolve) =>
    signal?.addEventListener("abort", () => resolve(), { once: true })
  );
  // The answer arrives after the SETTINGS that a server sends first.
  await Promise.race([
    Promise.all(
      connections.map((connection) => connection.ping().catch(() => {})),
    ),
    gaveUp,
    new Promise((resolve) => setTimeout(resolve, SHORTEST_WAIT)),
  ]);
  return Math.min(
    ...connections.map(({ peerSettings }) =>
      peerSettings.get(SETTINGS_MAX_CONCURRENT_STREAMS) ??
        INITIAL_MAX_CONCURRENT_STREAMS
    ),
  );
}

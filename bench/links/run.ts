/**
 * Runs the benchmarks of links and prints them as one table: `deno task bench:links
 * [--quick] [--only NAME] [--write]`. `--write` keeps the table in `bench/LINKS.md` and
 * draws pictures for the documentation. Needs Linux, root, `ip` and `tc`: it works in
 * network namespaces of its own, in which loopback is shaped. Under 15 minutes.
 *
 * @module
 */

import { type Drawn, writePicture } from "../picture.ts";

const only = Deno.args.indexOf("--only");
const ONLY = only < 0 ? "" : Deno.args[only + 1] ?? "";
const WRITE = Deno.args.includes("--write");
const QUICK = Deno.args.includes("--quick");
const ROUNDS = QUICK ? 1 : 3;
const MILLISECONDS = QUICK ? 2000 : 5000;
const PORT = 8000;
const RELAY_PORT = 8001;
const folder = new URL(".", import.meta.url).pathname;

/** What a peer's process prints. */
interface Figures {
  readonly times?: readonly number[];
  readonly rate: number;
  readonly rateAfterFirstSecond?: number;
}

interface LinkRow {
  readonly name: string;
  readonly kind: "latency" | "throughput";
  readonly direction: "down" | "up";
  readonly streams: number;
  /** The link, Mbit/s; none: loopback as it is. */
  readonly mbit?: number;
  /** Bytes that wait in the link's queue at most. */
  readonly queue?: number;
  /** The round trip that is added, ms. */
  readonly roundTrip?: number;
  /** Latency of the median that is wanted, ms; of the 99th percentile without a link. */
  readonly atMost?: number;
}

const SLOW = { mbit: 20, queue: 60_000 } as const;
const ROWS: readonly LinkRow[] = [
  latency("an urgent request behind a download, 20 Mbit/s", "down", 1, 24),
  latency("an urgent request behind ten downloads, 20 Mbit/s", "down", 10, 40),
  latency("an urgent request behind an upload, 20 Mbit/s", "up", 1, 24),
  ...[20, 100, 200].flatMap((roundTrip) =>
    (["down", "up"] as const).map((direction): LinkRow => ({
      name: `${
        direction === "down" ? "download" : "upload"
      }, 100 Mbit/s, round trip ${roundTrip} ms`,
      kind: "throughput",
      direction,
      streams: 1,
      mbit: 100,
      roundTrip,
    }))
  ),
  {
    name: "a small fetch beside a download, loopback",
    kind: "latency",
    direction: "down",
    streams: 1,
    atMost: 8,
  },
  {
    name: "a small fetch beside an upload, loopback",
    kind: "latency",
    direction: "up",
    streams: 1,
    atMost: 8,
  },
];

function latency(
  name: string,
  direction: "down" | "up",
  streams: number,
  atMost: number,
): LinkRow {
  return { name, kind: "latency", direction, streams, atMost, ...SLOW };
}

const DENO = ["run", "-A", "--no-check", "--quiet"];
const PEERS: readonly { readonly name: string; readonly command: string[] }[] =
  [
    {
      name: "ours",
      command: [Deno.execPath(), ...DENO, `${folder}subject.ts`, "ours"],
    },
    { name: "node:http2", command: ["node", `${folder}node_http2.mjs`] },
    {
      name: "HTTP/1.1",
      command: [Deno.execPath(), ...DENO, `${folder}subject.ts`, "http1"],
    },
  ];

async function output(command: readonly string[]): Promise<string> {
  const [program, ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${command.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** A network namespace; disposing of it removes it. */
class Namespace implements AsyncDisposable {
  readonly name = `spdy-bench-${Deno.pid}`;

  async open({ mbit, queue, roundTrip }: LinkRow): Promise<boolean> {
    await output(["ip", "netns", "add", this.name]);
    await this.run("ip", "link", "set", "lo", "up", "mtu", "1500");
    if (mbit === undefined) return true;
    const qdisc = ["tc", "qdisc", "add", "dev", "lo", "root"];
    if (roundTrip === undefined) {
      const limit = `${queue}`;
      await this.run(
        ...qdisc,
        "tbf",
        "rate",
        `${mbit}mbit`,
        "burst",
        "16k",
        "limit",
        limit,
      );
      return true;
    }
    const packets = Math.ceil(mbit * 125 * roundTrip * 2 / 1500);
    try {
      await this.run(
        ...qdisc,
        "netem",
        "delay",
        `${roundTrip / 2}ms`,
        "rate",
        `${mbit}mbit`,
        "limit",
        `${packets}`,
      );
      return true;
    } catch {
      return false;
    }
  }

  run(...command: readonly string[]): Promise<string> {
    return output(this.command(command));
  }

  command(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.name, ...command];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await output(["ip", "netns", "del", this.name]).catch(() => {});
  }
}

/** One run of one peer on a new link. */
async function measure(
  row: LinkRow,
  command: readonly string[],
): Promise<Figures> {
  await using namespace = new Namespace();
  const isShaped = await namespace.open(row);
  const { kind, direction, streams } = row;
  const load = JSON.stringify({
    kind,
    direction,
    streams,
    milliseconds: MILLISECONDS,
  });
  let relay: Deno.ChildProcess | undefined;
  if (!isShaped) {
    usesRelay = true;
    const [program, ...args] = namespace.command([
      Deno.execPath(),
      ...DENO,
      `${folder}relay.ts`,
      `${RELAY_PORT}`,
      `${PORT}`,
      `${row.mbit}`,
      `${(row.roundTrip ?? 0) / 2}`,
    ]);
    relay = new Deno.Command(program, { args, stdout: "piped" }).spawn();
    await relay.stdout.getReader().read();
  }
  try {
    const via = `${isShaped ? PORT : RELAY_PORT}`;
    return JSON.parse(await namespace.run(...command, load, `${PORT}`, via));
  } finally {
    relay?.kill();
    await relay?.status;
  }
}

let usesRelay = false;

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** The figures of one peer, as text, and the one to compare: less is better. */
function summary(
  row: LinkRow,
  figures: readonly Figures[],
): { text: string; cost: number; value: number } {
  const rates = figures.map(({ rate }) => rate).sort((a, b) => a - b);
  const rate = quantile(rates, 0.5) / 1e6;
  if (row.kind === "throughput") {
    const later = figures.map((each) => each.rateAfterFirstSecond ?? 0).sort((
      a,
      b,
    ) => a - b);
    const share = quantile(later, 0.5) / ((row.mbit ?? 0) * 125_000);
    return {
      text: `${rate.toFixed(1)} MB/s, after 1 s ${
        share.toFixed(2)
      } of the link`,
      cost: 1 / rate,
      value: rate,
    };
  }
  const times = figures.flatMap((each) => each.times ?? []).sort((a, b) =>
    a - b
  );
  const [middle, late, last] = [0.5, 0.99, 0.999].map((share) =>
    quantile(times, share)
  );
  const text = `p50 ${middle.toFixed(1)}, p99 ${late.toFixed(1)}, p99.9 ${
    last.toFixed(1)
  } ms; bulk ${rate.toFixed(1)} MB/s`;
  const value = row.mbit === undefined ? late : middle;
  return { text, cost: value, value };
}

if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
  console.error(
    "bench:links: needs Linux and root, for network namespaces with ip and tc",
  );
  Deno.exit(2);
}
const lines: string[] = [];
function say(line: string): void {
  lines.push(line);
  console.log(line);
}
const drawn: { readonly row: LinkRow; readonly bars: Drawn }[] = [];

for (const row of ROWS) {
  if (!row.name.includes(ONLY)) continue;
  say(row.name);
  const figures = PEERS.map((): Figures[] => []);
  const missing = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { name, command }] of PEERS.entries()) {
      if (missing.has(name)) continue;
      try {
        figures[index].push(await measure(row, command));
      } catch (error) {
        if (name === "ours") throw error;
        missing.set(
          name,
          error instanceof Error ? error.message.split("\n")[0] : `${error}`,
        );
      }
    }
  }
  const ours = summary(row, figures[0]);
  const goal = row.atMost === undefined
    ? ""
    : `; wanted ${row.atMost} ms at most: ${
      ours.cost <= row.atMost ? "reached" : "missed"
    }`;
  say(`  ours        ${ours.text}${goal}`);
  for (const [index, { name }] of PEERS.entries()) {
    if (index === 0) continue;
    const reason = missing.get(name);
    if (reason !== undefined) {
      say(`  ${name.padEnd(11)} not run: ${reason}`);
      continue;
    }
    const peer = summary(row, figures[index]);
    drawn.push({
      row,
      bars: {
        row: row.name,
        ours: { name: "ours", figures: [ours.value] },
        peer: { name, figures: [peer.value] },
      },
    });
    const verdict = ours.cost <= peer.cost ? "ahead" : "behind";
    say(
      `  ${name.padEnd(11)} ${peer.text}; ours ${
        (peer.cost / ours.cost).toFixed(2)
      } x, ${verdict}`,
    );
  }
}
if (usesRelay) {
  say(
    "\nThis kernel has no netem: round trips were added by a relay in user space,\nwhich hides them from TCP's slow start.",
  );
}
if (WRITE) {
  const text = [
    "# Links",
    "",
    `Written by \`deno task bench:links --write\` on ${
      new Date().toISOString().slice(0, 10)
    }, Deno ${Deno.version.deno}.`,
    "",
    "```text",
    ...lines,
    "```",
    "",
  ];
  await Deno.writeTextFile(`${folder}../LINKS.md`, text.join("\n"));
  const bars = (test: (row: LinkRow) => boolean): Drawn[] =>
    drawn.filter(({ row }) => test(row)).map((each) => each.bars);
  await writePicture(
    "Latency behind bulk on 20 Mbit/s, median",
    bars(({ kind, mbit }) => kind === "latency" && mbit !== undefined),
    (value) => `${value.toFixed(1)} ms`,
  );
  await writePicture(
    "Throughput by round trip on 100 Mbit/s",
    bars(({ kind }) => kind === "throughput"),
    (value) => `${value.toFixed(1)} MB/s`,
  );
}

/**
 * Runs the benchmarks of links and prints them as one table: `deno task bench:links`.
 * It needs Linux, root, `ip` and `tc`, because each run has a network namespace of its
 * own. It takes less than 15 minutes.
 *
 * @module
 */

import { toolArguments } from "../../tests/helpers/tool_arguments.ts";
import { times, toFixedApart, verdict } from "../figures.ts";
import { type Drawn, writePicture } from "../picture.ts";
import { type Figures, measure, PEERS } from "./measure.ts";
import { type LinkRow, ROWS } from "./rows.ts";
import { summarize } from "./summary.ts";

const HELP = `deno task bench:links [options]

  --quick      run each row only once, and for a shorter time
  --only NAME  the rows whose name contains NAME
  --write      store the table in bench/LINKS.md and draw the pictures`;

interface Flags {
  readonly quick: boolean;
  readonly only: string;
  readonly write: boolean;
}

/** The lines of one row, and the bars of its picture. */
interface RowResult {
  readonly row: LinkRow;
  readonly lines: readonly string[];
  readonly bars: readonly Drawn[];
  readonly usesRelay: boolean;
}

const RELAY_NOTE = [
  "",
  "This kernel has no netem: round trips were added by a relay in user space.",
  "It hides them from TCP, so it has a slow start of its own.",
];

async function main({ quick, only, write }: Flags): Promise<void> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) {
    console.error(
      "bench:links: needs Linux and root, for network namespaces with ip and tc",
    );
    Deno.exit(2);
  }
  const rows = ROWS.filter(({ name }) => name.includes(only));
  if (rows.length === 0) {
    console.error(`bench:links: no row's name contains ${only}\n\n${HELP}`);
    Deno.exit(2);
  }
  const results: RowResult[] = [];
  for (const row of rows) {
    const result = await runRow(row, quick ? 1 : 3, quick ? 2000 : 5000);
    console.log(result.lines.join("\n"));
    results.push(result);
  }
  const note = results.some(({ usesRelay }) => usesRelay) ? RELAY_NOTE : [];
  if (note.length > 0) console.log(note.join("\n"));
  if (write) await keep(results, note);
}

async function runRow(
  row: LinkRow,
  rounds: number,
  milliseconds: number,
): Promise<RowResult> {
  const figures = PEERS.map((): Figures[] => []);
  const missing = new Map<string, string>();
  let usesRelay = false;
  for (let round = 0; round < rounds; round++) {
    for (const [index, peer] of PEERS.entries()) {
      if (missing.has(peer.name)) continue;
      try {
        const run = await measure(row, peer, milliseconds);
        figures[index].push(run.figures);
        usesRelay ||= run.usesRelay;
      } catch (error) {
        if (peer === PEERS[0]) throw error;
        const text = error instanceof Error ? error.message : `${error}`;
        missing.set(peer.name, text.split("\n")[0]);
      }
    }
  }
  const lines = [row.name];
  const say = (name: string, text: string): void => {
    lines.push(`  ${name.padEnd(11)} ${text}`);
  };
  const ours = summarize(row, figures[0]);
  say(PEERS[0].name, ours.text + goal(row, ours.cost));
  const bars: Drawn[] = [];
  for (const [index, { name }] of PEERS.entries()) {
    if (index === 0) continue;
    const reason = missing.get(name);
    if (reason !== undefined) {
      say(name, `not run: ${reason}`);
      continue;
    }
    const peer = summarize(row, figures[index]);
    bars.push({
      row: row.name,
      ours: { name: PEERS[0].name, figures: [ours.value] },
      peer: { name, figures: [peer.value] },
    });
    const ratio = peer.cost / ours.cost;
    say(name, `${peer.text}; ours ${times(ratio, [1])}, ${verdict(ratio, 1)}`);
  }
  return { row, lines, bars, usesRelay };
}

function goal({ atMost }: LinkRow, cost: number): string {
  if (atMost === undefined) return "";
  const verdict = cost <= atMost
    ? "reached"
    : `missed with ${toFixedApart(cost, [atMost], 1)} ms`;
  return `; wanted ${atMost} ms at most: ${verdict}`;
}

/** Writes the table and the pictures. */
async function keep(
  results: readonly RowResult[],
  note: readonly string[],
): Promise<void> {
  const date = new Date().toISOString().slice(0, 10);
  const text = [
    "# Links",
    "",
    `Written by \`deno task bench:links --write\` on ${date}, Deno ${Deno.version.deno}.`,
    "",
    "```text",
    ...results.flatMap(({ lines }) => lines),
    ...note,
    "```",
    "",
  ];
  await Deno.writeTextFile(
    new URL("../LINKS.md", import.meta.url),
    text.join("\n"),
  );
  const bars = (isDrawn: (row: LinkRow) => boolean): Drawn[] =>
    results.filter(({ row }) => isDrawn(row)).flatMap(({ bars }) => bars);
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

if (import.meta.main) {
  const { values, flags } = toolArguments(HELP, {
    values: ["only"],
    flags: ["quick", "write"],
  });
  await main({ ...flags, only: values.only ?? "" });
}

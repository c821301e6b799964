/**
 * Runs one peer on one link.
 *
 * @module
 */

import { Namespace } from "./namespace.ts";
import type { LinkRow } from "./rows.ts";

const PORT = 8000;
const RELAY_PORT = 8001;
const DENO: readonly string[] = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  "--quiet",
];
const folder = import.meta.dirname!;

/** An implementation: client and server run in the process that `command` starts. */
export interface LinkPeer {
  readonly name: string;
  readonly command: readonly string[];
}

/** All peers; the first one is this library. */
export const PEERS: readonly LinkPeer[] = [
  { name: "ours", command: [...DENO, `${folder}/subject.ts`, "ours"] },
  { name: "node:http2", command: ["node", `${folder}/node_http2.mjs`] },
  { name: "HTTP/1.1", command: [...DENO, `${folder}/subject.ts`, "http1"] },
];

/** The output of a peer's process, from `load.mjs`. */
export interface Figures {
  /** Latencies, ms. */
  readonly times?: readonly number[];
  /** Bulk, bytes per second. */
  readonly rate: number;
  readonly rateAfterFirstSecond?: number;
}

/** The figures of one run. */
export interface Run {
  readonly figures: Figures;
  /** Whether a relay in user space added the round trip. */
  readonly usesRelay: boolean;
}

/** Runs `peer` for about `milliseconds` on a link of its own. */
export async function measure(
  row: LinkRow,
  peer: LinkPeer,
  milliseconds: number,
): Promise<Run> {
  await using namespace = new Namespace();
  const usesRelay = !await namespace.open(row);
  await using _relay = usesRelay ? await startRelay(namespace, row) : undefined;
  const { kind, direction, streams } = row;
  const output = await namespace.run(
    ...peer.command,
    JSON.stringify({ kind, direction, streams, milliseconds }),
    `${PORT}`,
    `${usesRelay ? RELAY_PORT : PORT}`,
  );
  return { figures: JSON.parse(output), usesRelay };
}

/** Starts `relay.ts` in the namespace; resolves when it accepts connections. */
async function startRelay(
  namespace: Namespace,
  { mbit, roundTrip = 0 }: LinkRow,
): Promise<AsyncDisposable> {
  const [program, ...args] = namespace.command([
    ...DENO,
    `${folder}/relay.ts`,
    `${RELAY_PORT}`,
    `${PORT}`,
    `${mbit}`,
    `${roundTrip / 2}`,
  ]);
  const relay = new Deno.Command(program, { args, stdout: "piped" }).spawn();
  await relay.stdout.getReader().read();
  return {
    async [Symbol.asyncDispose]() {
      relay.kill();
      await relay.status;
    },
  };
}

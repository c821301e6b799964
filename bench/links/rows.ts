/**
 * The rows of the benchmark: links, and what is measured on them.
 *
 * @module
 */

/** One link with one load. */
export interface LinkRow {
  readonly name: string;
  readonly kind: "latency" | "throughput";
  /** The direction of bulk: from the server, or to it. */
  readonly direction: "down" | "up";
  /** Bulk transfers at the same time. */
  readonly streams: number;
  /** Rate of the link, Mbit/s; without it, loopback is not shaped. */
  readonly mbit?: number;
  /** Length of the link's queue, bytes. */
  readonly queue?: number;
  /** Round trip that is added, ms. */
  readonly roundTrip?: number;
  /** Goal for the median latency, ms; on loopback for the 99th percentile. */
  readonly atMost?: number;
}

const SLOW = { mbit: 20, queue: 60_000 } as const;

/** All rows, in the order in which they run. */
export const ROWS: readonly LinkRow[] = [
  latency("an urgent request behind a download, 20 Mbit/s", "down", 1, 24),
  latency("an urgent request behind ten downloads, 20 Mbit/s", "down", 10, 40),
  latency("an urgent request behind an upload, 20 Mbit/s", "up", 1, 24),
  ...[20, 100, 200].flatMap((roundTrip) => [
    throughput("download", "down", roundTrip),
    throughput("upload", "up", roundTrip),
  ]),
  beside("a small fetch beside a download, loopback", "down"),
  beside("a small fetch beside an upload, loopback", "up"),
];

function latency(
  name: string,
  direction: "down" | "up",
  streams: number,
  atMost: number,
): LinkRow {
  return { name, kind: "latency", direction, streams, atMost, ...SLOW };
}

function throughput(
  what: string,
  direction: "down" | "up",
  roundTrip: number,
): LinkRow {
  return {
    name: `${what}, 100 Mbit/s, round trip ${roundTrip} ms`,
    kind: "throughput",
    direction,
    streams: 1,
    mbit: 100,
    roundTrip,
  };
}

function beside(name: string, direction: "down" | "up"): LinkRow {
  return { name, kind: "latency", direction, streams: 1, atMost: 8 };
}

/**
 * The parts of a benchmark. A row compares one operation of this library with its
 * peers. Their rounds alternate, so that a slow moment of the machine affects all of
 * them.
 *
 * @module
 */

import process from "node:process";

/** Something that can be timed. */
export interface Subject {
  readonly name: string;
  /** Works for about `milliseconds` and resolves to the figure: units a second, or bytes. */
  run(milliseconds: number): number | Promise<number>;
  /**
   * True if the figure is used unchanged, because the work is done in another process
   * or on other threads, or because the figure is not a rate. Otherwise it is
   * converted to units per second of this process's CPU time.
   */
  readonly measuresItself?: boolean;
  close?(): void | Promise<void>;
}

/** The unit of a figure. */
export type Unit = "req/s" | "op/s" | "GB/s" | "MB/s" | "bytes" | "us";

/** The units that are not rates: these figures are not converted, and less is better. */
const AMOUNTS: ReadonlySet<Unit> = new Set(["bytes", "us"]);

/** A peer, and the ratio ours / peer that is required. */
export interface Peer {
  /** Shown if the peer cannot be started. */
  readonly name: string;
  open(): Subject | Promise<Subject>;
  readonly atLeast?: number;
  readonly aim?: number;
}

/**
 * A figure that ours must not exceed, as a peer that always has it: for rows whose unit is
 * not a rate.
 *
 * @param text The figure as the table names it, for example `64 KiB`.
 */
export function bound(
  figure: number,
  text: string,
  { aim }: { readonly aim?: number } = {},
): Peer {
  const name = `bound of ${text}`;
  return {
    name,
    open: () => ({ name, measuresItself: true, run: () => figure }),
    atLeast: 1,
    aim,
  };
}

/** One operation of this library, compared with its peers. */
export interface Row {
  readonly name: string;
  /** `bytes` and `us`: less is better; for all others, more is. */
  readonly unit: Unit;
  ours(): Subject | Promise<Subject>;
  readonly peers: readonly Peer[];
  /** Rounds of one length for a figure that does not depend on time. */
  readonly rounds?: number;
  /** The title of the picture that shows this row together with others of the same unit. */
  readonly picture?: string;
  /** Each round starts a new process, so there is nothing to warm up. */
  readonly isCold?: boolean;
}

/** A subject's figures over the rounds. */
export interface Sample {
  readonly name: string;
  readonly figures: readonly number[];
}

/** The figures of this library and of one peer. */
export interface Comparison {
  readonly row: string;
  readonly picture?: string;
  readonly unit: Unit;
  readonly ours: Sample;
  readonly peer: Sample | { readonly name: string; readonly missing: string };
  readonly atLeast?: number;
  readonly aim?: number;
}

/** How long the rounds are, and how many there are. */
export interface Plan {
  readonly roundMilliseconds: number;
  readonly rounds: number;
  readonly warmUpMilliseconds: number;
  /** CPU time of this process so far, ms; tests replace this. */
  readonly cpuTime?: () => number;
}

/**
 * A peer is not installed on this machine. Its row says so, and the run continues
 * with the other peers.
 */
export class PeerMissing extends Error {}

/**
 * One round, in units per second of CPU time. Both ends of every conversation run
 * in this process and keep one core busy, so on a quiet machine the result is the
 * same as by wall time. On a busy machine it does not change.
 */
async function measure(
  subject: Subject,
  unit: Unit,
  milliseconds: number,
  cpuTime: () => number,
): Promise<{ readonly figure: number; readonly cpuMilliseconds: number }> {
  const cpu = cpuTime();
  const begin = performance.now();
  const figure = await subject.run(milliseconds);
  const elapsed = performance.now() - begin;
  const cpuMilliseconds = cpuTime() - cpu;
  return subject.measuresItself || AMOUNTS.has(unit)
    ? { figure, cpuMilliseconds: milliseconds }
    : { figure: figure * elapsed / cpuMilliseconds, cpuMilliseconds };
}

function processCpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Lets the compiler finish, which takes longer on a busy machine. */
async function warmUp(
  subject: Subject,
  unit: Unit,
  milliseconds: number,
  cpuTime: () => number,
): Promise<void> {
  let done = 0;
  for (let turn = 0; done < milliseconds && turn < 5; turn++) {
    done +=
      (await measure(subject, unit, milliseconds, cpuTime)).cpuMilliseconds;
  }
}

/** Runs one row: starts and warms up everything, then runs rounds in turns. */
export async function runRow(row: Row, plan: Plan): Promise<Comparison[]> {
  const { cpuTime = processCpuTime } = plan;
  const ours = await row.ours();
  const subjects = [ours];
  const missing = new Map<Peer, string>();
  const opened = new Map<Peer, Subject>();
  for (const peer of row.peers) {
    try {
      const subject = await peer.open();
      opened.set(peer, subject);
      subjects.push(subject);
    } catch (error) {
      if (!(error instanceof PeerMissing)) throw error;
      missing.set(peer, error.message);
    }
  }
  const figures = new Map<Subject, number[]>();
  for (const subject of subjects) {
    figures.set(subject, []);
    if (row.isCold) continue;
    await warmUp(subject, row.unit, plan.warmUpMilliseconds, cpuTime);
  }
  const rounds = Math.min(plan.rounds, row.rounds ?? plan.rounds);
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) {
      collectGarbage();
      const { figure } = await measure(
        subject,
        row.unit,
        plan.roundMilliseconds,
        cpuTime,
      );
      figures.get(subject)!.push(figure);
    }
  }
  for (const subject of subjects) await subject.close?.();

  const sampleOf = (subject: Subject): Sample => ({
    name: subject.name,
    figures: figures.get(subject)!,
  });
  return row.peers.map((peer) => ({
    row: row.name,
    picture: row.picture,
    unit: row.unit,
    ours: sampleOf(ours),
    peer: opened.has(peer)
      ? sampleOf(opened.get(peer)!)
      : { name: peer.name, missing: missing.get(peer)! },
    atLeast: peer.atLeast,
    aim: peer.aim,
  }));
}

/**
 * The ratio to a peer in each round. If less is better, it is inverted, so that
 * more is always better.
 */
export function ratios(comparison: Comparison): number[] {
  const { peer, ours, unit } = comparison;
  if ("missing" in peer) return [];
  return ours.figures.map((figure, round) =>
    AMOUNTS.has(unit)
      ? peer.figures[round] / figure
      : figure / peer.figures[round]
  );
}

/** The median; for an even count, the mean of the two values in the middle. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? sorted[middle]
    : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Half the distance from the lowest to the highest, as a share of the median. */
export function spread(figures: readonly number[]): number {
  return (Math.max(...figures) - Math.min(...figures)) / 2 / median(figures);
}

/**
 * Repeats `work` until the time is over. A loop that never waits for a timer or
 * for I/O would block Deno's timers, so it lets them run every `yieldEvery` ms.
 *
 * @returns units a second, counting only the time in `work`.
 */
export async function repeat(
  milliseconds: number,
  work: () => number,
  yieldEvery = 50,
): Promise<number> {
  let units = 0;
  let elapsed = 0;
  while (elapsed < milliseconds) {
    const begin = performance.now();
    let now = begin;
    do {
      units += work();
      now = performance.now();
    } while (now - begin < yieldEvery && elapsed + now - begin < milliseconds);
    elapsed += now - begin;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return units / elapsed * 1000;
}

/** A synchronous subject: `work` does some units and returns their number. */
export function loop(
  name: string,
  work: () => number,
  close?: () => void,
): Subject {
  return { name, run: (milliseconds) => repeat(milliseconds, work), close };
}

/** Collects garbage, if the process was started with `--expose-gc`. */
export function collectGarbage(): void {
  const gc: unknown = Reflect.get(globalThis, "gc");
  if (typeof gc === "function") gc();
}

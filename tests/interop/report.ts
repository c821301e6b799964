/**
 * Runs scenarios one after the other and prints the table: peer, version,
 * scenario, result.
 *
 * The peers are programs of others, which now and then cannot be downloaded, or stop
 * answering. A peer that cannot be started is started once more; a scenario that is
 * not done in time runs once more, as do those after it, with a peer that was started
 * anew. The table and its totals show both runs. Any other failure is final.
 *
 * @module
 */

import {
  MissingToolError,
  OptionalToolError,
  toolsAreRequired,
} from "./peers.ts";

/** One scenario with one peer. */
export interface Scenario {
  /** What it does, in a few words. */
  readonly name: string;
  /** Runs it; throws if it failed; may resolve to a measurement. */
  run(): Promise<string | void>;
  /** What it waits for, which the table shows if it is not done in time. */
  state?(): string;
}

/** All scenarios with one peer. */
export interface Suite {
  /** The peer's name. */
  readonly peer: string;
  /** Starts the peer, or throws `MissingToolError`; resolves to its version and the scenarios. */
  prepare(): Promise<PreparedSuite>;
}

/** A peer that is running. */
export interface PreparedSuite extends AsyncDisposable {
  /** Its version. */
  readonly version: string;
  /** The scenarios, in order. */
  readonly scenarios: readonly Scenario[];
}

/** `retry` is a failure after which the scenario is run once more. */
type Outcome = "pass" | "retry" | "FAIL" | "skip";

interface Row {
  readonly peer: string;
  readonly version: string;
  readonly scenario: string;
  readonly outcome: Outcome;
  readonly detail: string;
}

/** Longest time in which a peer may be downloaded, built and started, ms. */
const PREPARE_TIMEOUT = 600_000;
/** Longest time in which a peer ends, ms. */
const END_TIMEOUT = 60_000;

/** What to run. */
export interface Chosen {
  /** A part of the peer's name. Other peers are not started. Default: all. */
  readonly peer?: string;
  /** A part of the scenario's name. Default: all. */
  readonly scenario?: string;
  /** Longest time of one scenario, ms. Default: 180,000; on a quiet machine, the slowest takes 9 s. */
  readonly scenarioTimeout?: number;
}

/**
 * Runs the suites. Prints a line when a scenario ends, and after `title` the
 * totals; resolves to whether all succeeded.
 */
export async function runSuites(
  suites: readonly Suite[],
  { peer = "", scenario = "", scenarioTimeout = 180_000 }: Chosen,
  title = "interop",
): Promise<boolean> {
  const peers = new RegExp(peer, "i");
  const scenarios = new RegExp(scenario, "i");
  const rows: Row[] = [];
  printRow({
    peer: "peer",
    version: "version",
    scenario: "scenario",
    outcome: "result",
    detail: "",
  });
  const add = (row: Row): void => {
    rows.push(row);
    printRow(row);
  };
  for (const suite of suites) {
    if (!peers.test(suite.peer)) continue;
    const run = { suite, scenarioTimeout, add };
    const chosen = (name: string): boolean => scenarios.test(name);
    const done = await attempt(run, chosen, "retry");
    if (done === undefined) continue;
    await attempt(run, (name) => chosen(name) && !done.has(name), "FAIL");
  }
  const count = (outcome: Outcome): number =>
    rows.filter((row) => row.outcome === outcome).length;
  const failed = count("FAIL");
  const counts = [`${count("pass")} passed`, `${failed} failed`];
  for (
    const [outcome, text] of [["skip", "skipped"], [
      "retry",
      "retried",
    ]] as const
  ) {
    if (count(outcome) > 0) counts.push(`${count(outcome)} ${text}`);
  }
  console.log(`\n${title}: ${counts.join(", ")}`);
  // A run without scenarios is no success.
  return failed === 0 && count("pass") + count("skip") > 0;
}

interface SuiteRun {
  readonly suite: Suite;
  readonly scenarioTimeout: number;
  /** Takes a row of the table. */
  readonly add: (row: Row) => void;
}

/**
 * Starts the peer, runs the chosen scenarios, and ends the peer. `late` is the outcome if
 * the peer cannot be started or something is not done in time. Resolves to the scenarios
 * that need not run again, or to `undefined` if none needs to.
 */
async function attempt(
  { suite, scenarioTimeout, add }: SuiteRun,
  chosen: (name: string) => boolean,
  late: "retry" | "FAIL",
): Promise<Set<string> | undefined> {
  const row = { peer: suite.peer, version: "-" };
  let prepared: PreparedSuite;
  try {
    prepared = await within(PREPARE_TIMEOUT, suite.prepare());
  } catch (error) {
    const missing = error instanceof MissingToolError;
    const skipped = error instanceof OptionalToolError ||
      missing && !toolsAreRequired();
    const outcome = skipped ? "skip" : missing ? "FAIL" : late;
    add({ ...row, scenario: "(all)", outcome, detail: messageOf(error) });
    return outcome === "retry" ? new Set() : undefined;
  }
  row.version = prepared.version;
  const scenarios = prepared.scenarios.filter(({ name }) => chosen(name));
  const done = new Set<string>();
  let isLate = false;
  for (const scenario of scenarios) {
    const begin = performance.now();
    const detailed = (detail: string | void): string => {
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      return detail ? `${seconds} s; ${detail}` : `${seconds} s`;
    };
    try {
      const detail = await within(
        scenarioTimeout,
        scenario.run(),
        () => scenario.state?.(),
      );
      done.add(scenario.name);
      add({
        ...row,
        scenario: scenario.name,
        outcome: "pass",
        detail: detailed(detail),
      });
    } catch (error) {
      isLate = error instanceof LateError;
      if (!isLate) done.add(scenario.name);
      add({
        ...row,
        scenario: scenario.name,
        outcome: isLate ? late : "FAIL",
        detail: detailed(messageOf(error)),
      });
      // A peer that does not answer would keep the other scenarios waiting as well.
      if (isLate) break;
    }
  }
  if (isLate && late === "FAIL") {
    for (const { name } of scenarios.slice(done.size + 1)) {
      add({ ...row, scenario: name, outcome: "FAIL", detail: "not run" });
    }
  }
  try {
    await within(END_TIMEOUT, prepared[Symbol.asyncDispose]());
  } catch (error) {
    isLate = true;
    add({ ...row, scenario: "(end)", outcome: late, detail: messageOf(error) });
  }
  return isLate ? done : undefined;
}

/** Something took longer than it may. */
class LateError extends Error {
  override readonly name = "LateError";
}

async function within<T>(
  milliseconds: number,
  work: PromiseLike<T>,
  state: () => string | undefined = () => undefined,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const text = state();
      const end = text === undefined ? "" : `: ${text}`;
      reject(new LateError(`not done within ${milliseconds / 1000} s${end}`));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error
    ? `${error.name}: ${error.message}`
    : String(error);
}

interface PrintedRow {
  readonly peer: string;
  readonly version: string;
  readonly scenario: string;
  readonly outcome: string;
  readonly detail: string;
}

function printRow(row: PrintedRow): void {
  console.log(
    [
      row.peer.padEnd(24),
      row.version.padEnd(9),
      row.scenario.padEnd(48),
      row.outcome.padEnd(6),
      row.detail,
    ].join("  ").trimEnd(),
  );
}

/**
 * Runs scenarios one after the other and prints the table: peer, version,
 * scenario, result.
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

type Outcome = "pass" | "FAIL" | "skip";

interface Row {
  readonly peer: string;
  readonly version: string;
  readonly scenario: string;
  readonly outcome: Outcome;
  readonly detail: string;
}

/** Longest time in which a peer may be downloaded, built and started, ms. */
const PREPARE_TIMEOUT = 1_000_000;
/** Longest time of one scenario, ms. On a quiet machine, the slowest takes 9 s. */
const SCENARIO_TIMEOUT = 180_000;
/** Longest time in which a peer ends, ms. */
const END_TIMEOUT = 60_000;

/** What to run. */
export interface Chosen {
  /** A part of the peer's name. Other peers are not started. Default: all. */
  readonly peer?: string;
  /** A part of the scenario's name. Default: all. */
  readonly scenario?: string;
}

/**
 * Runs the suites. Prints a line when a scenario ends, and after `title` the
 * totals; resolves to whether all succeeded.
 */
export async function runSuites(
  suites: readonly Suite[],
  { peer = "", scenario = "" }: Chosen,
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
    if (peers.test(suite.peer)) await runSuite(suite, scenarios, add);
  }
  const count = (outcome: Outcome): number =>
    rows.filter((row) => row.outcome === outcome).length;
  const failed = count("FAIL");
  const skipped = count("skip");
  console.log(
    `\n${title}: ${count("pass")} passed, ${failed} failed` +
      (skipped > 0 ? `, ${skipped} skipped` : ""),
  );
  // A run without scenarios is no success.
  return failed === 0 && rows.length > 0;
}

async function runSuite(
  suite: Suite,
  filter: RegExp,
  add: (row: Row) => void,
): Promise<void> {
  let prepared: PreparedSuite;
  try {
    prepared = await within(PREPARE_TIMEOUT, suite.prepare());
  } catch (error) {
    const skipped = error instanceof OptionalToolError ||
      error instanceof MissingToolError && !toolsAreRequired();
    add({
      peer: suite.peer,
      version: "-",
      scenario: "(all)",
      outcome: skipped ? "skip" : "FAIL",
      detail: messageOf(error),
    });
    return;
  }
  const { version } = prepared;
  for (const scenario of prepared.scenarios) {
    if (!filter.test(scenario.name)) continue;
    const begin = performance.now();
    let outcome: Outcome = "pass";
    let detail: string;
    try {
      const done = scenario.run();
      detail = await within(SCENARIO_TIMEOUT, done, () => scenario.state?.()) ??
        "";
    } catch (error) {
      outcome = "FAIL";
      detail = messageOf(error);
    }
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    add({
      peer: suite.peer,
      version,
      scenario: scenario.name,
      outcome,
      detail: detail === "" ? `${seconds} s` : `${seconds} s; ${detail}`,
    });
  }
  try {
    await within(END_TIMEOUT, prepared[Symbol.asyncDispose]());
  } catch (error) {
    add({
      peer: suite.peer,
      version,
      scenario: "(end)",
      outcome: "FAIL",
      detail: messageOf(error),
    });
  }
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
      reject(new Error(`not done within ${milliseconds / 1000} s${end}`));
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

/**
 * Judges one recording: it passes, differs by a rule of the list, or fails.
 *
 * @module
 */

import { decodingFault } from "./decoding.ts";
import { DEVIATIONS, SURVIVED } from "./deviations.ts";
import {
  difference,
  type Feed,
  type Outcome,
  recordedOutcome,
  withoutWindowUpdates,
} from "./outcome.ts";
import type { Recording, Vector } from "./recording.ts";
import { replay } from "./replay.ts";
import { type Rule, survivedOutcome } from "./rules.ts";

/** What became of a recording. */
export interface Verdict {
  readonly id: string;
  readonly status: "passed" | "deviates" | "failed";
  /** What failed. */
  readonly detail: string;
  /** The rules under which it deviates. */
  readonly rules: readonly Rule[];
}

/**
 * Replays a recording, whole and byte by byte, and decodes its bytes.
 *
 * @param listed The recording is one of those that the list names: a rule has to name it, and it has to differ.
 */
export function judge({ id, recording }: Vector, listed: boolean): Verdict {
  const rules = new Set<Rule>();
  const failed = (detail: string): Verdict => ({
    id,
    status: "failed",
    detail,
    rules: [],
  });
  try {
    for (const feed of ["whole", "bytewise"] as const) {
      const { fault, used } = judgeFeed(recording, feed, listed);
      if (fault !== undefined) return failed(`${feed}: ${fault}`);
      for (const rule of used) rules.add(rule);
    }
    const fault = decodingFault(recording);
    if (fault !== undefined) return failed(fault);
  } catch (error) {
    return failed(`threw ${error instanceof Error ? error.stack : error}`);
  }
  const status = rules.size > 0 ? "deviates" : "passed";
  return { id, status, detail: "", rules: [...rules] };
}

interface FeedVerdict {
  readonly fault?: string;
  readonly used: readonly Rule[];
}

function judgeFeed(
  recording: Recording,
  feed: Feed,
  listed: boolean,
): FeedVerdict {
  const recorded = recordedOutcome(recording, feed);
  const expected = rewritten(recording, recorded, feed, listed);
  if (typeof expected === "string") return { fault: expected, used: [] };
  const actual = replay(recording, expected.outcome, feed);
  // When automatic WINDOW_UPDATEs leave depends on how the input is cut.
  const cut = feed === "bytewise" && recording.result === undefined;
  const view = (outcome: Outcome): Outcome =>
    cut ? withoutWindowUpdates(outcome) : outcome;
  const asRecorded = recorded && difference(view(recorded), view(actual));
  if (recorded !== undefined && asRecorded === undefined) {
    const [rule] = expected.used;
    return listed && rule !== undefined
      ? { fault: `does not deviate by ${rule.name} any more`, used: [] }
      : { used: [] };
  }
  const fault = difference(view(expected.outcome), view(actual));
  return { fault, used: expected.used };
}

/** The outcome that the rules make of a recorded one, or what is wrong with the list. */
function rewritten(
  recording: Recording,
  recorded: Outcome | undefined,
  feed: Feed,
  listed: boolean,
): { readonly outcome: Outcome; readonly used: readonly Rule[] } | string {
  if (recorded === undefined) {
    const survived = survivedOutcome(recording);
    if (survived === undefined) return "crashed spdylay, and no rule is given";
    if (listed && !SURVIVED.names.includes(recording.name)) {
      return "crashed spdylay, and is not in the list of deviations";
    }
    const setup = recordedOutcome({ ...recording, result: undefined }, feed);
    return {
      outcome: [...setup ?? [], ...survived],
      used: [SURVIVED.rule],
    };
  }
  let outcome = recorded;
  const used: Rule[] = [];
  for (const { rule, names } of DEVIATIONS) {
    const next = rule(outcome, recording);
    if (difference(outcome, next) ?? difference(next, outcome)) {
      if (listed && !names.includes(recording.name)) continue;
      used.push(rule);
      outcome = next;
    }
  }
  return { outcome, used };
}

/** Names in the list under which no recording deviates. */
export function unusedNames(
  vectors: readonly Vector[],
  verdicts: readonly Verdict[],
): string[] {
  const names = new Map(
    vectors.map(({ id, recording }) => [id, recording.name]),
  );
  return [...DEVIATIONS, SURVIVED].flatMap(({ rule, names: list }) => {
    const seen = new Set(
      verdicts.filter(({ rules }) => rules.includes(rule)).map(({ id }) =>
        names.get(id)
      ),
    );
    return list.filter((name) => !seen.has(name)).map((name) =>
      `${rule.name}: ${name}`
    );
  });
}

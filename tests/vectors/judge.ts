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

/** The result for a recording. */
export interface Verdict {
  readonly id: string;
  readonly status: "passed" | "deviates" | "failed";
  /** The failures. */
  readonly detail: string;
  /** The rules by which it deviates. */
  readonly rules: readonly Rule[];
}

/**
 * Replays a recording as a whole and byte by byte, and decodes its bytes.
 *
 * @param listed Whether the list names the recording: a rule must apply to it,
 * and it must differ.
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
  if (recorded === undefined) return judgeSurvival(recording, feed, listed);
  const actual = replay(recording, recorded, feed);
  // When automatic WINDOW_UPDATEs are sent depends on how the input is cut.
  const cut = feed === "bytewise" && recording.result === undefined;
  const view = (outcome: Outcome): Outcome =>
    cut ? withoutWindowUpdates(outcome) : outcome;
  const compare = (expected: Outcome): string | undefined =>
    difference(view(expected), view(actual));
  const applicable = applicableRules(recorded, recording, listed);
  if (compare(recorded) === undefined) {
    return listed && applicable.length > 0
      ? {
        fault: `does not deviate by ${applicable[0].name} any more`,
        used: [],
      }
      : { used: [] };
  }
  /** A rule may also change the input of the session. */
  const tryRules = (rules: readonly Rule[]): string | undefined => {
    const expected = rewrite(recorded, recording, rules);
    const same = expected.every(({ input, call }, index) =>
      input === recorded[index].input && call === recorded[index].call
    );
    return same ? compare(expected) : difference(
      view(expected),
      view(replay(recording, expected, feed)),
    );
  };
  const fault = tryRules(applicable);
  if (fault === undefined || listed) return { fault, used: applicable };
  // For recordings that are not in the list, a rule may do nothing.
  for (const some of subsets(applicable)) {
    if (tryRules(some) === undefined) return { used: some };
  }
  return { fault, used: applicable };
}

function rewrite(
  recorded: Outcome,
  recording: Recording,
  rules: readonly Rule[],
): Outcome {
  return rules.reduce((outcome, rule) => rule(outcome, recording), recorded);
}

/** The rules that change the recorded result, in the order of the list. */
function applicableRules(
  recorded: Outcome,
  recording: Recording,
  listed: boolean,
): Rule[] {
  let outcome = recorded;
  return DEVIATIONS.filter(({ rule, names }) => {
    if (listed && !names.includes(recording.name)) return false;
    const next = rule(outcome, recording);
    const changes = difference(outcome, next) ?? difference(next, outcome);
    outcome = next;
    return changes !== undefined;
  }).map(({ rule }) => rule);
}

function subsets(rules: readonly Rule[]): Rule[][] {
  return Array.from(
    { length: 2 ** rules.length - 1 },
    (_, bits) =>
      rules.filter((_rule, index) => ((bits + 1) >> index & 1) === 1),
  );
}

/** Where spdylay crashed, there is a special rule, and nothing was recorded after the setup. */
function judgeSurvival(
  recording: Recording,
  feed: Feed,
  listed: boolean,
): FeedVerdict {
  const survived = survivedOutcome(recording);
  if (survived === undefined) {
    return { fault: "crashed spdylay, and no rule is given", used: [] };
  }
  if (listed && !SURVIVED.names.includes(recording.name)) {
    return { fault: "crashed spdylay, and is not in the list", used: [] };
  }
  const setup = recordedOutcome({ ...recording, result: undefined }, feed);
  const expected = [...setup ?? [], ...survived];
  const fault = difference(expected, replay(recording, expected, feed));
  return { fault, used: [SURVIVED.rule] };
}

/** Names in the list with which no recording deviates. */
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

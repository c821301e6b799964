/**
 * The figures of a peer's runs on one link, as one line of text.
 *
 * @module
 */

import type { Figures } from "./measure.ts";
import type { LinkRow } from "./rows.ts";

/** The runs of one peer on one link. */
export interface Summary {
  readonly text: string;
  /** The figure for pictures: ms, or MB/s. */
  readonly value: number;
  /** The figure that is compared; less is better. */
  readonly cost: number;
}

/** Summarizes the figures of all rounds. */
export function summarize(row: LinkRow, rounds: readonly Figures[]): Summary {
  const megabytes = quantile(rounds.map(({ rate }) => rate), 0.5) / 1e6;
  const rate = `${megabytes.toFixed(1)} MB/s`;
  if (row.kind === "throughput") {
    const later = rounds.map((each) => each.rateAfterFirstSecond ?? 0);
    const share = quantile(later, 0.5) / ((row.mbit ?? 0) * 125_000);
    return {
      text: `${rate}, after 1 s ${share.toFixed(2)} of the link`,
      value: megabytes,
      cost: 1 / megabytes,
    };
  }
  const times = rounds.flatMap((each) => each.times ?? []);
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((q) => quantile(times, q));
  const texts = [p50, p99, p999].map((time) => time.toFixed(1));
  const value = row.mbit === undefined ? p99 : p50;
  return {
    text: `p50 ${texts[0]}, p99 ${texts[1]}, p99.9 ${
      texts[2]
    } ms; bulk ${rate}`,
    value,
    cost: value,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

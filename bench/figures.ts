/**
 * Figures as text, and the verdict about them. Figures that differ have texts that
 * differ, so that no table says "1.00 x, behind" where 1.00 x is wanted.
 *
 * @module
 */

import type { Unit } from "./harness.ts";

/** Digits of a double after the decimal point that are of any use. */
const MOST_DIGITS = 15;

/**
 * A number with this many digits after the decimal point, or with as many as it
 * takes to show that it is not one of `others`.
 */
export function toFixedApart(
  value: number,
  others: readonly number[],
  digits: number,
): string {
  return fixed(value, digitsApart(value, others, digits));
}

/**
 * The only formatter, because texts are compared as they are shown: `toFixed` rounds
 * the binary value and would differ at 5.295.
 */
function fixed(value: number, digits: number, useGrouping = false): string {
  return value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    useGrouping,
  });
}

function digitsApart(
  value: number,
  others: readonly number[],
  least: number,
): number {
  let digits = least;
  const isLike = (other: number): boolean =>
    other !== value && fixed(other, digits) === fixed(value, digits);
  while (digits < MOST_DIGITS && others.some(isLike)) digits++;
  return digits;
}

/** A figure with its unit. With `other`, it can be told from that one. */
export function figure(value: number, unit: Unit, other?: number): string {
  const least = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const others = other === undefined ? [] : [other];
  const digits = digitsApart(value, others, least);
  const text = fixed(value, digits, true);
  return `${text} ${unit}`;
}

/** A ratio. It can be told from those of the `goals` that it does not reach. */
export function times(ratio: number, goals: readonly number[] = []): string {
  const missed = goals.filter((goal) => ratio < goal);
  return `${toFixedApart(ratio, missed, ratio >= 10 ? 1 : 2)} x`;
}

/** What a ratio says if it should be at least `atLeast`, and `aim` is still better. */
export function verdict(
  ratio: number,
  atLeast?: number,
  aim?: number,
): string {
  if (atLeast === undefined && aim === undefined) return "";
  if (aim !== undefined && ratio >= aim) return "ahead, aim reached";
  return ratio >= (atLeast ?? Infinity) ? "ahead" : "behind";
}

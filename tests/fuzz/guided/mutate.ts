/**
 * Seeded mutations of an input.
 *
 * @module
 */

import { concat } from "../../deps.ts";
import type { Random } from "../../helpers/random.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Longest input, bytes: longer ones only make runs slow. */
const LONGEST = 4096;
/** Numbers at which code often behaves differently. */
const ODD_BYTES = [0, 1, 2, 4, 8, 16, 32, 64, 127, 128, 254, 255];

/** Changes `input` in up to six places; inserts pieces from `others` and `words`. */
export function mutate(
  input: Bytes,
  others: readonly Bytes[],
  words: readonly Bytes[],
  random: Random,
): Bytes {
  let bytes = input.slice();
  for (let left = random.pick([1, 1, 2, 3, 6]); left > 0; left--) {
    bytes = changeOnce(bytes, others, words, random);
  }
  return bytes.subarray(0, LONGEST);
}

function changeOnce(
  bytes: Bytes,
  others: readonly Bytes[],
  words: readonly Bytes[],
  random: Random,
): Bytes {
  const at = random.int(0, bytes.length);
  const to = Math.min(bytes.length, at + random.pick([1, 1, 2, 4, 16, 100]));
  const put = (piece: Bytes, end = at): Bytes =>
    concat([bytes.subarray(0, at), piece, bytes.subarray(end)]);
  switch (random.int(0, 9)) {
    case 0:
      return changed(bytes, at, (byte) => byte ^ 1 << random.int(0, 7));
    case 1:
      return changed(bytes, at, () => random.pick(ODD_BYTES));
    case 2:
      return changed(bytes, at, (byte) => byte + random.int(-8, 8));
    case 3:
      return changed(bytes, at, () => random.int(0, 255));
    case 4:
      return put(new Uint8Array(0), to);
    case 5:
      return put(bytes.slice(at, to));
    case 6:
      return put(random.bytes(random.int(1, 8)));
    case 7:
      return words.length === 0
        ? put(random.bytes(4), to)
        : put(random.pick(words), random.chance(0.5) ? at : to);
    case 8: {
      const other = random.pick(others);
      return put(other.slice(random.int(0, other.length)), bytes.length);
    }
    default:
      return bytes.slice(0, at);
  }
}

function changed(
  bytes: Bytes,
  at: number,
  change: (byte: number) => number,
): Bytes {
  if (at < bytes.length) bytes[at] = change(bytes[at]);
  return bytes;
}

import {
  deflateRawSync,
  deflateSync,
  inflateRawSync,
  inflateSync,
} from "node:zlib";
import { ZlibError } from "../../../errors.ts";
import { Deflate, Inflate, SPDY3_DICTIONARY } from "../../../zlib/mod.ts";
import { assert, assertEquals, concat } from "../../deps.ts";
import type { Random } from "../../helpers/random.ts";
import type { Target } from "../target.ts";

/** Largest output of a mutated stream; both implementations stop there. */
const MAX_OUTPUT = 1 << 20;

interface Stream {
  readonly raw: boolean;
  readonly dictionary: Uint8Array<ArrayBuffer> | undefined;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly packed: Uint8Array<ArrayBuffer>;
}

/**
 * Inflate accepts what node:zlib accepts, and returns the same bytes; otherwise
 * both refuse the input.
 */
export const inflateTarget: Target = {
  name: "inflate",
  property: "inflate and node:zlib give the same bytes, or both refuse",
  run(random: Random): void {
    const stream = makeStream(random);
    assertSame(ours(stream.packed, stream, random), stream.plain);
    const mutated = mutate(stream.packed, random);
    const expected = theirs(mutated, stream);
    const actual = ours(mutated, stream, random);
    if (expected === undefined || actual === undefined) {
      assertEquals(
        actual === undefined,
        expected === undefined,
        "one refuses, the other does not",
      );
    } else assertSame(actual, expected);
  },
};

function makeStream(random: Random): Stream {
  const raw = random.chance(0.3);
  // Deno's node:zlib (2.9.6) refuses a raw stream that refers to its dictionary.
  const dictionary = !raw && random.chance(0.4)
    ? Uint8Array.from(SPDY3_DICTIONARY)
    : undefined;
  const size = random.pick([0, 1, 20, 300, 5000, 70000]);
  const plain = random.pick([
    () => random.bytes(size),
    () => random.bytes(size, 3),
    () => random.text(size, 50),
    () => new Uint8Array(size),
  ])();
  const level = random.int(0, 9);
  const windowBits = random.int(9, 15);
  if (random.chance(0.5)) {
    const deflate = new Deflate({
      format: raw ? "raw" : "zlib",
      level,
      windowBits,
      dictionary,
    });
    const parts = random.pieces(plain, Math.max(1, size)).map((piece) =>
      deflate.push(piece, random.chance(0.3) ? "sync" : "none").slice()
    );
    parts.push(deflate.push(new Uint8Array(), "finish").slice());
    return { raw, dictionary, plain, packed: concat(parts) };
  }
  const options = {
    level,
    windowBits,
    dictionary,
    memLevel: random.int(1, 9),
    strategy: random.int(0, 4),
  };
  const packed = Uint8Array.from(
    raw ? deflateRawSync(plain, options) : deflateSync(plain, options),
  );
  return { raw, dictionary, plain, packed };
}

function mutate(
  bytes: Uint8Array<ArrayBuffer>,
  random: Random,
): Uint8Array<ArrayBuffer> {
  const mutated = bytes.slice();
  for (let left = random.int(1, 4); left > 0 && mutated.length > 0; left--) {
    mutated[random.int(0, mutated.length - 1)] ^= 1 << random.int(0, 7);
  }
  return random.chance(0.1)
    ? mutated.subarray(0, random.int(0, mutated.length))
    : mutated;
}

/** The output of node:zlib; `undefined` if it refuses the input. */
function theirs(
  bytes: Uint8Array,
  { raw, dictionary }: Stream,
): Uint8Array | undefined {
  try {
    const options = { dictionary, maxOutputLength: MAX_OUTPUT };
    return Uint8Array.from(
      raw ? inflateRawSync(bytes, options) : inflateSync(bytes, options),
    );
  } catch {
    return undefined;
  }
}

/**
 * The output of our inflate, which gets random pieces; `undefined` if it refuses
 * the input or the stream has not ended.
 */
function ours(
  bytes: Uint8Array<ArrayBuffer>,
  { raw, dictionary }: Stream,
  random: Random,
): Uint8Array | undefined {
  const inflate = new Inflate({
    format: raw ? "raw" : "zlib",
    dictionary,
    maxOutput: MAX_OUTPUT,
  });
  const parts: Uint8Array[] = [];
  try {
    for (
      const piece of random.pieces(
        bytes,
        random.pick([1, 7, 100, bytes.length + 1]),
      )
    ) {
      parts.push(inflate.push(piece).slice());
    }
  } catch (error) {
    if (!(error instanceof ZlibError)) throw error;
    const offset = error.offset ?? 0;
    assert(
      offset >= 0 && offset <= bytes.length,
      `offset ${offset} of ${bytes.length} bytes`,
    );
    return undefined;
  }
  return inflate.finished ? concat(parts) : undefined;
}

/** The place of the first difference says more than a list of all bytes. */
function assertSame(
  actual: Uint8Array | undefined,
  expected: Uint8Array,
): void {
  assert(actual !== undefined, "refused, although it was packed well");
  const bytes = actual ?? new Uint8Array();
  const differs = bytes.findIndex((byte, index) => byte !== expected[index]);
  assertEquals(differs, -1, "first byte that differs");
  assertEquals(bytes.length, expected.length, "length");
}

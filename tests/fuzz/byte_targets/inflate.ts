import { deflateSync, inflateRawSync, inflateSync } from "node:zlib";
import { ZlibError } from "../../../errors.ts";
import { Deflate, Inflate, SPDY3_DICTIONARY } from "../../../zlib/mod.ts";
import { assert, assertEquals, concat } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { type ByteTarget, Choices, piecesOf } from "../byte_target.ts";

/** Largest output that an input may have, bytes. */
const MAX_OUTPUT = 1 << 18;

type Format = "zlib" | "raw";

/** The output of our inflate; `undefined` if it refuses the input or the stream has not ended. */
function ours(
  format: Format,
  dictionary: Uint8Array | undefined,
  pieces: Iterable<Uint8Array<ArrayBuffer>>,
): { output: Uint8Array; finished: boolean; error?: string } {
  const inflate = new Inflate({ format, dictionary, maxOutput: MAX_OUTPUT });
  const parts: Uint8Array[] = [];
  let error: string | undefined;
  try {
    for (const piece of pieces) parts.push(inflate.push(piece).slice());
  } catch (thrown) {
    if (!(thrown instanceof ZlibError)) throw thrown;
    error = `${thrown.message} at ${thrown.offset}`;
  }
  return { output: concat(parts), finished: inflate.finished, error };
}

function theirs(
  format: Format,
  dictionary: Uint8Array | undefined,
  bytes: Uint8Array,
): Uint8Array | undefined {
  try {
    const options = { dictionary, maxOutputLength: MAX_OUTPUT };
    return Uint8Array.from(
      format === "raw"
        ? inflateRawSync(bytes, options)
        : inflateSync(bytes, options),
    );
  } catch {
    return undefined;
  }
}

/** Inflate accepts what node:zlib accepts, and returns the same bytes. */
export const inflateBytesTarget: ByteTarget = {
  name: "inflate_bytes",
  property:
    "inflate and node:zlib give the same bytes or both refuse, however the input is cut",
  sources: ["zlib/"],
  seeds: () => {
    const random = new Random(82);
    const texts = [
      random.text(200, 20),
      random.bytes(100, 3),
      random.bytes(60),
      new Uint8Array(300),
    ];
    return texts.flatMap((text, index) => {
      const format = index % 2 === 0 ? "zlib" : "raw";
      const own = new Deflate({ format, level: 1 + 2 * index });
      return [
        concat([Uint8Array.of(index % 2, 9), own.push(text, "finish")]),
        concat([Uint8Array.of(0, 3), new Uint8Array(deflateSync(text))]),
      ];
    });
  },
  run(input) {
    const choices = new Choices(input);
    const kind = choices.below(3);
    const size = 1 + choices.below(256);
    const format: Format = kind === 1 ? "raw" : "zlib";
    // Deno's node:zlib (2.9.6) refuses a raw stream that refers to its dictionary.
    const dictionary = kind === 2
      ? Uint8Array.from(SPDY3_DICTIONARY)
      : undefined;
    const bytes = choices.rest();
    const whole = ours(format, dictionary, [bytes]);
    const cut = ours(format, dictionary, piecesOf(bytes, size));
    assertEquals(cut.error, whole.error);
    assertEquals(cut.finished, whole.finished);
    if (whole.error === undefined) assertEquals(cut.output, whole.output);
    const expected = theirs(format, dictionary, bytes);
    const complete = whole.error === undefined && whole.finished;
    assertEquals(complete, expected !== undefined, "one refuses");
    if (expected !== undefined) assertEquals(whole.output, expected);
    assert(whole.output.length <= MAX_OUTPUT);
  },
};

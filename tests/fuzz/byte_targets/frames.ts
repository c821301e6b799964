import { SpdyError } from "../../../errors.ts";
import {
  type Frame,
  FrameDecoder,
  FrameEncoder,
  type ProtocolVersion,
} from "../../../frame/mod.ts";
import { assertEquals, concat } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import { type ByteTarget, Choices, piecesOf } from "../byte_target.ts";
import { madeUpFrames } from "../targets/wire.ts";

const VERSIONS: readonly ProtocolVersion[] = [2, 3, 4];
/** Low limits, so that an input can reach them. */
const LIMITS = {
  maxHeaderBlock: 2000,
  maxHeaderCount: 20,
  maxControlFrameLength: 70_000,
};

/** What a decoder returns for the input: frames and errors, in order. */
function decoded(
  version: ProtocolVersion,
  limits: object,
  pieces: Iterable<Uint8Array<ArrayBuffer>>,
): (Frame | string)[] {
  const results: (Frame | string)[] = [];
  const decoder = new FrameDecoder(version, limits, {
    onIgnored: ({ type, payload }) =>
      results.push(`ignored ${type} ${payload.join()}`),
  });
  let failed = "";
  for (const piece of pieces) {
    decoder.push(piece);
    for (;;) {
      try {
        const frame = decoder.next();
        if (frame === undefined) break;
        results.push(frame);
      } catch (error) {
        if (!(error instanceof SpdyError)) throw error;
        const text = `${error.name} ${error.code}: ${error.message}`;
        // After a fatal error, each call throws the same error.
        if (text === failed) break;
        failed = text;
        results.push(text);
      }
    }
  }
  return results;
}

/** Joins the DATA frames of one stream, because pieces may divide them differently. */
function ordered(results: readonly (Frame | string)[]): (Frame | string)[] {
  const ignored = results.filter((one) => `${one}`.startsWith("ignored"));
  const others = results.filter((one) => !`${one}`.startsWith("ignored"));
  return [...ignored, ...others];
}

/**
 * The decoder returns the same however its input is cut, and each frame can be
 * encoded and decoded again.
 */
export const framesTarget: ByteTarget = {
  name: "frames",
  property:
    "FrameDecoder gives the same frames and errors however its input is cut, and frames survive encoding",
  sources: ["frame/", "zlib/"],
  words: [
    Uint8Array.of(0x80, 2, 0, 1, 0, 0, 0, 10),
    Uint8Array.of(0x80, 3, 0, 1, 0, 0, 0, 10),
    Uint8Array.of(0x80, 3, 0, 2, 1, 0, 0, 4),
    Uint8Array.of(0x80, 3, 0, 4, 0, 0, 0, 12),
    Uint8Array.of(0x80, 3, 0, 8, 0, 0, 0, 4),
    Uint8Array.of(0x80, 3, 0, 9, 0, 0, 0, 8),
    Uint8Array.of(0, 0, 0, 1, 1, 0, 0, 3),
    Uint8Array.of(0, 0, 0xff, 0xff),
  ],
  seeds: () => {
    const random = new Random(81);
    return VERSIONS.flatMap((version, index) =>
      Array.from({ length: 6 }, () =>
        concat([
          Uint8Array.of(index, random.int(0, 255), random.int(0, 1)),
          madeUpFrames(random, version).subarray(0, 1000),
        ]))
    );
  },
  run(input) {
    const choices = new Choices(input);
    const version = VERSIONS[choices.below(3)];
    const size = 1 + choices.below(256);
    const limits = choices.below(2) === 0 ? {} : LIMITS;
    const bytes = choices.rest();
    const whole = ordered(decoded(version, limits, [bytes]));
    const cut = ordered(decoded(version, limits, piecesOf(bytes, size)));
    assertEquals(cut, whole);
    const encoder = new FrameEncoder(version);
    const again = new FrameDecoder(version);
    for (const frame of whole) {
      if (typeof frame === "string") continue;
      let encoded;
      try {
        encoded = encoder.encode(frame);
      } catch (error) {
        // Some frames can be received but not sent, such as an update of 0
        // bytes.
        if (error instanceof SpdyError) continue;
        throw error;
      }
      again.push(encoded);
      const copy = again.next();
      assertEquals({ ...copy, length: 0 }, { ...frame, length: 0 });
    }
  },
};

/**
 * The encoder that keeps the compiled code of the header compression. In a file of its
 * own: the second encoder of the process creates it.
 */

import { ByteWriter } from "../../../frame/byte_writer.ts";
import { HeaderEncoder } from "../../../frame/header_encoder.ts";
import { PROTO_SPDY3 } from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";
import { countedWork } from "../../helpers/counted_work.ts";

/** Number of compressors that the pool keeps. */
const KEPT = 16;

Deno.test("the encoder that is kept takes no place in the pool: as many connections as it has places repeat no work", () => {
  const out = new ByteWriter(1 << 16);
  const encoders = Array.from({ length: KEPT }, (_, index) => {
    const encoder = new HeaderEncoder(PROTO_SPDY3);
    // Different ones, because a block like the last first one is only copied.
    encoder.encode([[":path", `/${10 + index}`]], out);
    return encoder;
  });
  const reads = encoders.map((encoder) =>
    countedWork(() => encoder.encode([[":path", "/next"]], out)).reads
  );
  assertEquals(reads, Array(KEPT).fill(reads.at(-1)));
});

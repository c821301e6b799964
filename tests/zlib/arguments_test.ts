import { assertRejects, assertStringIncludes, assertThrows } from "../deps.ts";
import {
  type BodyEncoding,
  compress,
  decompress,
  Deflate,
  type DeflateFlush,
  Inflate,
  InvalidArgumentError,
  type ZlibFormat,
} from "../../zlib/mod.ts";

const BYTES = new Uint8Array(3);

Deno.test("an unknown format is refused and not read as raw", () => {
  for (const name of ["gzip", "deflate-raw", "", "ZLIB"]) {
    const format = name as ZlibFormat;
    for (const make of [Deflate, Inflate]) {
      const error = assertThrows(
        () => new make({ format }),
        InvalidArgumentError,
      );
      assertStringIncludes(error.message, `format "${name}"`);
    }
  }
});

Deno.test("an unknown flush is refused and the stream stays usable", () => {
  const deflate = new Deflate();
  const error = assertThrows(
    () => deflate.push(BYTES, "full" as DeflateFlush),
    InvalidArgumentError,
  );
  assertStringIncludes(error.message, `flush "full"`);
  new Inflate().push(deflate.push(BYTES, "finish"));
});

Deno.test("an unknown encoding is refused", async () => {
  const encoding = "br" as BodyEncoding;
  for (const work of [compress, decompress]) {
    const error = await assertRejects(
      () => work(BYTES, encoding),
      InvalidArgumentError,
    );
    assertStringIncludes(error.message, `encoding "br"`);
  }
});

import { Buffer } from "node:buffer";
import zlib from "node:zlib";
import { assert, assertEquals, assertRejects } from "../deps.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { Random } from "../helpers/random.ts";
import {
  compress,
  decompress,
  decompressStream,
  InvalidArgumentError,
  ZlibError,
} from "../../zlib/mod.ts";
import { type Bytes, same, samples } from "./native.ts";

const ENCODINGS = ["gzip", "deflate"] as const;

function native(packed: Uint8Array, encoding: "gzip" | "deflate"): Uint8Array {
  return encoding === "gzip"
    ? zlib.gunzipSync(packed)
    : zlib.inflateSync(packed);
}

for (const encoding of ENCODINGS) {
  Deno.test(`zlib and our ${encoding} decompress each other's output`, async () => {
    for (const [name, data] of samples()) {
      const packed = await compress(data, encoding);
      assert(same(native(packed, encoding), data), name);
      const theirs = encoding === "gzip"
        ? zlib.gzipSync(data)
        : zlib.deflateSync(data);
      assert(same(await decompress(packed, encoding), data), name);
      assert(same(await decompress(theirs, encoding), data), name);
    }
  });

  Deno.test(`compress and decompress accept a stream: ${encoding}`, async () => {
    const random = new Random(81);
    const data = random.text(50_000);
    const stream = (bytes: Bytes) =>
      ReadableStream.from(random.pieces(bytes, 3000));
    const packed = await compress(stream(data), encoding);
    assert(same(native(packed, encoding), data));
    assert(same(await decompress(stream(packed), encoding), data));
  });

  Deno.test(`decompress refuses corrupt, truncated and extended ${encoding}`, async () => {
    const data = new Random(82).text(400);
    const packed = await compress(data, encoding);
    for (let length = 0; length < packed.length; length++) {
      const error = await assertRejects(
        () => decompress(packed.subarray(0, length), encoding),
        ZlibError,
      );
      assertEquals(error.initiator, "remote");
    }
    const longer = new Uint8Array(packed.length + 3);
    longer.set(packed);
    await assertRejects(() => decompress(longer, encoding), ZlibError);
    for (const at of [0, 1, 20, packed.length - 5, packed.length - 1]) {
      const corrupt = packed.slice();
      corrupt[at] ^= 0x41;
      await assertRejects(() => decompress(corrupt, encoding), ZlibError);
    }
  });

  Deno.test(`decompress stops ${encoding} at maxOutput`, async () => {
    const packed = await compress(new Uint8Array(10_000_000), encoding);
    await assertRejects(
      () => decompress(packed, encoding, { maxOutput: 9_999_999 }),
      ZlibError,
      "body is longer than maxOutput, 9999999 bytes",
    );
    const whole = await decompress(packed, encoding, { maxOutput: 10_000_000 });
    assertEquals(whole.length, 10_000_000);
  });

  Deno.test(`an error of the source passes through unchanged: ${encoding}`, async () => {
    const packed = await compress(new Random(83).bytes(1000), encoding);
    const failure = new TypeError("the source broke");
    async function* breaking(): AsyncGenerator<Bytes> {
      yield packed.slice(0, 100);
      await Promise.resolve();
      throw failure;
    }
    const caught = await decompress(ReadableStream.from(breaking()), encoding)
      .catch((error: unknown) => error);
    assert(caught === failure, `${caught}`);
  });

  Deno.test(`a cancelled stream of ${encoding} cancels its source`, async () => {
    const packed = await compress(new Random(84).bytes(200_000), encoding);
    let cancelled = false;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(packed.slice(0, 60_000));
      },
      cancel() {
        cancelled = true;
      },
    });
    const reader = decompressStream(source, encoding).getReader();
    const { value } = await reader.read();
    assert(value !== undefined && value.length > 0);
    await reader.cancel();
    assert(cancelled);
  });

  Deno.test(`a stream of ${encoding} that is cancelled before its first read, or while a read waits, cancels its source at once`, async () => {
    const packed = await compress(new Uint8Array(1000), encoding);
    for (const begun of [false, true]) {
      for (const size of [0, 5]) {
        const cancelled = Promise.withResolvers<unknown>();
        const source = new ReadableStream<Uint8Array>({
          start(controller) {
            if (size > 0) controller.enqueue(packed.slice(0, size));
          },
          // No more arrives.
          cancel: cancelled.resolve,
        });
        const reader = decompressStream(source, encoding).getReader();
        const read = begun ? reader.read() : undefined;
        await reader.cancel("enough");
        assertEquals(await cancelled.promise, "enough");
        assertEquals(
          await read,
          begun ? { done: true, value: undefined } : undefined,
        );
      }
    }
  });
}

Deno.test("the error for bytes after the end, and for no bytes at all, says what is wrong", async () => {
  const member = zlib.gzipSync("one");
  const stream = zlib.deflateSync("one");
  for (
    const [body, encoding] of [
      [[...member, ...member], "gzip"],
      [[...member, 0], "gzip"],
      [[...stream, 0], "deflate"],
    ] as const
  ) {
    await assertRejects(
      () => decompress(Uint8Array.from(body), encoding),
      ZlibError,
      // Older versions of Deno report the same with other words.
      isDenoBefore("2.9.0")
        ? ""
        : "bytes follow the end of the compressed data",
    );
  }
  for (const encoding of ENCODINGS) {
    await assertRejects(
      () => decompress(new Uint8Array(0), encoding),
      ZlibError,
      "compressed body is truncated",
    );
  }
});

Deno.test("decompress accepts a node Buffer and a view into a larger buffer", async () => {
  const data = new TextEncoder().encode("a body in a larger buffer");
  const packed = Buffer.from(zlib.gzipSync(data));
  assertEquals(await decompress(packed, "gzip"), data);
  const shared = new Uint8Array(new SharedArrayBuffer(packed.length));
  shared.set(packed);
  assertEquals(await decompress(shared, "gzip"), data);
});

Deno.test("decompress refuses an invalid maxOutput", async () => {
  for (const maxOutput of [-1, NaN]) {
    await assertRejects(
      () => decompress(new Uint8Array(0), "gzip", { maxOutput }),
      InvalidArgumentError,
    );
  }
});

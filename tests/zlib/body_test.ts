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

function concat(parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

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
      "maxOutput",
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
      [[...member, 0], "gzip"],
      [[...member, ...member, 0x1f, 0x8c], "gzip"],
      [[...stream, 0], "deflate"],
    ] as const
  ) {
    await assertRejects(
      () => decompress(Uint8Array.from(body), encoding),
      ZlibError,
      // Older versions of Deno report the same with other words.
      encoding === "deflate" && isDenoBefore("2.9.0")
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

/** A stream of these bytes in chunks of `size`. */
function chunked(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at += size));
      else controller.close();
    },
  });
}

Deno.test("all members of a gzip body are decompressed, however it is cut", async () => {
  const random = new Random(85);
  const magic = Uint8Array.of(0x1f, 0x8b, 8, 0);
  const parts: Uint8Array[] = [
    new Uint8Array(0),
    random.text(1),
    // Magic bytes inside a member, which zlib stores unchanged.
    concat(Array.from({ length: 50 }, () => concat([magic, random.bytes(9)]))),
    random.text(3000),
    new Uint8Array(300_000),
    random.bytes(2000),
  ];
  for (let first = 0; first < parts.length; first++) {
    const order = [...parts.slice(first), ...parts.slice(0, first)];
    const packed = concat(order.map((part) => zlib.gzipSync(part)));
    const data = concat(order);
    for (const size of [1, 2, 3, 5, 1000, packed.length]) {
      const found = await decompress(chunked(packed, size), "gzip");
      assert(same(found, data), `${first}, ${size}`);
    }
  }
});

Deno.test("a gzip body of several members that is cut off or damaged is an error", async () => {
  const parts = [new Random(86).text(60), new Random(87).text(60)];
  const members = parts.map((part) => zlib.gzipSync(part));
  const packed = concat(members);
  for (let length = 1; length < packed.length; length++) {
    if (length === members[0].length) continue;
    await assertRejects(
      () => decompress(packed.subarray(0, length), "gzip"),
      ZlibError,
      "compressed body is",
    );
  }
  const end = members[0].length;
  // The checksum and the length of each member, and a reserved block type.
  for (const at of [end - 6, end - 2, packed.length - 6, packed.length - 2]) {
    const corrupt = packed.slice();
    corrupt[at] ^= 1;
    await assertRejects(
      () => decompress(corrupt, "gzip"),
      ZlibError,
      "compressed body is corrupt",
    );
  }
  const endless = concat([members[0], Uint8Array.of(0x1f, 0x8b, 8, 8)]);
  await assertRejects(
    () =>
      decompress(
        concat([endless, new Uint8Array(300_000).fill(1)]),
        "gzip",
      ),
    ZlibError,
    "a head with more than 16384 bytes",
  );
});

Deno.test("magic bytes inside a gzip member cost little, however many there are", async () => {
  // Each follows what could be the length of the output before it, but is not.
  const data = new Uint8Array(160_000);
  const view = new DataView(data.buffer);
  for (let at = 0; at < data.length; at += 8) {
    view.setUint32(at, at + 5, true);
    view.setUint32(at + 4, 0x1f8b0800);
  }
  const packed = zlib.gzipSync(data, { level: 0 });
  const body = concat([packed, packed]);
  // The place of the second member is not found behind so many others.
  await assertRejects(() => decompress(body, "gzip"), ZlibError, "follow");
  assert(same(await decompress(packed, "gzip"), data));
});

Deno.test("a failed or cancelled second member of gzip cancels the source", async () => {
  const member = zlib.gzipSync(new Random(88).bytes(100));
  for (const isDamaged of [false, true]) {
    const cancelled = Promise.withResolvers<void>();
    const source = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(concat([member, member]));
        if (isDamaged) controller.enqueue(Uint8Array.of(1));
      },
      cancel: () => cancelled.resolve(),
    });
    const reader = decompressStream(source, "gzip").getReader();
    for (let length = 0; length < 200;) {
      length += (await reader.read()).value?.length ?? 0;
    }
    if (isDamaged) await assertRejects(() => reader.read(), ZlibError);
    else await reader.cancel();
    await cancelled.promise;
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

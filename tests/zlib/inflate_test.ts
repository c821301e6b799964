import { assert, assertEquals, assertThrows, decodeHex } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import {
  Inflate,
  InvalidArgumentError,
  SPDY3_DICTIONARY,
} from "../../zlib/mod.ts";
import {
  DICTIONARY_STREAMS,
  DICTIONARY_TEXT,
  inflateAll,
  inflateInSteps,
  nativeDeflate,
  same,
  samples,
  singly,
  STRATEGIES,
} from "./native.ts";

const FORMATS = ["zlib", "raw"] as const;

for (const [name, data] of samples()) {
  Deno.test(`Inflate decompresses zlib's output of ${name}, at every level and strategy`, () => {
    for (const format of FORMATS) {
      for (let level = 0; level <= 9; level++) {
        for (const [strategyName, strategy] of Object.entries(STRATEGIES)) {
          const packed = nativeDeflate(data, { format, level, strategy });
          const inflate = new Inflate({ format });
          const message = `${format}, level ${level}, ${strategyName}`;
          assert(same(inflate.push(packed), data), message);
          assert(inflate.finished, message);
          assertEquals(inflate.unused.length, 0, message);
        }
      }
    }
  });

  Deno.test(`Inflate decompresses zlib's output of ${name}, with every window and memory level`, () => {
    for (let windowBits = 9; windowBits <= 15; windowBits++) {
      for (const memLevel of [1, 5, 9]) {
        const packed = nativeDeflate(data, { windowBits, memLevel });
        const inflate = new Inflate();
        const message = `window ${windowBits}, memory ${memLevel}`;
        assert(same(inflate.push(packed), data), message);
        assert(inflate.finished, message);
      }
    }
  });

  Deno.test(`Inflate decompresses the stream of ${name} cut anywhere`, () => {
    const random = new Random(data.length);
    for (const level of [0, 1, 6]) {
      const packed = nativeDeflate(data, { level });
      assert(same(inflateAll(new Inflate(), singly(packed)), data));
      for (const longest of [3, 20, 500, 9000]) {
        const inflate = new Inflate();
        const pieces = random.pieces(packed, longest);
        assert(same(inflateAll(inflate, pieces), data), `${longest}`);
        assert(inflate.finished);
      }
    }
  });

  Deno.test(`Inflater returns the output of ${name} in parts of any size`, () => {
    for (const level of [0, 1, 6]) {
      const packed = nativeDeflate(data, { level });
      for (const limit of [1, 7, 258, 4096, 100_000]) {
        if (limit === 1 && data.length > 100_000) continue;
        assert(same(inflateInSteps(packed, limit), data), `${limit}`);
      }
    }
  });
}

Deno.test("Inflate decompresses a short stream cut in two at each byte", () => {
  const data = new Random(3).text(400);
  for (const level of [0, 1, 9]) {
    const packed = nativeDeflate(data, { level });
    for (let cut = 0; cut <= packed.length; cut++) {
      const inflate = new Inflate();
      const pieces = [packed.subarray(0, cut), packed.subarray(cut)];
      assert(same(inflateAll(inflate, pieces), data), `cut at ${cut}`);
      assert(inflate.finished);
    }
  }
});

Deno.test("Inflate returns the available output of a truncated stream and is not finished", () => {
  const data = new Random(4).text(400);
  const packed = nativeDeflate(data);
  let known = 0;
  for (let length = 0; length < packed.length; length++) {
    const inflate = new Inflate();
    const output = inflate.push(packed.subarray(0, length));
    assert(output.length >= known && output.length <= data.length);
    known = output.length;
    assert(same(output, data.subarray(0, known)));
    assert(!inflate.finished);
  }
  assertEquals(known, data.length);
});

for (const [name, format, hex] of DICTIONARY_STREAMS) {
  Deno.test(`Inflate decompresses a stream with a dictionary: ${name}`, () => {
    const packed = decodeHex(hex);
    const options = { format, dictionary: SPDY3_DICTIONARY };
    for (const pieces of [[packed], singly(packed)]) {
      const inflate = new Inflate(options);
      const output = new TextDecoder().decode(inflateAll(inflate, pieces));
      assertEquals(output, DICTIONARY_TEXT);
      assert(inflate.finished);
    }
  });
}

Deno.test("Inflate decompresses a stream that does not need the dictionary", () => {
  const data = new Random(5).text(1000);
  const inflate = new Inflate({ dictionary: SPDY3_DICTIONARY });
  assert(same(inflate.push(nativeDeflate(data)), data));
});

Deno.test("Inflate does not read input after the end and returns it as unused", () => {
  for (const format of FORMATS) {
    const packed = nativeDeflate(new Uint8Array(100), { format });
    for (let length = 0; length < 10; length++) {
      const input = new Uint8Array(packed.length + length).fill(0xaa);
      input.set(packed);
      const whole = new Inflate({ format });
      assertEquals(whole.push(input).length, 100);
      assert(whole.finished);
      assertEquals(whole.unused, input.subarray(packed.length));

      const bytewise = new Inflate({ format });
      assertEquals(inflateAll(bytewise, singly(input)).length, 100);
      assertEquals(bytewise.unused.length, Math.min(length, 1));
      assertEquals(bytewise.push(Uint8Array.of(1, 2)).length, 0);
      assertEquals(bytewise.unused, Uint8Array.of(1, 2));
    }
  }
});

Deno.test("Inflate accepts a view as input and does not modify it", () => {
  const data = new Random(6).text(5000);
  const packed = nativeDeflate(data);
  const around = new Uint8Array(packed.length + 20).fill(0xee);
  around.set(packed, 10);
  const before = around.slice();
  const view = around.subarray(10, 10 + packed.length);
  assert(same(new Inflate().push(view), data));
  assertEquals(around, before);
});

Deno.test("Inflate's output belongs to the caller", () => {
  const data = new Random(7).text(50_000);
  const packed = nativeDeflate(data);
  const inflate = new Inflate();
  const parts = [...singly(packed)].map((byte) => inflate.push(byte).slice());
  const again = new Inflate();
  for (const [index, byte] of [...singly(packed)].entries()) {
    const part = again.push(byte);
    assert(same(part, parts[index]));
    part.fill(0);
  }
  assert(again.finished);
});

Deno.test("Inflate refuses an invalid maxOutput", () => {
  for (const maxOutput of [-1, NaN]) {
    assertThrows(() => new Inflate({ maxOutput }), InvalidArgumentError);
  }
});

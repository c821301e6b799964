/** The size of a block depends on the length of its secrets, and not on their content. */

import {
  assertEquals,
  assertGreater,
  assertLess,
  assertThrows,
} from "../../deps.ts";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import {
  HeaderEncoder,
  type HeaderEncoderOptions,
} from "../../../frame/header_encoder.ts";
import { InvalidArgumentError, PROTO_SPDY3 } from "../../../frame/mod.ts";
import type { NameValue } from "../../../frame/mod.ts";
import { Random } from "../../helpers/random.ts";

/** Sizes of the lists, in sequence on one connection. */
function sizes(
  lists: readonly (readonly NameValue[])[],
  options?: HeaderEncoderOptions,
): number[] {
  const encoder = new HeaderEncoder(PROTO_SPDY3, options);
  const out = new ByteWriter();
  return lists.map((list) => {
    out.length = 0;
    encoder.encode(list, out);
    return out.length;
  });
}

/** Secrets of `bytes` bytes (an even number) that only have their length in common. */
function contents(bytes: number): string[] {
  const random = new Random(bytes);
  const printable = (): string =>
    String.fromCharCode(
      ...Array.from({ length: bytes }, () => random.int(0x3c, 0x7e)),
    );
  return [
    "a".repeat(bytes),
    "\u00e9".repeat(bytes / 2),
    "\u00bf\u00ff".repeat(bytes / 4) + (bytes % 4 === 0 ? "" : "\u00bf"),
    printable(),
    printable(),
    "0123456789".repeat(Math.ceil(bytes / 10)).slice(0, bytes),
    "gzip,deflate,sdchcharset=utf-8".repeat(20).slice(0, bytes),
  ];
}

for (
  const name of [
    "cookie",
    "set-cookie",
    "authorization",
    "proxy-authorization",
    "x-xsrf-token",
  ]
) {
  Deno.test(`length: all ${name} values of one length give one size`, () => {
    for (const bytes of [2, 4, 10, 50, 258, 260, 600]) {
      let wanted: number[] | undefined;
      for (const content of contents(bytes)) {
        // Each secret is new, repeated, replaced by another one, and repeated
        // again.
        const got = sizes([
          [[":path", "/a"], [name, content], ["user-agent", "b/1.0"]],
          [[":path", "/b"], [name, content], ["user-agent", "b/1.0"]],
          [[":path", "/c"], [name, "~".repeat(bytes)], ["user-agent", "b/1.0"]],
          [[":path", "/d"], [name, content], ["user-agent", "b/1.0"]],
        ]);
        wanted ??= got;
        assertEquals(got, wanted, `${bytes} bytes: ${content.slice(0, 20)}`);
      }
    }
  });
}

Deno.test("length: crumbs of one length give one size at any place", () => {
  for (const bytes of [2, 10, 50, 300]) {
    let wanted: number[] | undefined;
    for (const content of contents(bytes)) {
      const got = sizes([
        [["cookie", `a=1; b=${content}; c=long enough`]],
        [["cookie", `b=${content}; a=1; c=long enough`]],
        [["cookie", `c=long enough; d=new; b=${content}`]],
        [["cookie", `b=${content}`]],
      ]);
      wanted ??= got;
      assertEquals(got, wanted, `${bytes} bytes: ${content.slice(0, 20)}`);
    }
  }
});

Deno.test("length: text around a secret is encoded in the same way for any secret", () => {
  // The last secret bytes and the first public ones after them, and the other
  // way round, also occur in public places: nothing may match them together.
  const around = (secret: string): number[] =>
    sizes([
      [["x-a", "same-tail-of-the-secret"], ["x-z", "same-tail-of-the-secret"]],
      [["authorization", secret], ["x-z", "same-tail-of-the-secret"]],
      [["x-a", "same-tail-of-the-secret"], ["authorization", secret]],
    ]);
  assertEquals(
    around("same-tail-of-the-secret"),
    around("0123456789!$%&/()=?<>|~"),
  );
});

Deno.test("repetition: a whole value or crumb takes a few bytes the second time", () => {
  const token = "0123456789abcdef".repeat(8);
  const [, again] = sizes([
    [["authorization", token]],
    [["authorization", token]],
  ]);
  assertLess(again, 20);
  const [, , moved] = sizes([
    [["cookie", `a=${token}; b=2`]],
    [["cookie", "c=3"]],
    [["cookie", `c=3; a=${token}`]],
  ]);
  assertLess(moved, 40);
});

Deno.test("repetition: a length that looks like the hole of a secret takes no more bytes than another", () => {
  const repeated = (length: number): number => {
    const list: NameValue[] = [
      ["accept", "text/html"],
      ["authorization", "s".repeat(length)],
    ];
    return sizes([list, list])[1];
  };
  for (const length of [0xff, 0x1ff, 0x2ff, 0x7ff]) {
    assertEquals(repeated(length), repeated(length - 1), `${length} bytes`);
  }
});

Deno.test("repetition: values outside the window are sent again in full", () => {
  const token = "0123456789abcdef".repeat(8);
  const random = new Random(3);
  const filling = Array.from({ length: 40 }, (): NameValue[] => [
    ["x-fill", new TextDecoder().decode(random.bytes(1000, 0x60))],
  ]);
  const got = sizes([
    [["authorization", token]],
    ...filling,
    [["authorization", token]],
  ]);
  assertGreater(got[got.length - 1], token.length);
});

Deno.test("an unknown policy and sensitive headers that are not strings are refused", () => {
  const refuse = (options: unknown, message: string) =>
    assertThrows(
      () => new HeaderEncoder(PROTO_SPDY3, options as HeaderEncoderOptions),
      InvalidArgumentError,
      message,
    );
  refuse({ headerCompression: "best" }, 'headerCompression "best"');
  refuse({ sensitiveHeaders: ["x-a", 7] }, "sensitive header 7");
});

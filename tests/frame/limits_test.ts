import { deflateRawSync } from "node:zlib";
import {
  assert,
  assertEquals,
  assertLess,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import {
  CREDENTIAL,
  DEFAULT_FRAME_LIMITS,
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_FRAME,
  FrameDecoder,
  FrameEncoder,
  FrameError,
  type FrameLimits,
  HEADERS,
  InvalidArgumentError,
  type NameValue,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
  SETTINGS,
  SYN_REPLY,
} from "../../frame/mod.ts";
import { FrameParser } from "../../frame/parser.ts";
import { resolveFrameLimits } from "../../frame/limits.ts";
import { bytesOf, decodeAll, drain, ensure } from "./recordings.ts";
import { RecordingSink, type Told } from "./sink.ts";

const BASE = { version: 3, flags: 0, length: 0 };
const MIB = 1024 * 1024;

/** Frames with the given lists, in one compression context. */
function replies(
  lists: NameValue[][],
  version: ProtocolVersion = PROTO_SPDY3,
): Uint8Array[] {
  const encoder = new FrameEncoder(version, { headerCompression: "none" });
  return lists.map((nv) =>
    encoder.encode({ frameType: SYN_REPLY, ...BASE, streamId: 1, nv })
  );
}

function tell(
  bytes: Uint8Array[],
  limits: FrameLimits,
  version: ProtocolVersion = PROTO_SPDY3,
): Told[] {
  const sink = new RecordingSink();
  const parser = new FrameParser(version, sink, limits);
  for (const chunk of bytes) parser.push(chunk);
  return sink.told;
}

/**
 * Decodes `list` with `limits`, and a valid list after it: is the first one
 * accepted, and can the second one be read?
 */
function isTaken(list: NameValue[], limits: FrameLimits): boolean {
  const good: NameValue[] = [["a", "b"]];
  const [first, second] = tell(replies([list, good]), limits);
  ensure(typeof second[1] === "object" && second[1] !== null);
  assertEquals(second[0], "control");
  assert("nv" in second[1]);
  assertEquals("nv" in second[1] && second[1].nv, good);
  if (first[0] === "control") return true;
  assertEquals([first[0], first[2]], ["invalid headers", ERR_FRAME_TOO_LARGE]);
  ensure(
    typeof first[1] === "object" && first[1] !== null && "nv" in first[1] &&
      "streamId" in first[1],
  );
  assertEquals([first[1].nv, first[1].streamId], [[], 1]);
  return false;
}

Deno.test("limit: a header block that inflates to more than maxHeaderBlock is refused", () => {
  // Count, two lengths, name, value: 4 + 4 + 1 + 4 + n.
  const list: NameValue[] = [["x", "v".repeat(8192 - 13)]];
  assert(isTaken(list, { maxHeaderBlock: 8192 }));
  assert(!isTaken(list, { maxHeaderBlock: 8191 }));
  const huge: NameValue[] = [["x", "v".repeat(65536 - 13)]];
  assert(isTaken(huge, {}));
  assert(!isTaken([["x", huge[0][1] + "v"]], {}));
});

Deno.test("limit: dropped header blocks that exceed maxDroppedHeaders together are a parse error", () => {
  // Two blocks of 1000 bytes, of which 900 are above the limit of a block.
  const list: NameValue[] = [["x", "v".repeat(1000 - 13)]];
  const outcomes = (maxDroppedHeaders: number) =>
    tell(replies([list, list]), { maxHeaderBlock: 100, maxDroppedHeaders })
      .map(([call, , ...more]) => [call, more.at(-1)]);
  const refused = ["invalid headers", ERR_FRAME_TOO_LARGE];
  const failed = ["parse error", ERR_FRAME_TOO_LARGE];
  assertEquals(outcomes(1800), [refused, refused]);
  assertEquals(outcomes(1799), [refused, failed]);
});

Deno.test("limit: a frame with headers that is longer than maxControlFrameLength is refused", () => {
  const list: NameValue[] = [["x", "v".repeat(5000)]];
  const [frame] = replies([list]);
  assert(isTaken(list, { maxControlFrameLength: frame.length - 8 }));
  assert(!isTaken(list, { maxControlFrameLength: frame.length - 9 }));
});

Deno.test("limit: more headers than maxHeaderCount are refused, and each part of a value counts", () => {
  const names = (count: number) =>
    Array.from({ length: count }, (_, index): NameValue => [`n${index}`, ""]);
  assert(isTaken(names(10), { maxHeaderCount: 10 }));
  assert(!isTaken(names(11), { maxHeaderCount: 10 }));
  assert(isTaken(names(1024), {}));
  assert(!isTaken(names(1025), {}));
  const parts = (count: number): NameValue[] => [
    ["a", ""],
    ["x", Array(count).fill("v").join("\0")],
  ];
  assert(isTaken(parts(9), { maxHeaderCount: 10 }));
  assert(!isTaken(parts(10), { maxHeaderCount: 10 }));
  assert(!isTaken(parts(1024), {}));
});

Deno.test("limit: a name or value longer than its limit is refused", () => {
  assert(isTaken([["n".repeat(20), ""]], { maxHeaderNameLength: 20 }));
  assert(!isTaken([["n".repeat(21), ""]], { maxHeaderNameLength: 20 }));
  assert(isTaken([["n".repeat(4096), ""]], {}));
  assert(!isTaken([["n".repeat(4097), ""]], {}));
  assert(isTaken([["x", "v".repeat(20)]], { maxHeaderValueLength: 20 }));
  assert(!isTaken([["x", "v".repeat(21)]], { maxHeaderValueLength: 20 }));
  // A value is as long as its bytes.
  assert(!isTaken([["x", "\u00e9".repeat(11)]], { maxHeaderValueLength: 20 }));
});

Deno.test("the error for headers above a limit names the limit", () => {
  const long = "x".repeat(100);
  const lists: [NameValue[], FrameLimits, keyof FrameLimits][] = [
    [[["a", long]], { maxHeaderBlock: 50 }, "maxHeaderBlock"],
    [[["a", long]], { maxControlFrameLength: 50 }, "maxControlFrameLength"],
    [[["a", long]], { maxHeaderValueLength: 99 }, "maxHeaderValueLength"],
    [[[long, "a"]], { maxHeaderNameLength: 99 }, "maxHeaderNameLength"],
    [[["a", "1"], ["b", "2"]], { maxHeaderCount: 1 }, "maxHeaderCount"],
    [[["a", "1"], ["a", "2"]], { maxHeaderCount: 1 }, "maxHeaderCount"],
  ];
  for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
    for (const [list, limits, name] of lists) {
      const decoder = new FrameDecoder(version, limits);
      for (const bytes of replies([list, list], version)) {
        decoder.push(bytes);
        const error = assertThrows(() => decoder.next(), FrameError);
        assertEquals(error.code, ERR_FRAME_TOO_LARGE);
        assert(
          error.message.endsWith(`is above the limits (${name})`),
          `${name}: ${error.message}`,
        );
      }
    }
  }
});

Deno.test("the error for headers above a limit names the limit of these headers, not of earlier ones", () => {
  const limits = {
    maxHeaderBlock: 1000,
    maxHeaderValueLength: 99,
    maxHeaderCount: 1,
    maxControlFrameLength: 2000,
  };
  const lists: Record<keyof typeof limits, NameValue[]> = {
    maxHeaderValueLength: [["a", "x".repeat(100)]],
    maxHeaderBlock: [["a", "x".repeat(1500)]],
    maxHeaderCount: [["a", "1"], ["b", "2"]],
    maxControlFrameLength: [["a", "x".repeat(3000)]],
  };
  const names = Object.keys(limits) as (keyof typeof limits)[];
  const order = names.flatMap((one) => names.flatMap((two) => [one, two]));
  const decoder = new FrameDecoder(PROTO_SPDY3, limits);
  for (
    const [at, bytes] of replies(order.map((name) => lists[name])).entries()
  ) {
    decoder.push(bytes);
    const { message } = assertThrows(() => decoder.next(), FrameError);
    assertStringIncludes(message, `above the limits (${order[at]})`);
  }
});

Deno.test("limit: too many SETTINGS entries, and too long a control frame without headers, are parse errors", () => {
  const settings = (count: number) =>
    new FrameEncoder(PROTO_SPDY3).encode({
      frameType: SETTINGS,
      ...BASE,
      iv: Array.from({ length: count }, () => [1, 0, 0]),
    });
  const ping = bytesOf("8003000600000004 00000001");
  const refused = (count: number): Told => [
    "parse error",
    SETTINGS,
    settings(count).slice(0, 8),
    new Uint8Array(0),
    ERR_INVALID_FRAME,
  ];
  const limits = { maxSettingsEntries: 3 };
  assertEquals(tell([settings(3)], limits)[0][0], "control");
  // The frame after it is still found.
  const [first, second] = tell([settings(4), ping], limits);
  assertEquals(first, refused(4));
  assertEquals(second[0], "control");
  assertEquals(tell([settings(256)], {})[0][0], "control");
  assertEquals(tell([settings(257)], {})[0], refused(257));
  const short = { maxControlFrameLength: 20 };
  assertEquals(tell([settings(2)], short)[0][0], "control");
  assertEquals(tell([settings(3)], short)[0], refused(3));
});

Deno.test("limit: unknown and ignored frames above it are reported without payload", () => {
  const ping = bytesOf("8003000600000004 00000001");
  for (const [type, call] of [[77, "unknown"], [CREDENTIAL, "ignored"]]) {
    const head = Uint8Array.of(0x80, 3, 0, Number(type), 0, 0, 0, 21);
    const [first, second] = tell([head, new Uint8Array(21), ping], {
      maxControlFrameLength: 20,
    });
    assertEquals(first[0], call);
    assertEquals(first.at(-1), new Uint8Array(0));
    assertEquals(second[0], "control");
  }
});

Deno.test("limits out of range are refused", () => {
  for (const name of Object.keys(DEFAULT_FRAME_LIMITS)) {
    for (const value of [-1, 1.5, NaN, 2 ** 31]) {
      assertThrows(
        () => new FrameDecoder(PROTO_SPDY3, { [name]: value }),
        InvalidArgumentError,
        name,
      );
    }
  }
  assertThrows(
    () => resolveFrameLimits({ maxControlFrameLength: 2 ** 24 }),
    InvalidArgumentError,
  );
  assertEquals(resolveFrameLimits(), DEFAULT_FRAME_LIMITS);
  assertEquals(resolveFrameLimits({ maxHeaderCount: 5 }).maxHeaderCount, 5);
});

Deno.test("a limit that is undefined is the default of the decoder, not that of a session", () => {
  const value = "x".repeat(100_000);
  const bytes = new FrameEncoder(PROTO_SPDY3).encode({
    frameType: HEADERS,
    version: 3,
    flags: 0,
    length: 0,
    streamId: 1,
    nv: [["a", value]],
  });
  class Own {
    get maxHeaderValueLength(): number {
      return 99_999;
    }
  }
  const decode = (limits: FrameLimits) => {
    const decoder = new FrameDecoder(PROTO_SPDY3, limits);
    decoder.push(bytes);
    return decoder.next()?.frameType;
  };
  const unset = { maxHeaderBlock: undefined, maxHeaderValueLength: undefined };
  assertEquals(decode(unset), HEADERS);
  assertThrows(() => decode(new Own()), FrameError, "maxHeaderValueLength");
});

// Hostile lengths: a claim on the wire must cost nothing.

/** More time than any of these may take on a busy machine, ms; 2^32 steps take longer. */
const MOST_TIME = 20_000;

/** Bytes of heap and buffers that `run` leaves behind, and its milliseconds. */
function cost(run: () => unknown): { bytes: number; ms: number } {
  const used = () => {
    const { heapUsed, external } = Deno.memoryUsage();
    return heapUsed + external;
  };
  const before = used();
  const begin = performance.now();
  const kept = run();
  const ms = performance.now() - begin;
  const bytes = used() - before;
  assert(kept !== undefined);
  return { bytes, ms };
}

/** A SYN_REPLY with `block`, deflated by the real zlib, without the dictionary. */
function rawReply(block: Uint8Array, version: 2 | 3): Uint8Array {
  const deflated = deflateRawSync(block, { finishFlush: 2 });
  const payload = [
    ...bytesOf(version === 2 ? "000000010000" : "00000001"),
    0x78,
    0x01,
    ...deflated,
  ];
  const { length } = payload;
  return Uint8Array.from([
    ...[0x80, version, 0, 2, 0, length >>> 16, length >>> 8 & 255],
    length & 255,
    ...payload,
  ]);
}

const CLAIMS: readonly (readonly [string, 2 | 3, string])[] = [
  ["SPDY/3 pair count 2^32-1", 3, "ffffffff 00000001 61 00000001 62"],
  ["SPDY/3 pair count 2^31", 3, "80000000 00000001 61 00000001 62"],
  ["SPDY/3 pair count of empty pairs", 3, "ffffffff 00000000 00000000"],
  ["SPDY/3 name length 2^31", 3, "00000001 80000000 61 00000001 62"],
  ["SPDY/3 name length 2^32-1", 3, "00000001 ffffffff 61 00000001 62"],
  ["SPDY/3 value length 2^31", 3, "00000001 00000001 61 80000000 62"],
  ["SPDY/3 value length 2^32-1", 3, "00000001 00000001 61 ffffffff 62"],
  ["SPDY/2 pair count 65535", 2, "ffff 0001 61 0001 62"],
  ["SPDY/2 name length 65535", 2, "0001 ffff 61 0001 62"],
  ["SPDY/2 value length 65535", 2, "0001 0001 61 ffff 62"],
];

for (const [name, version, hex] of CLAIMS) {
  Deno.test(`a block that claims a ${name} is refused without allocating memory`, () => {
    const bytes = rawReply(bytesOf(hex), version);
    const session = version === 2 ? PROTO_SPDY2 : PROTO_SPDY3;
    const { ms, bytes: used } = cost(() => {
      const [outcome] = decodeAll(session, bytes);
      ensure("code" in outcome);
      assertEquals(outcome.code, ERR_INVALID_FRAME);
      return outcome;
    });
    assertLess(ms, MOST_TIME);
    assertLess(used, 4 * MIB);
  });
}

Deno.test("SETTINGS that claims 2^29 entries in 4 bytes is refused without allocating memory", () => {
  // 8 * 2^29 is 2^32: with 32 bits, the length would seem correct.
  for (const count of ["20000000", "ffffffff", "80000000", "e0000000"]) {
    for (const payload of [count, `${count} 00000001 00000001`]) {
      const bytes = bytesOf(payload);
      const head = Uint8Array.of(0x80, 3, 0, SETTINGS, 0, 0, 0, bytes.length);
      const { ms, bytes: used } = cost(() => {
        const told = tell([head, bytes], {});
        assertEquals(told, [[
          "parse error",
          SETTINGS,
          head,
          bytes,
          ERR_INVALID_FRAME,
        ]]);
        return told;
      });
      assertLess(ms, MOST_TIME);
      assertLess(used, 4 * MIB);
    }
  }
});

Deno.test("frames that claim 2^24-1 bytes and send few use little memory", () => {
  for (const type of [SETTINGS, PING, SYN_REPLY, CREDENTIAL, 99]) {
    const { bytes } = cost(() => {
      const parsers = Array.from({ length: 20 }, () => {
        const parser = new FrameParser(PROTO_SPDY3, new RecordingSink());
        parser.push(Uint8Array.of(0x80, 3, 0, type, 0, 0xff, 0xff, 0xff));
        parser.push(new Uint8Array(100));
        return parser;
      });
      return parsers;
    });
    assertLess(bytes, 8 * MIB);
  }
  const { bytes } = cost(() => {
    const decoder = new FrameDecoder(PROTO_SPDY3);
    decoder.push(bytesOf("00000001 00ffffff 616263"));
    return decoder;
  });
  assertLess(bytes, 2 * MIB);
});

Deno.test("a bomb of 10 MiB is stopped at the limit, and the compression stays in step", () => {
  const block = new Uint8Array(10 * MIB).fill(0x61);
  block.set(bytesOf("00000001 00000001 61"));
  block.set(bytesOf("009ffff3"), 9);
  const bomb = rawReply(block, 3);
  assertLess(bomb.length, 16 * 1024);
  const decoder = new FrameDecoder(PROTO_SPDY3);
  const { bytes, ms } = cost(() => {
    decoder.push(bomb);
    return decoder;
  });
  // Garbage that has not been collected yet counts here, so the limit has room
  // for it.
  assertLess(bytes, 6 * MIB);
  assertLess(ms, MOST_TIME);
  const error = assertThrows(() => decoder.next(), FrameError);
  ensure(error instanceof FrameError);
  assertEquals(error.code, ERR_FRAME_TOO_LARGE);
  assertEquals(error.initiator, "remote");
  assertEquals(error.frame?.nv, []);
  // A stored block with a valid list, on the same stream.
  const list = bytesOf("00000001 00000001 61 00000001 62");
  const stored = [0, list.length, 0, 255 - list.length, 255, ...list];
  const tail = [...stored, 0, 0, 0, 255, 255];
  decoder.push(Uint8Array.from([
    ...[0x80, 3, 0, SYN_REPLY, 0, 0, 0, 4 + tail.length],
    ...[0, 0, 0, 3],
    ...tail,
  ]));
  const [frame] = drain(decoder);
  ensure("nv" in frame);
  assertEquals([frame.nv, frame.streamId], [[["a", "b"]], 3]);
});

Deno.test("a value of 60000 NULs is one error, not 60000 strings", () => {
  const block = new Uint8Array(13 + 60000);
  block.set(bytesOf("00000001 00000001 61 0000ea60"));
  const [outcome] = decodeAll(PROTO_SPDY3, rawReply(block, 3), undefined, {});
  ensure("code" in outcome);
  assertEquals(outcome.code, ERR_FRAME_TOO_LARGE);
});

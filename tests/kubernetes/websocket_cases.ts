/**
 * Cases for an implementation of WebSockets, in the order and with the numbers of
 * Autobahn's test suite (1 to 7 and 10): what a peer sends, and what an endpoint
 * that echoes messages must answer.
 *
 * @module
 */

import { concat } from "../deps.ts";

/** A frame that the peer sends. */
export interface CaseFrame {
  readonly opcode: number;
  readonly payload: Uint8Array;
  readonly fin?: boolean;
  /** Bits 0x40, 0x20 and 0x10 of the first byte. */
  readonly reserved?: number;
}

/** One case. */
export interface WebSocketCase {
  readonly name: string;
  readonly frames: readonly CaseFrame[];
  /** Frames that must be sent in answer, in this order: echoes and pongs. */
  readonly answers: readonly CaseFrame[];
  /** Status of the close frame that must be sent; 1000 if the peer closes. */
  readonly status: number;
  /** Sizes of the pieces in which the bytes arrive; default all at once. */
  readonly pieces?: readonly number[];
}

const CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const encoder = new TextEncoder();
const EMPTY = new Uint8Array();
const HELLO = encoder.encode("Hello, world!");
/** U+03BA U+1F79 U+03C3 U+03BC U+03B5, the word of the suite. */
const WORD = encoder.encode("\u03ba\u1f79\u03c3\u03bc\u03b5");

const text = (payload: Uint8Array, fin = true): CaseFrame => ({
  opcode: TEXT,
  payload,
  fin,
});
const binary = (payload: Uint8Array): CaseFrame => ({
  opcode: BINARY,
  payload,
});
const more = (payload: Uint8Array, fin: boolean): CaseFrame => ({
  opcode: CONTINUATION,
  payload,
  fin,
});
const ping = (payload: Uint8Array): CaseFrame => ({ opcode: PING, payload });
const pong = (payload: Uint8Array): CaseFrame => ({ opcode: PONG, payload });
const close = (payload = status(1000)): CaseFrame => ({
  opcode: CLOSE,
  payload,
});

function status(code: number, reason: Uint8Array = EMPTY): Uint8Array {
  return concat([new Uint8Array([code >> 8, code & 0xff]), reason]);
}

function filled(size: number, byte: number): Uint8Array {
  return new Uint8Array(size).fill(byte);
}

/** Frames that are answered, followed by an orderly close. */
function answered(
  name: string,
  frames: readonly CaseFrame[],
  answers: readonly CaseFrame[],
  pieces?: readonly number[],
): WebSocketCase {
  return {
    name,
    frames: [...frames, close()],
    answers,
    status: 1000,
    ...(pieces === undefined ? {} : { pieces }),
  };
}

/** Frames of which the last one breaks a rule. */
function broken(
  name: string,
  frames: readonly CaseFrame[],
  answers: readonly CaseFrame[] = [],
  code = 1002,
): WebSocketCase {
  return { name, frames, answers, status: code };
}

const SIZES = [0, 125, 126, 127, 128, 65535, 65536];

/** 1: messages with every form of the length. */
const framing = SIZES.flatMap((size, index) => [
  answered(
    `1.1.${index + 1} text of ${size}`,
    [text(filled(size, 0x2a))],
    [text(filled(size, 0x2a))],
  ),
  answered(
    `1.2.${index + 1} binary of ${size}`,
    [binary(filled(size, 0xfe))],
    [binary(filled(size, 0xfe))],
  ),
]).concat([
  answered(
    "1.1.8 text of 65536 in pieces of 997",
    [text(filled(65536, 0x2a))],
    [text(filled(65536, 0x2a))],
    [997],
  ),
  answered(
    "1.2.8 binary of 65536 in pieces of 997",
    [binary(filled(65536, 0xfe))],
    [binary(filled(65536, 0xfe))],
    [997],
  ),
]);

const TEN = Array.from(
  { length: 10 },
  (_, index) => encoder.encode(`payload-${index}`),
);

/** 2: pings and pongs. */
const pings = [
  answered("2.1 ping without payload", [ping(EMPTY)], [pong(EMPTY)]),
  answered("2.2 ping with text", [ping(HELLO)], [pong(HELLO)]),
  answered(
    "2.3 ping with bytes that are no text",
    [ping(new Uint8Array([0, 255, 254, 253, 252, 251, 0, 255]))],
    [pong(new Uint8Array([0, 255, 254, 253, 252, 251, 0, 255]))],
  ),
  answered(
    "2.4 ping of 125",
    [ping(filled(125, 0xfe))],
    [pong(filled(125, 0xfe))],
  ),
  broken("2.5 ping of 126", [ping(filled(126, 0xfe))]),
  answered(
    "2.6 ping of 125, byte by byte",
    [ping(filled(125, 0xfe))],
    [pong(filled(125, 0xfe))],
    [1],
  ),
  answered("2.7 pong without a ping", [pong(EMPTY)], []),
  answered("2.8 pong with payload without a ping", [pong(HELLO)], []),
  answered(
    "2.9 pong without a ping, then a ping",
    [pong(HELLO), ping(WORD)],
    [pong(WORD)],
  ),
  answered("2.10 ten pings", TEN.map(ping), TEN.map(pong)),
  answered("2.11 ten pings, byte by byte", TEN.map(ping), TEN.map(pong), [1]),
];

/** 3: reserved bits. */
const reserved = [
  broken("3.1 RSV3", [{ ...text(HELLO), reserved: 0x10 }]),
  broken(
    "3.2 RSV2 in the second message",
    [text(HELLO), { ...text(HELLO), reserved: 0x20 }, ping(EMPTY)],
    [text(HELLO)],
  ),
  broken(
    "3.3 RSV2 and RSV3 in the second message",
    [text(HELLO), { ...text(HELLO), reserved: 0x30 }],
    [text(HELLO)],
  ),
  broken("3.4 RSV1 in the second message", [
    text(HELLO),
    { ...text(HELLO), reserved: 0x40 },
  ], [text(HELLO)]),
  broken("3.5 RSV1 and RSV3, binary", [{ ...binary(HELLO), reserved: 0x50 }]),
  broken("3.6 RSV1 and RSV2, ping", [{ ...ping(HELLO), reserved: 0x60 }]),
  broken("3.7 all three, close", [{ ...close(), reserved: 0x70 }]),
];

/** 4: opcodes that are reserved, with a payload and without. */
const opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) => [
  broken(
    `4.${opcode < 8 ? 1 : 2} opcode ${opcode}`,
    [text(HELLO), { opcode, payload: EMPTY }],
    [text(HELLO)],
  ),
  broken(`4.${opcode < 8 ? 1 : 2} opcode ${opcode} with a payload`, [
    { opcode, payload: HELLO },
    ping(EMPTY),
  ]),
]);

const [ONE, TWO] = ["fragment1", "fragment2"].map((part) =>
  encoder.encode(part)
);
const BOTH = concat([ONE, TWO]);

/** 5: fragments. */
const fragments = [
  broken("5.1 ping in two fragments", [
    { ...ping(ONE), fin: false },
    more(TWO, true),
  ]),
  broken("5.2 pong in two fragments", [
    { ...pong(ONE), fin: false },
    more(TWO, true),
  ]),
  ...[undefined, [9], [1]].map((pieces, index) =>
    answered(
      `5.${3 + index} text in two fragments, pieces of ${pieces ?? "all"}`,
      [text(ONE, false), more(TWO, true)],
      [text(BOTH)],
      pieces,
    )
  ),
  ...[undefined, [9], [1]].map((pieces, index) =>
    answered(
      `5.${6 + index} a ping between two fragments, pieces of ${
        pieces ?? "all"
      }`,
      [text(ONE, false), ping(HELLO), more(TWO, true)],
      [pong(HELLO), text(BOTH)],
      pieces,
    )
  ),
  ...[true, false].flatMap((fin, index) => [
    broken(
      `5.${
        9 + 3 * index
      } a continuation of nothing, FIN ${fin}, then a message`,
      [more(ONE, fin), text(HELLO)],
    ),
    {
      ...broken(
        `5.${11 + 3 * index} the same, byte by byte`,
        [more(ONE, fin), text(HELLO)],
      ),
      pieces: [1],
    },
  ]),
  broken("5.15 a continuation after the last fragment", [
    text(ONE, false),
    more(TWO, true),
    more(encoder.encode("fragment3"), false),
    text(encoder.encode("fragment4"), true),
  ], [text(BOTH)]),
  ...[false, true].map((fin, index) =>
    broken(
      `5.${16 + index} a continuation of nothing, FIN ${fin}, before fragments`,
      [more(ONE, fin), text(ONE, false), more(TWO, true)],
    )
  ),
  broken("5.18 a message begins within another one", [
    text(ONE, false),
    text(TWO),
  ]),
  ...[undefined, [1]].map((pieces, index) => {
    const parts = [1, 2, 3, 4, 5].map((number) =>
      encoder.encode(`fragment${number}`)
    );
    return answered(
      `5.${19 + index} five fragments and two pings`,
      [
        text(parts[0], false),
        more(parts[1], false),
        ping(ONE),
        more(parts[2], false),
        more(parts[3], false),
        ping(TWO),
        more(parts[4], true),
      ],
      [pong(ONE), pong(TWO), text(concat(parts))],
      pieces,
    );
  }),
];

/** Texts that are UTF-8. */
const VALID: [name: string, bytes: Uint8Array][] = [
  [
    "6.2.1 several scripts",
    encoder.encode("Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!"),
  ],
  ["6.5.1 word", WORD],
  ...["\u0000", "\u0080", "\u0800", "\u{10000}"].map((
    char,
    index,
  ): [string, Uint8Array] => [
    `6.7.${index + 1} first of length ${index + 1}`,
    encoder.encode(char),
  ]),
  ...["\u007f", "\u07ff", "\uffff", "\u{10ffff}"].map((
    char,
    index,
  ): [string, Uint8Array] => [
    `6.9.${index + 1} last of length ${index + 1}`,
    encoder.encode(char),
  ]),
  ...["\ud7ff", "\ue000", "\ufffd"].map((
    char,
    index,
  ): [string, Uint8Array] => [
    `6.11.${index + 1} around the surrogates`,
    encoder.encode(char),
  ]),
  ...[0xfffe, 0xffff].flatMap((low) =>
    Array.from({ length: 17 }, (_, plane): [string, Uint8Array] => [
      `6.22 noncharacter ${plane} ${low}`,
      encoder.encode(String.fromCodePoint(plane * 0x10000 + low)),
    ])
  ),
  ...[0xfff9, 0xfffa, 0xfffb, 0xfffc, 0xfffd].map((
    code,
  ): [string, Uint8Array] => [
    `6.23 special ${code}`,
    encoder.encode(String.fromCodePoint(code)),
  ]),
];

/** Bytes that are not UTF-8. */
const INVALID: [name: string, bytes: number[]][] = [
  ["6.3.1 a surrogate in the middle", [...WORD, 0xed, 0xa0, 0x80, 0x65]],
  ["6.6.1 cut after one byte", [0xce]],
  ["6.6.3 cut after two of three", [0xce, 0xba, 0xe1, 0xbd]],
  ["6.8.1 five bytes, first", [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ["6.8.2 six bytes, first", [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80]],
  ["6.10.1 above U+10FFFF", [0xf7, 0xbf, 0xbf, 0xbf]],
  ["6.10.2 five bytes, last", [0xfb, 0xbf, 0xbf, 0xbf, 0xbf]],
  ["6.10.3 six bytes, last", [0xfd, 0xbf, 0xbf, 0xbf, 0xbf, 0xbf]],
  ["6.11.5 one above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
  ["6.12.1 continuation, first", [0x80]],
  ["6.12.2 continuation, last", [0xbf]],
  ...[2, 3, 4, 5, 6, 7].map((count, index): [string, number[]] => [
    `6.12.${3 + index} ${count} continuations`,
    Array.from({ length: count }, (_, at) => 0x80 + at % 2 * 0x3f),
  ]),
  ...[[0xc0, 0xdf], [0xe0, 0xef], [0xf0, 0xf7], [0xf8, 0xfb], [0xfc, 0xfd]].map(
    ([from, to], index): [string, number[]] => [
      `6.13.${index + 1} lonely starts`,
      Array.from(
        { length: 2 * (to - from + 1) },
        (_, at) => at % 2 === 0 ? from + at / 2 : 0x20,
      ),
    ],
  ),
  ["6.14.1 two bytes without the last", [0xc0]],
  ["6.14.2 three bytes without the last", [0xe0, 0x80]],
  ["6.14.3 four bytes without the last", [0xf0, 0x80, 0x80]],
  ["6.14.6 the last of two bytes cut", [0xdf]],
  ["6.14.7 the last of three bytes cut", [0xef, 0xbf]],
  ["6.14.8 the last of four bytes cut", [0xf7, 0xbf, 0xbf]],
  ["6.15.1 all of them, one after the other", [0xc0, 0xe0, 0x80, 0xf0, 0x80]],
  ["6.16.1 never a byte", [0xfe]],
  ["6.16.2 never a byte", [0xff]],
  ["6.17.1 slash in two bytes", [0xc0, 0xaf]],
  ["6.17.2 slash in three bytes", [0xe0, 0x80, 0xaf]],
  ["6.17.3 slash in four bytes", [0xf0, 0x80, 0x80, 0xaf]],
  ["6.18.1 longest of two bytes too long", [0xc1, 0xbf]],
  ["6.18.2 longest of three bytes too long", [0xe0, 0x9f, 0xbf]],
  ["6.18.3 longest of four bytes too long", [0xf0, 0x8f, 0xbf, 0xbf]],
  ["6.19.1 NUL in two bytes", [0xc0, 0x80]],
  ["6.19.2 NUL in three bytes", [0xe0, 0x80, 0x80]],
  ["6.20.1 first surrogate", [0xed, 0xa0, 0x80]],
  ["6.20.2 last of the high surrogates", [0xed, 0xaf, 0xbf]],
  ["6.20.7 last surrogate", [0xed, 0xbf, 0xbf]],
  ["6.21.1 a pair of surrogates", [0xed, 0xa0, 0x80, 0xed, 0xb0, 0x80]],
];

/** Splits a payload into fragments of one byte. */
function split(payload: Uint8Array): CaseFrame[] {
  return [...payload].map((byte, index) => ({
    opcode: index === 0 ? TEXT : CONTINUATION,
    payload: new Uint8Array([byte]),
    fin: index === payload.length - 1,
  }));
}

/** 6: text is UTF-8, in one frame and in a frame for each byte. */
const utf8 = [
  answered("6.1.1 empty text", [text(EMPTY)], [text(EMPTY)]),
  answered(
    "6.1.2 three empty fragments",
    [text(EMPTY, false), more(EMPTY, false), more(EMPTY, true)],
    [text(EMPTY)],
  ),
  answered(
    "6.1.3 empty fragments around one",
    [text(EMPTY, false), more(WORD, false), more(EMPTY, true)],
    [text(WORD)],
  ),
  ...VALID.flatMap(([name, bytes]) => [
    answered(name, [text(bytes)], [text(bytes)]),
    answered(`${name}, byte by byte`, split(bytes), [text(bytes)], [1]),
  ]),
  ...INVALID.flatMap(([name, values]) => {
    const bytes = new Uint8Array(values);
    return [
      broken(name, [text(bytes)], [], 1007),
      broken(`${name}, byte by byte`, split(bytes), [], 1007),
    ];
  }),
  // 6.4: the error is detected before the message ends.
  broken(
    "6.4.1 the first of two fragments is wrong",
    [text(new Uint8Array([...WORD, 0xf4, 0x90]), false), ping(EMPTY)],
    [],
    1007,
  ),
];

const GOOD_STATUSES = [
  1000,
  1001,
  1002,
  1003,
  1007,
  1008,
  1009,
  1010,
  1011,
  3000,
  3999,
  4000,
  4999,
];
const BAD_STATUSES = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000];

/** 7: closing. */
const closing = [
  answered("7.1.1 text, then close", [text(HELLO)], [text(HELLO)]),
  {
    name: "7.1.2 two close frames",
    frames: [close(), close()],
    answers: [],
    status: 1000,
  },
  {
    name: "7.1.3 a ping behind the close",
    frames: [close(), ping(EMPTY)],
    answers: [],
    status: 1000,
  },
  {
    name: "7.1.4 text behind the close",
    frames: [close(), text(HELLO)],
    answers: [],
    status: 1000,
  },
  {
    name: "7.1.5 a close within a message",
    frames: [text(ONE, false), close(), more(TWO, true)],
    answers: [],
    status: 1000,
  },
  answered(
    "7.1.6 256 KiB, then close",
    [text(filled(262144, 0x2a))],
    [text(filled(262144, 0x2a))],
  ),
  {
    name: "7.3.1 no status",
    frames: [close(EMPTY)],
    answers: [],
    status: 1000,
  },
  broken("7.3.2 half a status", [close(new Uint8Array([3]))]),
  {
    name: "7.3.4 status and reason",
    frames: [close(status(1000, HELLO))],
    answers: [],
    status: 1000,
  },
  {
    name: "7.3.5 the longest reason",
    frames: [close(status(1000, filled(123, 0x2a)))],
    answers: [],
    status: 1000,
  },
  broken("7.3.6 a longer reason", [close(status(1000, filled(124, 0x2a)))]),
  broken(
    "7.5.1 a reason that is not UTF-8",
    [close(status(1000, new Uint8Array([...WORD, 0xed, 0xa0, 0x80])))],
    [],
    1007,
  ),
  ...GOOD_STATUSES.map((code, index) => ({
    name: `7.7.${index + 1} status ${code}`,
    frames: [close(status(code))],
    answers: [],
    status: code,
  })),
  ...BAD_STATUSES.map((code, index) =>
    broken(`7.9.${index + 1} status ${code}`, [close(status(code))])
  ),
];

/** 10: a message in many fragments. */
const automatic = [
  answered(
    "10.1.1 65536 in fragments of 1300",
    Array.from({ length: 51 }, (_, index) => ({
      opcode: index === 0 ? TEXT : CONTINUATION,
      payload: filled(Math.min(1300, 65536 - 1300 * index), 0x2a),
      fin: index === 50,
    })),
    [text(filled(65536, 0x2a))],
  ),
];

/** All cases. */
export const WEB_SOCKET_CASES: readonly WebSocketCase[] = [
  ...framing,
  ...pings,
  ...reserved,
  ...opcodes,
  ...fragments,
  ...utf8,
  ...closing,
  ...automatic,
];

/** The head of the PROXY protocol: known bytes, cuts at every byte, and what is refused. */

import {
  checkProxyProtocol,
  crc32c,
  encodeProxyHead,
  type ProxyHead,
  readProxyHead,
} from "../../../connection/transport/proxy_protocol.ts";
import { InvalidArgumentError, SpdyError } from "../../../errors.ts";
import { assertEquals, assertThrows, concat } from "../../deps.ts";

const bytes = (text: string): Uint8Array =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));
const hex = (text: string): Uint8Array =>
  Uint8Array.fromHex(text.replaceAll(" ", ""));
const SIGNATURE = "0d0a0d0a000d0a515549540a";
const TCP4 = "c0000201 c6336402 d431 01bb";
const net = (hostname: string, port: number): Deno.NetAddr => ({
  transport: "tcp",
  hostname,
  port,
});
const V4 = {
  source: net("192.0.2.1", 54321),
  destination: net("198.51.100.2", 443),
};
const NOTHING = { source: undefined, destination: undefined };

function head(parts: Partial<ProxyHead>): ProxyHead {
  return { version: 2, local: false, ...NOTHING, tlvs: [], ...parts };
}

const KNOWN: [name: string, data: Uint8Array, head: ProxyHead][] = [
  [
    "version 1, IPv4",
    bytes("PROXY TCP4 192.0.2.1 198.51.100.2 54321 443\r\n"),
    head({ version: 1, ...V4 }),
  ],
  [
    "version 1, IPv6",
    bytes("PROXY TCP6 2001:db8::1 ::1 0 65535\r\n"),
    head({
      version: 1,
      source: net("2001:db8::1", 0),
      destination: net("::1", 65535),
    }),
  ],
  ["version 1, unknown", bytes("PROXY UNKNOWN\r\n"), head({ version: 1 })],
  [
    "version 1, unknown with anything after it",
    bytes(`PROXY UNKNOWN ${"x".repeat(91)}\r\n`),
    head({ version: 1 }),
  ],
  [
    "version 2, IPv4",
    hex(`${SIGNATURE} 21 11 000c ${TCP4}`),
    head(V4),
  ],
  [
    "version 2, IPv6",
    hex(
      `${SIGNATURE} 21 21 0024 20010db8000000000000000000000001
       00000000000000000000000000000001 0050 0051`.replaceAll("\n", ""),
    ),
    head({ source: net("2001:db8::1", 80), destination: net("::1", 81) }),
  ],
  [
    "version 2, Unix",
    concat([
      hex(`${SIGNATURE} 21 31 00d8`),
      bytes("/run/a".padEnd(108, "\0") + "b".repeat(108)),
    ]),
    head({
      source: { transport: "unix", path: "/run/a" },
      destination: { transport: "unix", path: "b".repeat(108) },
    }),
  ],
  [
    "version 2, local, with addresses that do not count",
    hex(`${SIGNATURE} 20 11 000c ${TCP4}`),
    head({ local: true }),
  ],
  [
    "version 2, local and empty",
    hex(`${SIGNATURE} 20 00 0000`),
    head({ local: true }),
  ],
  ["version 2, unspecified", hex(`${SIGNATURE} 21 00 0000`), head({})],
  [
    "version 2, datagrams, whose addresses do not count",
    hex(`${SIGNATURE} 21 12 000c ${TCP4}`),
    head({}),
  ],
  [
    "version 2, fields, padding left out",
    hex(`${SIGNATURE} 21 11 001a ${TCP4} 01 0002 6832 04 0002 0000 05 0001 ff`),
    head({
      ...V4,
      tlvs: [
        { type: 1, value: bytes("h2") },
        { type: 5, value: hex("ff") },
      ],
    }),
  ],
  [
    "version 2, checksum",
    withChecksum(`${SIGNATURE} 21 11 0013 ${TCP4} 03 0004 00000000`),
    head(V4),
  ],
];

/** Fills in the checksum at the end of a head. */
function withChecksum(text: string): Uint8Array {
  const data = hex(text);
  new DataView(data.buffer).setUint32(data.length - 4, crc32c(data));
  return data;
}

Deno.test("the checksum is CRC-32C", () => {
  assertEquals(crc32c(bytes("123456789")), 0xe3069283);
});

for (const [name, data, expected] of KNOWN) {
  Deno.test(`PROXY head: it is read whole, and incomplete if cut anywhere, ${name}`, () => {
    const { length } = data;
    assertEquals(readProxyHead(data), { head: expected, length });
    const followed = concat([data, bytes("PROXY ")]);
    assertEquals(readProxyHead(followed), { head: expected, length });
    for (let cut = 0; cut < length; cut++) {
      const result = readProxyHead(data.subarray(0, cut));
      const missing = typeof result === "object" && "missing" in result
        ? result.missing
        : 0;
      assertEquals(missing > 0, true, `cut at ${cut}: ${result}`);
      assertEquals(cut + missing <= length, true, `too much at ${cut}`);
    }
  });
}

Deno.test("bytes that are not the beginning of a head are recognised", () => {
  for (
    const text of ["G", "PROX\0", "PROXY_", "\r\n\r\nG", "\x80\x03", "\x16"]
  ) {
    assertEquals(readProxyHead(bytes(text)), "none", text);
  }
});

Deno.test("malformed heads are refused", () => {
  const texts = [
    "PROXY TCP4 192.0.2.1 198.51.100.2 54321 443\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 54321\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 54321 443 \r\n",
    "PROXY TCP4 192.0.2.1  198.51.100.2 54321 443\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 054 443\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n",
    "PROXY TCP4 192.0.2 198.51.100.2 1 443\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
    "PROXY TCP6 ::ffff:1.2.3.4.5 ::1 1 2\r\n",
    "PROXY tcp4 192.0.2.1 198.51.100.2 1 2\r\n",
    "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
    "PROXY  UNKNOWN\r\n",
    `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
    "PROXY " + "x".repeat(101),
  ].map(bytes);
  const binary = [
    `${SIGNATURE} 11 11 000c ${TCP4}`,
    `${SIGNATURE} 22 11 000c ${TCP4}`,
    `${SIGNATURE} 21 41 000c ${TCP4}`,
    `${SIGNATURE} 21 13 000c ${TCP4}`,
    `${SIGNATURE} 21 11 000b ${TCP4}`,
    `${SIGNATURE} 21 21 000c ${TCP4}`,
    `${SIGNATURE} 21 11 ffff`,
    `${SIGNATURE} 21 11 000e ${TCP4} 01 00`,
    `${SIGNATURE} 21 11 0010 ${TCP4} 01 0002 00`,
    `${SIGNATURE} 21 11 0013 ${TCP4} 03 0004 00000000`,
    `${SIGNATURE} 21 11 0010 ${TCP4} 03 0001 00`,
  ].map(hex);
  for (const data of [...texts, ...binary]) {
    const error = assertThrows(() => readProxyHead(data), SpdyError);
    assertEquals(error.initiator, "remote");
    assertEquals(error.message.startsWith("the PROXY head is malformed"), true);
  }
});

Deno.test("the error for a line of text names the invalid part", () => {
  const family =
    "it names neither TCP4 nor TCP6 with two addresses and two ports";
  for (
    const [line, what] of [
      ["UDP4 192.0.2.1 198.51.100.2 1 2", family],
      ["TCP4 192.0.2.1 198.51.100.2 1", family],
      [
        "TCP6 192.0.2.1 198.51.100.2 1 2",
        "an address is not a valid IP address",
      ],
      [
        "TCP4 192.0.2.1 198.51.100.2 1 65536",
        "a port is not a number from 0 to 65535",
      ],
    ]
  ) {
    const error = assertThrows(
      () => readProxyHead(bytes(`PROXY ${line}\r\n`)),
      SpdyError,
    );
    assertEquals(error.message, `the PROXY head is malformed: ${what}`);
  }
});

Deno.test("the error for a binary head names the invalid bytes", () => {
  for (
    const [head, what] of [
      [`11 11 000c ${TCP4}`, "version and command are 0x11"],
      [`21 4f 000c ${TCP4}`, "family and protocol are 0x4f"],
      ["21 11 3ff1", "16385 bytes are more than 16384"],
    ]
  ) {
    const error = assertThrows(
      () => readProxyHead(hex(`${SIGNATURE} ${head}`)),
      SpdyError,
    );
    assertEquals(error.message, `the PROXY head is malformed: ${what}`);
  }
});

Deno.test("lengths of a head and of its TLVs have two bytes", () => {
  const value = new Uint8Array(0x0102).fill(7);
  const { source, destination } = V4;
  const data = concat([
    hex(`${SIGNATURE} 21 11 0111 ${TCP4} e0 0102`),
    value,
  ]);
  const tlvs = [{ type: 0xe0, value }];
  assertEquals(encodeProxyHead({ source, destination, tlvs }), data);
  assertEquals(readProxyHead(data), {
    head: head({ ...V4, tlvs }),
    length: data.length,
  });
  // The greatest length.
  const longest = encodeProxyHead({
    tlvs: [{ type: 0xe0, value: new Uint8Array(16_384 - 16 - 3) }],
  });
  assertEquals(longest.length, 16_384);
  const result = readProxyHead(longest);
  assertEquals(typeof result === "object" && "head" in result, true);
});

Deno.test("encoded heads equal known ones", () => {
  for (
    const [name, data, { version, source, destination }] of KNOWN.slice(0, 6)
  ) {
    if (name.includes("unknown")) continue;
    assertEquals(
      encodeProxyHead({
        version,
        source: source as Deno.NetAddr,
        destination: destination as Deno.NetAddr,
      }),
      data,
      name,
    );
  }
  const { source, destination } = V4;
  assertEquals(
    encodeProxyHead({}, source, destination),
    encodeProxyHead({ source, destination }),
  );
  assertEquals(encodeProxyHead({ version: 1 }), bytes("PROXY UNKNOWN\r\n"));
  assertEquals(
    encodeProxyHead({ version: 1 }, net("::1", 1), destination),
    bytes("PROXY UNKNOWN\r\n"),
  );
  // Addresses that a head cannot contain are written as unknown.
  for (
    const other of [
      { transport: "unix", path: "/run/a" },
      { transport: "vsock", cid: 1, port: 2 },
      { transport: "tcp", hostname: "localhost", port: 1 },
    ] as const
  ) {
    for (const [from, to] of [[other, destination], [source, other]]) {
      assertEquals(
        encodeProxyHead({ version: 1 }, from as Deno.Addr, to as Deno.Addr),
        bytes("PROXY UNKNOWN\r\n"),
      );
    }
  }
  assertEquals(
    encodeProxyHead({ local: true }, source, destination),
    hex(`${SIGNATURE} 20 00 0000`),
  );
});

Deno.test("the type of a TLV is any byte", () => {
  for (const type of [0, 1, 255]) {
    checkProxyProtocol({ tlvs: [{ type, value: hex("00") }] });
  }
});

Deno.test("options that a head can contain are accepted", () => {
  const source = { hostname: "192.0.2.1", port: 0 };
  const destination = { hostname: "192.0.2.2", port: 65535 };
  for (
    const options of [
      {},
      { version: 1 },
      { version: 1, tlvs: [] },
      { version: 2, local: true },
      // A missing one is the connection's address, of any family.
      { source },
      { destination },
      { source: { hostname: "2001:db8::1", port: 1 } },
      { source, destination },
      // With its head and two addresses, it has exactly the greatest length.
      { tlvs: [{ type: 1, value: new Uint8Array(16_384 - 16 - 36 - 3) }] },
    ] as const
  ) checkProxyProtocol(options);
  assertThrows(
    () =>
      checkProxyProtocol({
        tlvs: [{ type: 1, value: new Uint8Array(16_384 - 16 - 36 - 2) }],
      }),
    InvalidArgumentError,
    "a head of 16385 bytes is longer than 16384",
  );
});

Deno.test("paths of Unix sockets end with a NUL, or with their field", () => {
  const field = (path: string) => {
    const filled = new Uint8Array(108);
    filled.set(bytes(path));
    return filled;
  };
  const pathsOf = (from: string, to: string) => {
    // Version 2, PROXY, a stream between Unix sockets.
    const head = hex(`${SIGNATURE} 21 31 00d8`);
    const result = readProxyHead(
      Uint8Array.from([...head, ...field(from), ...field(to)]),
    );
    if (typeof result === "string" || !("head" in result)) throw result;
    const { source, destination } = result.head;
    return [source, destination].map((end) => (end as Deno.UnixAddr).path);
  };
  for (
    const paths of [
      ["/run/a", "/run/b"],
      ["", "/run/b"],
      ["/run/a", ""],
      ["/a".repeat(54), "/b".repeat(54)],
      ["/a\0b", "/"],
    ]
  ) {
    const [from, to] = paths;
    assertEquals(pathsOf(from, to), [from.split("\0")[0], to]);
  }
});

Deno.test("options that a head cannot contain are refused", () => {
  const end = { hostname: "192.0.2.1", port: 1 };
  for (
    const [options, text] of [
      [{ version: 3 as 2 }, "proxyProtocol.version 3"],
      [{ version: 1, tlvs: [{ type: 1, value: hex("00") }] }, "version 2"],
      [{ tlvs: [{ type: 256, value: hex("00") }] }, "256"],
      [{ tlvs: [{ type: -1, value: hex("00") }] }, "-1"],
      [{ tlvs: [{ type: 1.5, value: hex("00") }] }, "1.5"],
      [
        { tlvs: [{ type: "1" as never, value: hex("00") }] },
        'the type of a TLV "1"',
      ],
      [{ tlvs: [{ type: 1, value: "x" as never }] }, "Uint8Array"],
      [{ tlvs: [{ type: 1, value: new Uint8Array(20_000) }] }, "longer than"],
      [{ source: { hostname: "localhost", port: 1 } }, "is not an IP address"],
      [{ source: { ...end, port: 65536 } }, "proxyProtocol.source.port"],
      [{ source: end, destination: { hostname: "::1", port: 1 } }, "not both"],
      [true as never, "proxyProtocol true is not an object"],
      [{ sources: end } as never, "sources"],
    ] as const
  ) {
    assertThrows(() => checkProxyProtocol(options), InvalidArgumentError, text);
  }
});

import { assertEquals, assertThrows, concat, decodeHex } from "../deps.ts";
import { CaptureError, readPackets } from "../../cli/capture/pcap.ts";
import { readCapture } from "../../cli/capture/read.ts";
import { reassemble } from "../../cli/capture/tcp.ts";
import {
  ethernet,
  ipv4Packet,
  ipv6Packet,
  pcapFile,
  pcapngFile,
  type SegmentSpec,
} from "./packets.ts";

const PING = decodeHex("800300060000000400000001");
const client = { fromPort: 5000, toPort: 6121 };

function joined(packets: SegmentSpec[]): { bytes: Uint8Array; gap: number } {
  const file = pcapFile({ linkType: 101, packets: packets.map(ipv4Packet) });
  const [flow] = reassemble(readPackets(file));
  return {
    bytes: concat(flow.pieces.map(({ bytes }) => bytes)),
    gap: flow.gap,
  };
}

Deno.test("pcap: both byte orders, micro- and nanoseconds", () => {
  const packets = [
    ipv4Packet({ ...client, sequence: 1, bytes: PING }),
    ipv4Packet({ ...client, sequence: 13 }),
  ];
  for (const littleEndian of [true, false]) {
    for (const nanoseconds of [true, false]) {
      const read = readPackets(
        pcapFile({ linkType: 101, littleEndian, nanoseconds, packets }),
      );
      assertEquals(read.map(({ time }) => time), [1000, 1001]);
      assertEquals(read.map(({ data }) => data), packets);
    }
  }
});

Deno.test("pcapng: clocks of other resolutions", () => {
  const packets = [
    ipv4Packet({ ...client, sequence: 1, bytes: PING }),
    ipv4Packet({ ...client, sequence: 13 }),
  ];
  for (const exponent of [3, 6, 9]) {
    const read = readPackets(pcapngFile(101, packets, exponent));
    assertEquals(read.map(({ time }) => time), [1000, 1001]);
    assertEquals(read.map(({ data }) => data), packets);
  }
});

Deno.test("a capture cut short anywhere gives its packets or a CaptureError, never another error", () => {
  const packets = [ipv4Packet({ ...client, sequence: 1, bytes: PING })];
  for (
    const file of [
      pcapFile({ linkType: 101, packets }),
      pcapngFile(101, packets),
    ]
  ) {
    for (let end = 4; end < file.length; end++) {
      try {
        readPackets(file.subarray(0, end));
      } catch (error) {
        if (!(error instanceof CaptureError)) throw error;
      }
    }
  }
  const file = pcapFile({ linkType: 101, packets });
  assertThrows(
    () => readPackets(file.subarray(0, file.length - 1)),
    CaptureError,
    "cut short at offset 24",
  );
});

Deno.test("link and IP heads are passed over", () => {
  const segment = { ...client, sequence: 1, bytes: PING };
  const cases: [linkType: number, packet: Uint8Array][] = [
    [1, ethernet(ipv4Packet(segment))],
    [1, ethernet(ipv4Packet(segment), true)],
    [1, ethernet(ipv6Packet(segment))],
    [0, concat([new Uint8Array(4), ipv4Packet(segment)])],
    [113, concat([new Uint8Array(16), ipv4Packet(segment)])],
    [276, concat([new Uint8Array(20), ipv6Packet(segment)])],
    [101, ipv6Packet(segment)],
  ];
  for (const [linkType, packet] of cases) {
    const flows = reassemble(
      readPackets(pcapFile({ linkType, packets: [packet] })),
    );
    assertEquals(flows.map(({ pieces }) => pieces.map(({ bytes }) => bytes)), [[
      PING,
    ]]);
  }
  assertEquals(
    reassemble(
      readPackets(pcapFile({ linkType: 101, packets: [ipv6Packet(segment)] })),
    )[0].from,
    "[::1]:5000",
  );
});

Deno.test("segments out of order, sent twice and overlapping are put right", () => {
  const bytes = new Uint8Array(100).map((_, index) => index);
  const part = (begin: number, end: number): SegmentSpec => ({
    ...client,
    sequence: 1001 + begin,
    bytes: bytes.subarray(begin, end),
  });
  const syn = { ...client, sequence: 1000, syn: true };
  assertEquals(
    joined([
      syn,
      part(40, 70),
      part(0, 40),
      part(30, 80),
      part(0, 40),
      part(70, 100),
    ]),
    { bytes, gap: 0 },
  );
});

Deno.test("sequence numbers wrap", () => {
  const bytes = new Uint8Array(100).map((_, index) => index);
  assertEquals(
    joined([
      { ...client, sequence: 2 ** 32 - 31, syn: true },
      { ...client, sequence: 2 ** 32 - 30, bytes: bytes.subarray(0, 50) },
      { ...client, sequence: 20, bytes: bytes.subarray(50) },
    ]),
    { bytes, gap: 0 },
  );
});

Deno.test("a gap ends the flow and is told", () => {
  assertEquals(
    joined([
      { ...client, sequence: 1, bytes: PING },
      { ...client, sequence: 1 + PING.length + 7, bytes: PING },
    ]),
    { bytes: PING, gap: 7 },
  );
});

Deno.test("a second connection on the same ports is a flow of its own", () => {
  const packets = [
    { ...client, sequence: 10, syn: true },
    { ...client, sequence: 11, bytes: PING },
    { ...client, sequence: 9000, syn: true },
    { ...client, sequence: 9001, bytes: PING },
  ].map(ipv4Packet);
  const flows = reassemble(readPackets(pcapFile({ linkType: 101, packets })));
  assertEquals(flows.map(({ pieces }) => pieces.map(({ bytes }) => bytes)), [[
    PING,
  ], [PING]]);
});

Deno.test("an HTTP/1.1 upgrade before the frames is passed over, other connections are left out", () => {
  const head = new TextEncoder().encode(
    "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n",
  );
  const packets = [
    { ...client, sequence: 1, bytes: head.subarray(0, 20) },
    { ...client, sequence: 21, bytes: concat([head.subarray(20), PING]) },
    {
      fromPort: 1,
      toPort: 2,
      sequence: 1,
      bytes: new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
    },
  ].map(ipv4Packet);
  const directions = readCapture(pcapFile({ linkType: 101, packets }), "file");
  assertEquals(directions.length, 1);
  assertEquals(directions[0].begin, head.length);
  assertEquals(concat(directions[0].pieces.map(({ bytes }) => bytes)), PING);
});

Deno.test("hex digits with white space are read as bytes, other text is not", () => {
  const text = new TextEncoder().encode("80030006 00000004\n00000001\n");
  assertEquals(readCapture(text, "file")[0].pieces[0].bytes, PING);
  assertEquals(readCapture(PING, "file")[0].pieces[0].bytes, PING);
});

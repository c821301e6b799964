import {
  assert,
  assertEquals,
  assertGreater,
  assertStringIncludes,
  concat,
} from "../deps.ts";
import { PcapReader } from "../../capture/pcap.ts";
import { PcapngReader } from "../../capture/pcapng.ts";
import { ipv4Packet, pcapFile, pcapngFile } from "./packets.ts";
import { ascii, ping, read, Talk, words } from "./reading.ts";
import { AES_128, LOG_12, talkTls12 } from "./tls_talk.ts";

const client = { fromPort: 5000, toPort: 6121 };
const PACKETS = [
  ipv4Packet({ ...client, sequence: 1, bytes: ping(1) }),
  ipv4Packet({ ...client, sequence: 13 }),
];

function conversation(): Uint8Array {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  talk.send("server", concat([talk.reply(1), talk.data(1, "hello", 1)]));
  return talk.file();
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

Deno.test("pcap: both byte orders, microseconds and nanoseconds are read", () => {
  for (const littleEndian of [true, false]) {
    for (const nanoseconds of [true, false]) {
      const file = pcapFile({
        linkType: 101,
        littleEndian,
        nanoseconds,
        packets: PACKETS,
      });
      const packets = [...new PcapReader().read(file)];
      assertEquals(packets.map(({ time }) => time), [1000, 1001]);
      assertEquals(packets.map(({ data }) => data), PACKETS);
    }
  }
});

Deno.test("pcapng: clocks of other resolutions are read", () => {
  for (const exponent of [3, 6, 9]) {
    const file = pcapngFile(101, PACKETS, exponent);
    const packets = [...new PcapngReader().read(file)];
    assertEquals(packets.map(({ time }) => time), [1000, 1001]);
    assertEquals(packets.map(({ data }) => data), PACKETS);
  }
});

Deno.test("pcapng: a block whose length does not count its padding is read, as early programs wrote it", () => {
  const packets = [1, 2, 3, 4, 5].map((length) =>
    new Uint8Array(length).fill(length)
  );
  const file = pcapngFile(101, packets);
  const view = new DataView(file.buffer);
  for (let at = 0; at < file.length;) {
    const length = view.getUint32(at + 4, true);
    if (view.getUint32(at, true) === 6) {
      const unpadded = 32 + view.getUint32(at + 20, true);
      view.setUint32(at + 4, unpadded, true);
      view.setUint32(at + length - 4, unpadded, true);
    }
    at += length;
  }
  const read = [...new PcapngReader().read(file)].map(({ data }) => data);
  assertEquals(read, packets);
});

Deno.test("pcapng: a simple packet ends where the interface cuts packets off, not with its padding", () => {
  const file = pcapngFile(101, []);
  const view = new DataView(file.buffer);
  // The interface follows the section, of 28 bytes.
  view.setUint32(28 + 12, 5, true);
  const block = new Uint8Array(24);
  const blockView = new DataView(block.buffer);
  [3, 24, 1000].forEach((value, index) =>
    blockView.setUint32(4 * index, value, true)
  );
  block.fill(7, 12, 17);
  blockView.setUint32(20, 24, true);
  const packets = [...new PcapngReader().read(concat([file, block]))];
  assertEquals(packets.map(({ data }) => data), [new Uint8Array(5).fill(7)]);
  assertEquals(packets[0].isCut, true);
});

Deno.test("a file gives the same records in one piece and in pieces of any size", async () => {
  const packets = conversation();
  for (const file of [packets, await gzip(packets)]) {
    const whole = words(await read([file]));
    assertEquals(whole, ["> SYN_STREAM 1", "< SYN_REPLY 1", "< DATA 1"]);
    for (const size of [1, 2, 7, 50]) {
      const pieces = [];
      for (let at = 0; at < file.length; at += size) {
        pieces.push(file.subarray(at, at + size));
      }
      assertEquals(words(await read([pieces])), whole, `pieces of ${size}`);
    }
  }
});

Deno.test("a file that is truncated anywhere gives everything before the end, and a warning", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  talk.send("client", ping(1));
  const packets = talk.segments.map(ipv4Packet);
  for (
    const file of [
      pcapFile({ linkType: 101, packets }),
      pcapngFile(101, packets),
    ]
  ) {
    const ends = new Set<string>();
    for (let end = 5; end < file.length; end++) {
      const reading = await read([file.subarray(0, end)]);
      const found = words(reading);
      ends.add(found.join());
      if (reading.warnings.length > 0) {
        assert(/cut off/.test(reading.warnings[0]), reading.warnings[0]);
      }
    }
    // All but the last byte: the reader reports the request, and a warning.
    assertEquals([...ends], ["", "> SYN_STREAM 1"]);
    const last = await read([file.subarray(0, file.length - 1)]);
    assertEquals(last.warnings.length, 1);
  }
});

Deno.test("a truncated gzip file gives what can be decompressed", async () => {
  const talk = new Talk();
  for (let id = 1; id < 400; id += 2) {
    talk.send("client", talk.request(id, `/${Math.sin(id)}`));
  }
  const packed = await gzip(talk.file());
  const reading = await read([packed.subarray(0, packed.length >> 1)]);
  assert(reading.frames.length > 50, `${reading.frames.length} frames`);
  assert(
    reading.warnings.some((text) => /gzip file is truncated/.test(text)),
    reading.warnings.join(),
  );
});

Deno.test("a damaged gzip file gives everything before the damage", async () => {
  const talk = new Talk();
  for (let id = 1; id < 400; id += 2) {
    talk.send("client", talk.request(id, `/${Math.sin(id)}`));
  }
  const packed = await gzip(talk.file());
  packed.fill(0xff, packed.length >> 1, (packed.length >> 1) + 64);
  const reading = await read([packed]);
  assertGreater(reading.frames.length, 50);
  assertGreater(reading.warnings.length, 0);
});

Deno.test("a gzip file with an endless head is damaged", async () => {
  const file = new Uint8Array(300_000).fill(0x41);
  // The flag of a file name, without the zero byte that ends the name.
  file.set([0x1f, 0x8b, 8, 8]);
  const { warnings } = await read([file]);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0], "the gzip file is damaged (a head with");
});

Deno.test("several gzip members form one file", async () => {
  const file = conversation();
  const packed = concat([
    await gzip(file.subarray(0, 100)),
    await gzip(file.subarray(100)),
  ]);
  assertEquals(words(await read([packed])), words(await read([file])));
});

Deno.test("an impossible length ends the file with a warning and allocates nothing", async () => {
  const file = conversation();
  const damaged = concat([file, new Uint8Array(16).fill(0x7f)]);
  const reading = await read([damaged]);
  assertEquals(reading.frames.length, 3);
  assertEquals(reading.warnings, [
    `file: a packet with the impossible length of 2139062143 bytes at offset ${file.length}; the rest was not read`,
  ]);
});

Deno.test("a connection continues from one file to the next", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  const first = talk.file();
  talk.segments.splice(0);
  talk.send("client", talk.request(3, "/two"));
  const reading = await read([first, talk.file()]);
  assertEquals(words(reading), ["> SYN_STREAM 1", "> SYN_STREAM 3"]);
  assertEquals(reading.frames.map(({ connection }) => connection), [0, 0]);
});

Deno.test("hex digits with white space are read as bytes; each file is a connection", async () => {
  const text = ascii("80030006 00000004\n00000001\n");
  const reading = await read([text, ping(2), [
    text.slice(0, 5),
    text.slice(5),
  ]]);
  assertEquals(words(reading), ["> PING", "> PING", "> PING"]);
  assertEquals(reading.frames.map(({ connection }) => connection), [0, 1, 2]);
  const wrong = ascii("8003000600000004 0000x001");
  const pieces = [wrong.subarray(0, 20), wrong.subarray(20)];
  assertEquals((await read([pieces])).warnings, [
    "file: a character that is not a hex digit at offset 21; the rest was not read",
  ]);
});

Deno.test("hex: a last digit that is half a byte is reported", async () => {
  for (const end of ["0", "0\n"]) {
    const { frames, warnings } = await read([
      ascii(`80030006 00000004 00000001 ${end}`),
    ]);
    assertEquals(frames.length, 1);
    assertEquals(warnings, [
      "file: the last hex digit is half a byte; everything before it was read",
    ]);
  }
});

Deno.test("unsupported formats are named, with what to do", async () => {
  const zstd = new Uint8Array([0x28, 0xb5, 0x2f, 0xfd, ...Array(40).fill(0)]);
  const error = await read([zstd]).then(() => undefined, (error) => error);
  assertEquals(error?.message, "file is zstd: unpack it with zstd -d");
});

Deno.test("packets of an unknown link type are counted", async () => {
  const file = pcapFile({ linkType: 105, packets: PACKETS });
  assertEquals((await read([file])).warnings, [
    "2 packets were not read, because their link type 105 is not supported",
  ]);
});

Deno.test("hex: other characters are reported, in whatever piece they arrive", async () => {
  const file = ascii("80030006 00000004 00000001 zz");
  for (const size of [4, 20, 27, file.length]) {
    const pieces: Uint8Array[] = [];
    for (let from = 0; from < file.length; from += size) {
      pieces.push(file.subarray(from, from + size));
    }
    const { frames, warnings } = await read([pieces]);
    assertEquals(frames.length, 1);
    assertEquals(warnings, [
      "file: a character that is not a hex digit at offset 27; the rest was not read",
    ]);
  }
});

Deno.test("packets of which a file has only the beginning are marked", () => {
  const files = [
    pcapFile({ linkType: 101, packets: PACKETS }),
    pcapngFile(101, PACKETS),
  ];
  // The original length of the first packet, after 28 and 32 bytes of blocks.
  const places = [24 + 12, 28 + 32 + 24];
  files.forEach((file, index) => {
    const reader = index === 0 ? new PcapReader() : new PcapngReader();
    new DataView(file.buffer).setUint32(places[index], 2000, true);
    assertEquals(
      [...reader.read(file)].map(({ isCut }) => isCut),
      [true, false],
    );
  });
});

Deno.test("pcapng: TLS secrets after the last packet of a file decrypt the next file", async () => {
  const log = ascii(LOG_12);
  const padded = log.length + (-log.length & 3);
  const block = new Uint8Array(20 + padded);
  const view = new DataView(block.buffer);
  view.setUint32(0, 10, true);
  view.setUint32(4, block.length, true);
  view.setUint32(8, 0x544c534b, true);
  view.setUint32(12, log.length, true);
  block.set(log, 16);
  view.setUint32(block.length - 4, block.length, true);
  const first = concat([pcapngFile(101, PACKETS), block]);
  for (const file of [[first], [first.subarray(0, 70), first.subarray(70)]]) {
    const reading = await read([file, talkTls12(AES_128).file()]);
    assertEquals(words(reading), ["< PING", "> SYN_STREAM 1", "< SYN_REPLY 1"]);
  }
});

import { assert, assertEquals, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { ipv4Packet, pcapFile } from "./packets.ts";
import { ping, read, Talk, words } from "./reading.ts";

const LOST = "headers unreadable: the compression context is lost";
const LATE =
  "headers unreadable: header block does not inflate, the compression context is lost: the first one is not in the capture";

Deno.test("a packet that is missing inside DATA is skipped by its length", async () => {
  const talk = new Talk();
  const body = talk.data(1, "x".repeat(3000), 1);
  talk.send("client", talk.request(1, "/one"));
  talk.send("server", talk.reply(1));
  talk.send("server", body.subarray(0, 1000));
  talk.send("server", body.subarray(1000, 2000));
  talk.send("server", body.subarray(2000));
  talk.send("server", talk.reply(3));
  talk.segments.splice(5, 1);
  const reading = await read([talk.file()]);
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "< SYN_REPLY 1",
    "< DATA 1 ! the capture lacks 1000 of its bytes",
    // No header block can have been lost, so the following ones are read.
    "< SYN_REPLY 3",
  ]);
  assertEquals(reading.frames[2].missing, 1000);
  assertEquals(reading.frames.at(-1)?.frame?.frameType, 2);
  assertEquals(
    reading.payloads.get("0.1<"),
    `${"x".repeat(992)}[1000]${"x".repeat(1008)}`,
  );
});

Deno.test("the next frame after a gap is found, and the skipped bytes are reported", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  const second = talk.request(3, "/two");
  talk.send("client", second.subarray(0, 30));
  talk.send("client", concat([second.subarray(30), ping(1)]));
  talk.send("client", talk.request(5, "/three"));
  talk.segments.splice(3, 1);
  const reading = await read([talk.file()]);
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "> PING",
    `> SYN_STREAM 5 ! ${LOST}`,
  ]);
  assertEquals(reading.notes.map(({ text }) => text), [
    `the capture lacks 30 bytes here; ${
      second.length - 30
    } more skipped up to the next frame`,
  ]);
});

Deno.test("a gap at the very beginning of a direction is searched as well", async () => {
  const talk = new Talk();
  talk.send("client", ping(1)).send("client", ping(3));
  talk.segments.splice(2, 1);
  const reading = await read([talk.file()]);
  assertEquals(words(reading), ["> PING"]);
  assertEquals(reading.notes.map(({ text }) => text), [
    "the capture lacks 12 bytes here",
  ]);
});

Deno.test("DATA after a gap is found with the help of known streams", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  const frames = [1, 2, 3, 4, 5, 6].map((n) =>
    talk.data(1, String(n).repeat(500))
  );
  const all = concat(frames);
  talk.send("server", talk.reply(1));
  talk.send("server", all.subarray(0, 700));
  talk.send("server", all.subarray(700, 1100));
  talk.send("server", all.subarray(1100));
  talk.segments.splice(5, 1);
  const reading = await read([talk.file()]);
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "< SYN_REPLY 1",
    "< DATA 1",
    "< DATA 1 ! the capture lacks 316 of its bytes",
    "< DATA 1",
    "< DATA 1",
    "< DATA 1",
  ]);
  assertEquals(reading.notes.map(({ text, skipped }) => [text, skipped]), [[
    "the capture lacks 84 bytes here; 424 more skipped up to the next frame",
    424,
  ]]);
});

Deno.test("truncated packets are gaps", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  talk.send("server", concat([talk.reply(1), talk.data(1, "y".repeat(900))]));
  talk.send("server", concat([talk.data(1, "z".repeat(200), 1), ping(2)]));
  const packets = talk.segments.map(ipv4Packet).map((packet) =>
    packet.subarray(0, 200)
  );
  const reading = await read([pcapFile({ linkType: 101, packets })]);
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "< SYN_REPLY 1",
    `< DATA 1 ! the capture lacks ${reading.frames[2].missing} of its bytes`,
    `< DATA 1 ! the capture lacks ${reading.frames[3].missing} of its bytes`,
  ]);
  assertEquals(reading.frames[2].missing > 700, true);
});

Deno.test("a capture from the middle shows its first frames without readable headers", async () => {
  const talk = new Talk({ handshake: false });
  talk.request(1, "/one");
  talk.send(
    "client",
    concat([talk.request(3, "/two"), talk.data(3, "hi", 1), ping(1)]),
  );
  const reading = await read([talk.file()]);
  assertEquals(words(reading), [
    `> SYN_STREAM 3 ! ${LATE}`,
    "> DATA 3",
    "> PING",
  ]);
  assertEquals(reading.frames[0].unreadable, true);
  assertEquals(reading.frames[0].frame?.frameType, 1);
});

Deno.test("a capture that begins with the first frame, but without a handshake, is read completely", async () => {
  const talk = new Talk({ handshake: false });
  talk.send("client", talk.request(1, "/one"));
  assertEquals(words(await read([talk.file()])), ["> SYN_STREAM 1"]);
});

Deno.test("a capture that begins inside a frame skips to the next one", async () => {
  const talk = new Talk({ handshake: false });
  const first = talk.request(1, "/one");
  talk.send("client", first.subarray(5));
  talk.send("client", talk.request(3, "/two"));
  const reading = await read([talk.file()]);
  assertEquals(words(reading), [
    `> SYN_STREAM 3 ! ${LATE}`,
  ]);
  assertEquals(reading.notes.map(({ text }) => text), [
    `${first.length - 5} bytes skipped up to the first frame`,
  ]);
});

Deno.test("a missing packet is awaited for 64 packets, and fills its gap if it arrives by then", async () => {
  const talk = new Talk();
  talk.send("client", ping(1)).send("client", ping(3)).send("client", ping(5));
  const [late] = talk.segments.splice(3, 1);
  // The server acknowledges bytes that the capture lacks.
  for (let id = 2; id < 200; id += 2) talk.send("server", ping(id));
  const lost = await read([talk.file()]);
  const at = lost.records.findIndex(({ kind }) => kind === "note");
  assert(
    at > 60 && at < 75,
    `the gap was passed after ${at} records`,
  );
  talk.segments.splice(20, 0, late);
  const complete = await read([talk.file()]);
  assertEquals(complete.notes, []);
  assertEquals(
    words(complete).filter((text) => text === "> PING").length,
    3,
  );
});

Deno.test("one header block that does not inflate leaves the other frames readable", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  const broken = talk.request(3, "/two");
  broken.fill(0xff, 18);
  talk.send("client", broken);
  talk.send("client", concat([talk.request(5, "/three"), ping(1)]));
  const reading = await read([talk.file()]);
  assertEquals(reading.frames.map(({ unreadable }) => unreadable), [
    false,
    true,
    true,
    false,
  ]);
  assert(
    reading.frames[1].error?.startsWith(
      "headers unreadable: header block does not inflate (",
    ),
  );
  assertEquals(reading.frames[2].error, LOST);
});

Deno.test("any packets may be missing: the rest is read, and every byte is accounted for", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const next = new Random(seed);
    const talk = new Talk();
    const sent: string[] = [];
    const stream: Uint8Array[] = [];
    for (let id = 1; id < 60; id += 2) {
      sent.push("SYN_STREAM", "DATA", "PING");
      stream.push(
        talk.request(id, `/${id}`),
        talk.data(id, "d".repeat(next.int(0, 900))),
        ping(id),
      );
    }
    const all = concat(stream);
    for (let at = 0; at < all.length;) {
      const size = next.int(1, 400);
      talk.send("client", all.subarray(at, at + size));
      at += size;
    }
    talk.close("client");
    const kept = talk.segments.filter((_, index) =>
      index < 2 || index === talk.segments.length - 1 || !next.chance(0.05)
    );
    const reading = await read([
      pcapFile({ linkType: 101, packets: kept.map(ipv4Packet) }),
    ]);
    const types = new Set(reading.frames.map(({ type }) => type));
    assertEquals([...types].filter((type) => !sent.includes(type)), []);
    // Frames and gaps cover all bytes.
    let offset = 0;
    const records = reading.records.filter((record) =>
      record.kind === "frame" || record.kind === "note"
    );
    for (const record of records) {
      assertEquals(record.offset, offset, `seed ${seed}`);
      if (record.kind === "frame") offset += 8 + record.length;
      else {
        const missing = /lacks (\d+) bytes/.exec(record.text)?.[1];
        offset += record.skipped + Number(missing ?? 0);
      }
    }
    assertEquals(offset, all.length, `seed ${seed}`);
  }
});

Deno.test("a frame that the end of a capture cuts off counts its remaining bytes as missing", async () => {
  const talk = new Talk();
  const body = talk.data(1, "x".repeat(3000));
  talk.send("client", talk.request(1, "/one"));
  talk.send("server", talk.reply(1));
  talk.send("server", body.subarray(0, 508));
  talk.send("server", body.subarray(508, 1008));
  talk.send("server", body.subarray(1008, 2008));
  talk.segments.splice(-2, 1);
  const reading = await read([talk.file()]);
  const last = reading.frames.at(-1);
  assertEquals(last?.missing, 500 + 1000);
  assertEquals(
    last?.error,
    "the capture lacks 500 of its bytes; frame cut short after 2008 bytes",
  );
  assertEquals(
    reading.payloads.get("0.1<"),
    `${"x".repeat(500)}[500]${"x".repeat(1000)}[1000]`,
  );
});

for (const begin of [10, 12, 16, 18, 20]) {
  Deno.test(`headers are unreadable if a frame lacks bytes from ${begin} on, also if its end is cut off`, async () => {
    const unreadable: boolean[][] = [];
    for (const cut of [0, 1]) {
      const talk = new Talk();
      const request = talk.request(1, "/one");
      talk.send("server", ping(2));
      talk.send("client", request.subarray(0, begin));
      talk.send("client", request.subarray(begin, begin + 2));
      talk.send("client", request.subarray(begin + 2, request.length - cut));
      talk.segments.splice(-2, 1);
      const { frames } = await read([talk.file()]);
      unreadable.push(frames.slice(1).map((frame) => frame.unreadable));
    }
    assertEquals(unreadable, [[true], [true]]);
  });
}

Deno.test("headers are unreadable if a frame is too short for a header block", async () => {
  for (const length of [0, 5, 10]) {
    const talk = new Talk();
    const frame = new Uint8Array(8 + length);
    frame.set([0x80, 3, 0, 1, 0, 0, 0, length]);
    talk.send("client", concat([ping(1), frame]));
    const { frames } = await read([talk.file()]);
    assertEquals(
      frames.map(({ error, unreadable }) => [error, unreadable]),
      [[undefined, false], ["the frame has no header block", true]],
      `${length} bytes`,
    );
  }
});

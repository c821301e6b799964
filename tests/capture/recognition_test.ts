import { assert, assertEquals, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { ping, read, type Reading, Talk, words } from "./reading.ts";

/** The frames of each side, in a connection with DATA of the server. */
function frames(talk: Talk): Record<"client" | "server", Uint8Array[]> {
  return {
    client: [
      talk.request(1, "/one"),
      ping(1),
      talk.request(3, "/two"),
      ping(3),
    ],
    server: [
      talk.reply(1),
      talk.data(1, "x".repeat(500)),
      talk.data(1, "y".repeat(500)),
      talk.data(1, "z".repeat(500), 1),
      talk.reply(3),
      talk.data(3, "z".repeat(100), 1),
    ],
  };
}

/** Offsets at which the pieces begin if they follow each other. */
function offsets(pieces: readonly Uint8Array[]): number[] {
  let at = 0;
  return pieces.map(({ length }) => (at += length) - length);
}

Deno.test("a capture that begins anywhere in one direction shows every frame from there on", async () => {
  for (const side of ["client", "server"] as const) {
    const pieces = frames(new Talk())[side];
    const begins = offsets(pieces);
    const bytes = concat(pieces);
    for (const handshake of [false, true]) {
      for (let cut = 1; cut < bytes.length; cut++) {
        const talk = new Talk({ handshake });
        talk.send(side, bytes.subarray(0, cut));
        talk.segments.pop();
        talk.send(side, bytes.subarray(cut));
        const reading = await read([talk.file()]);
        let expected = begins.filter((begin) => begin >= cut).length;
        // A single DATA frame cannot be recognised.
        if (expected === 1 && side === "server") expected = 0;
        assertEquals(reading.frames.length, expected, `${side} from ${cut}`);
      }
    }
  }
});

Deno.test("a frame that the capture cuts anywhere does not hide the direction", async () => {
  const lost = 20;
  for (const side of ["client", "server"] as const) {
    const pieces = frames(new Talk())[side];
    const begins = offsets(pieces);
    const bytes = concat(pieces);
    for (const handshake of [false, true]) {
      for (let cut = 0; cut < 60; cut++) {
        const talk = new Talk({ handshake });
        if (cut > 0) talk.send(side, bytes.subarray(0, cut));
        talk.send(side, bytes.subarray(cut, cut + lost));
        talk.segments.pop();
        talk.send(side, bytes.subarray(cut + lost));
        const reading = await read([talk.file()]);
        // Complete heads.
        const expected = begins.filter((begin) =>
          begin + 8 <= cut || begin >= cut + lost
        ).length;
        assertEquals(reading.frames.length, expected, `${side} cut at ${cut}`);
      }
    }
  }
});

Deno.test("DATA frames of a stream that was opened before the capture are found because they follow each other", async () => {
  const talk = new Talk({ handshake: false });
  const row = concat(
    Array.from({ length: 7 }, () => talk.data(5, "d".repeat(300))),
  );
  talk.send("server", row.subarray(100));
  const reading = await read([talk.file()]);
  assertEquals(words(reading), Array(6).fill("< DATA 5"));
  assertEquals(reading.notes.map(({ skipped }) => skipped), [208]);
});

Deno.test("a first frame that the capture cuts off is recognised if the other direction is SPDY", async () => {
  const talk = new Talk({ handshake: false });
  const request = talk.request(1, "/one");
  talk.send(
    "client",
    concat([new Uint8Array(30).fill(0x41), request.subarray(0, 40)]),
  );
  talk.send("server", talk.reply(1));
  assertEquals(words(await read([talk.file()])), [
    "< SYN_REPLY 1",
    "> SYN_STREAM 1 ! frame cut short after 40 bytes; headers unreadable",
  ]);
});

Deno.test("one look-alike of a frame head in the middle of a connection is not SPDY", async () => {
  const talk = new Talk({ handshake: false });
  const head = [0x80, 2, 0, 2, 0, 0, 0x1b, 0xdf];
  for (const side of ["client", "server"] as const) {
    const bytes = new Uint8Array(9000).fill(0x31);
    bytes.set(head, 6000);
    for (let at = 0; at < bytes.length; at += 1400) {
      talk.send(side, bytes.subarray(at, at + 1400));
    }
  }
  const { records, others } = await read([talk.file()]);
  assertEquals(records, []);
  assertEquals([...others], [["another protocol", 1]]);
});

/** What other protocols send, generated from a seed. */
const OTHERS: Record<string, (random: Random) => Uint8Array> = {
  "random bytes": (random) => random.bytes(4000),
  "records of TLS": (random) => {
    const records: Uint8Array[] = [];
    for (let size = 0; size < 4000;) {
      const body = random.bytes(random.int(1, 900));
      size += 5 + body.length;
      records.push(
        new Uint8Array([23, 3, 3, body.length >> 8, body.length & 255]),
        body,
      );
    }
    return concat(records);
  },
  "HTTP/1.1": (random) =>
    concat(Array.from({ length: 20 }, () => {
      const body = random.bytes(random.int(0, 300));
      const head =
        `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nx: HELLO THERE\r\n\r\n`;
      return concat([new TextEncoder().encode(head), body]);
    })),
  "frames of HTTP/2": (random) =>
    concat(Array.from({ length: 30 }, () => {
      const body = random.bytes(random.int(0, 300));
      const head = new Uint8Array(9);
      const view = new DataView(head.buffer);
      view.setUint32(0, body.length << 8 | random.int(0, 9));
      head[4] = random.int(0, 5);
      view.setUint32(5, random.int(0, 7));
      return concat([head, body]);
    })),
  "records with type and length": (random) =>
    concat(Array.from({ length: 60 }, () => {
      const body = new Uint8Array(random.int(0, 200));
      const head = new Uint8Array(8);
      const view = new DataView(head.buffer);
      view.setUint32(0, random.int(1, 3));
      view.setUint32(4, body.length);
      return concat([head, body]);
    })),
  "numbers of 32 bits": (random) => {
    const view = new DataView(new ArrayBuffer(4000));
    for (let at = 0; at < 4000; at += 4) {
      view.setUint32(at, random.int(0, 70000));
    }
    return new Uint8Array(view.buffer);
  },
};

Deno.test("other protocols are not taken for SPDY, wherever the capture begins and whatever it lacks", async () => {
  const random = new Random(20);
  for (const [name, make] of Object.entries(OTHERS)) {
    for (let round = 0; round < 60; round++) {
      const talk = new Talk({ handshake: round % 3 === 0 });
      for (const side of ["client", "server"] as const) {
        const bytes = make(random);
        let at = round % 2 === 0 ? random.int(0, 2000) : 0;
        while (at < bytes.length) {
          const size = random.int(1, 1448);
          talk.send(side, bytes.subarray(at, at + size));
          if (random.int(0, 9) === 0) talk.segments.pop();
          at += size;
        }
      }
      const reading: Reading = await read([talk.file()]);
      assertEquals(words(reading), [], `${name}, round ${round}`);
      assert(reading.records.every(({ kind }) => kind === "warning"), name);
    }
  }
});

import { assertEquals, concat } from "../deps.ts";
import { ipv4Packet, pcapFile, type SegmentSpec } from "./packets.ts";
import { ascii, ping, read, type Reading, Talk, words } from "./reading.ts";

const client = { fromPort: 50000, toPort: 6121 };
const server = { fromPort: 6121, toPort: 50000 };
const PINGS = concat([1, 3, 5, 7, 9, 11, 13, 15].map(ping));

async function readSegments(segments: SegmentSpec[]): Promise<Reading> {
  return await read([
    pcapFile({ linkType: 101, packets: segments.map(ipv4Packet) }),
  ]);
}

function ids({ frames }: Reading): number[] {
  return frames.map(({ frame }) =>
    frame !== undefined && "uniqueId" in frame ? frame.uniqueId : -1
  );
}

Deno.test("segments out of order, repeated and overlapping are put in order", async () => {
  const part = (begin: number, end: number): SegmentSpec => ({
    ...client,
    sequence: 1001 + begin,
    bytes: PINGS.subarray(begin, end),
  });
  const reading = await readSegments([
    { ...client, sequence: 1000, syn: true },
    part(40, 70),
    part(0, 40),
    part(30, 80),
    part(0, 40),
    part(70, 96),
  ]);
  assertEquals(ids(reading), [1, 3, 5, 7, 9, 11, 13, 15]);
  assertEquals(reading.notes, []);
});

Deno.test("sequence numbers wrap", async () => {
  const reading = await readSegments([
    { ...client, sequence: 2 ** 32 - 31, syn: true },
    { ...client, sequence: 2 ** 32 - 30, bytes: PINGS.subarray(0, 50) },
    { ...client, sequence: 20, bytes: PINGS.subarray(50) },
  ]);
  assertEquals(ids(reading), [1, 3, 5, 7, 9, 11, 13, 15]);
});

Deno.test("all connections are numbered in the order of their first packet", async () => {
  const other = { fromPort: 4000, toPort: 80 };
  const reading = await readSegments([
    { ...other, sequence: 10, syn: true },
    { ...client, sequence: 10, syn: true },
    { ...client, sequence: 11, bytes: ping(1) },
    // The same SYN again begins no new connection, another one does.
    { ...client, sequence: 10, syn: true },
    { ...client, sequence: 9000, syn: true },
    { ...client, sequence: 9001, bytes: ping(1) },
    { ...server, sequence: 7, acknowledged: 9013, bytes: ping(1) },
  ]);
  assertEquals(
    reading.frames.map(({ connection, fromClient }) => [
      connection,
      fromClient,
    ]),
    [[1, true], [2, true], [2, false]],
  );
});

Deno.test("a connection on the same ports after a FIN or RST has its own number", async () => {
  for (const end of [{ fin: true }, { rst: true }]) {
    const talk = [
      { ...client, sequence: 10, syn: true },
      { ...client, sequence: 11, bytes: ping(1) },
      { ...client, sequence: 23, ...end },
    ];
    const reading = await readSegments([...talk, ...talk]);
    assertEquals(reading.frames.map(({ connection }) => connection), [0, 1]);
  }
});

Deno.test("late packets of a closed connection do not open a new one", async () => {
  const reading = await readSegments([
    { ...client, sequence: 10, syn: true },
    { ...client, sequence: 11, bytes: ping(1) },
    { ...client, sequence: 23, rst: true },
    { ...client, sequence: 11, bytes: ping(1) },
    { ...server, sequence: 5, acknowledged: 23 },
  ]);
  assertEquals(words(reading), ["> PING"]);
});

Deno.test("the client is the end that opened, sends requests, has odd streams, or has the higher port", async () => {
  // From the lower port on: the content shows which side is the client.
  const ports = { fromPort: 5000, toPort: 60000 };
  const back = { fromPort: 60000, toPort: 5000 };
  const talk = new Talk();
  const request = talk.request(1, "/");
  assertEquals(
    words(
      await readSegments([{ ...ports, sequence: 1, syn: true }, {
        ...ports,
        sequence: 2,
        bytes: ping(1),
      }]),
    ),
    ["> PING"],
  );
  assertEquals(
    words(await readSegments([{ ...ports, sequence: 2, bytes: request }])),
    ["> SYN_STREAM 1"],
  );
  assertEquals(
    words(await readSegments([{ ...back, sequence: 2, bytes: talk.reply(1) }])),
    ["< SYN_REPLY 1"],
  );
  assertEquals(
    words(await readSegments([{ ...ports, sequence: 2, bytes: ping(1) }])),
    ["< PING"],
  );
});

Deno.test("the last record of a connection says how it ended", async () => {
  const talk = new Talk();
  talk.send("client", ping(1)).close("client").close("server");
  const ends = async (file: Uint8Array): Promise<string[]> =>
    (await read([file])).records.flatMap((record) =>
      record.kind === "end" ? [record.how] : []
    );
  assertEquals(await ends(talk.file()), ["closed"]);
  const open = new Talk().send("client", ping(1));
  assertEquals(await ends(open.file()), ["capture ended"]);
  open.segments.push({ ...client, sequence: 1013, rst: true });
  assertEquals(await ends(open.file()), ["reset"]);
});

Deno.test("connections with another protocol are counted and not shown", async () => {
  const reading = await readSegments([
    { ...client, sequence: 1, syn: true },
    { ...client, sequence: 2, bytes: ascii("GET / HTTP/1.1\r\n\r\n") },
    { fromPort: 1, toPort: 2, sequence: 1, syn: true },
    { fromPort: 1, toPort: 2, sequence: 2, bytes: ascii("SSH-2.0-x\r\n") },
    { fromPort: 3, toPort: 2, sequence: 1, syn: true },
  ]);
  assertEquals(reading.records, []);
  assertEquals([...reading.others], [["HTTP/1.1", 1], ["another protocol", 1]]);
});

/** A connection whose sides begin at these sequence numbers, with three PINGs of each. */
function exchange(
  client: { fromPort: number; toPort: number },
  clientBegin: number,
  serverBegin: number,
): { opening: SegmentSpec[]; data: SegmentSpec[]; closing: SegmentSpec[] } {
  const back = { fromPort: client.toPort, toPort: client.fromPort };
  const toServer = { ...client, acknowledged: serverBegin + 1 };
  const toClient = { ...back, acknowledged: clientBegin + 1 };
  const data = [0, 1, 2].flatMap((index) => [
    {
      ...toServer,
      sequence: clientBegin + 1 + 12 * index,
      bytes: ping(1 + 2 * index),
    },
    {
      ...toClient,
      sequence: serverBegin + 1 + 12 * index,
      bytes: ping(1 + 2 * index),
    },
  ]);
  return {
    opening: [
      { ...client, sequence: clientBegin, syn: true },
      { ...toClient, sequence: serverBegin, syn: true },
    ],
    data,
    closing: [
      { ...toServer, sequence: clientBegin + 37, fin: true },
      { ...toClient, sequence: serverBegin + 37, fin: true },
    ],
  };
}

const BOTH = [1, 1, 3, 3, 5, 5];

Deno.test("the next connection on the same ports is read although the capture lacks its SYN", async () => {
  for (const [from, to] of [[0x1000, 0x90000000], [0x90000000, 0x1000]]) {
    const first = exchange(client, from, from + 50);
    const next = exchange(client, to, to + 50);
    const before = [...first.opening, ...first.data];
    for (const closing of [first.closing, []]) {
      for (const opening of [next.opening.slice(1), []]) {
        const reading = await readSegments([
          ...before,
          ...closing,
          ...opening,
          ...next.data,
        ]);
        assertEquals(ids(reading), [...BOTH, ...BOTH]);
        assertEquals(reading.notes, []);
        assertEquals(
          new Set(reading.frames.map(({ connection }) => connection)),
          new Set([0]),
        );
      }
    }
  }
});

Deno.test("segments with damaged sequence numbers do not end a connection", async () => {
  const { opening, data } = exchange(client, 1000, 5000);
  const damaged = { ...client, sequence: 0x80000000, bytes: ping(99) };
  const reading = await readSegments([
    ...opening,
    ...data.flatMap((segment) => [segment, damaged]),
  ]);
  assertEquals(ids(reading), BOTH);
});

Deno.test("packets that a RST has overtaken are read", async () => {
  const { opening, data } = exchange(client, 1000, 5000);
  const reset = { ...client, sequence: 1037, rst: true };
  const reading = await readSegments([
    ...opening,
    ...data.slice(0, 2),
    reset,
    ...data.slice(2),
    ...Array.from({ length: 300 }, () => ({
      fromPort: 9,
      toPort: 10,
      sequence: 1,
    })),
    { ...client, sequence: 1037, bytes: ping(7) },
  ]);
  assertEquals(ids(reading), [...BOTH, 7]);
  assertEquals(
    reading.records.flatMap((record) =>
      record.kind === "end" ? [record.how] : []
    ),
    ["reset", "capture ended"],
  );
});

Deno.test("a RST that does not belong to a connection does not end it", async () => {
  const { opening, data } = exchange(client, 1000, 5000);
  for (const sequence of [0x80000000, 1013]) {
    const reading = await readSegments([
      ...opening,
      ...data.slice(0, 2),
      { ...client, sequence, rst: true },
      ...data.slice(2),
    ]);
    assertEquals(ids(reading), BOTH);
    const end = reading.records.at(-1);
    assertEquals(end?.kind === "end" && end.how, "capture ended");
  }
});

Deno.test("at most 64 connections wait for packets that a RST has overtaken", async () => {
  const segments = Array.from({ length: 65 }, (_, index): SegmentSpec[] => {
    const ends = { fromPort: 20000 + index, toPort: 6121 };
    return [
      { ...ends, sequence: 1, syn: true },
      { ...ends, sequence: 2, bytes: ping(1) },
      { ...ends, sequence: 14, rst: true },
    ];
  }).flat();
  const { records } = await readSegments(segments);
  const kinds = records.map(({ kind }) => kind);
  const first = kinds.indexOf("end");
  assertEquals(records.slice(0, first).length, 2 * 65);
});

Deno.test("the end of a connection has the time of its last packet, and so has what was read late", async () => {
  const other = { fromPort: 9, toPort: 10, sequence: 1 };
  const segments: SegmentSpec[] = [
    { ...client, sequence: 1000, syn: true },
    { ...client, sequence: 1001, bytes: ping(1) },
    // The second PING is not in the capture, and the third waits for it.
    { ...client, sequence: 1025, bytes: ping(5) },
    { ...client, sequence: 1037 },
    other,
    other,
  ];
  const file = pcapFile({
    linkType: 101,
    packets: segments.map(ipv4Packet),
    times: [0, 10, 20, 5000, 60_000, 70_000],
  });
  const { records, frames } = await read([file]);
  assertEquals(
    frames.map(({ packet, time }) => [packet, time]),
    [[2, 1010], [4, 6000]],
  );
  const end = records.at(-1);
  assertEquals(end?.kind === "end" && end.time, 6000);
});

Deno.test("a connection with a FIN of both sides is closed, whatever the capture lacks before them", async () => {
  const talk = new Talk();
  talk.send("client", ping(1)).send("server", ping(1)).send("server", ping(2));
  talk.close("client").close("server");
  talk.segments.splice(4, 1);
  const { records, notes } = await read([talk.file()]);
  const end = records.at(-1);
  assertEquals(end?.kind === "end" && end.how, "closed");
  assertEquals(notes.map(({ text }) => text), [
    "the capture lacks 12 bytes here",
  ]);
});

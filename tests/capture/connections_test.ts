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

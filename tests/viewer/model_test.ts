/** What the page of captures shows, without a browser. */

import type { FrameRecord } from "../../capture/mod.ts";
import {
  FrameEncoder,
  PROTO_SPDY3_1,
  RST_STREAM,
  SETTINGS,
} from "../../frame/mod.ts";
import { assert, assertEquals, assertLess, concat } from "../deps.ts";
import { ping, read, Talk } from "../capture/reading.ts";
import { windowCurves } from "../../viewer/curves.ts";
import { inputOf, isKeyLog, readCaptures } from "../../viewer/input.ts";
import {
  type Connection,
  filterRows,
  Model,
  type RowFilter,
} from "../../viewer/model.ts";
import {
  formsOf,
  hexText,
  joinPayloads,
  payloadText,
  unpacked,
} from "../../viewer/payload_text.ts";
import { phasesOf, resultOf, streamBar } from "../../viewer/waterfall.ts";

const ALL: RowFilter = {
  search: "",
  type: "",
  side: "",
  stream: undefined,
  onlyBad: false,
  range: undefined,
};
const encode = (text: string): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(text);
const payload = (bytes: Uint8Array<ArrayBuffer>) => ({
  bytes,
  gaps: [],
  left: 0,
});

/** The model of a capture. */
async function modelOf(file: Uint8Array): Promise<Model> {
  const { model } = await readCaptures(
    [inputOf("file", file)],
    [],
    () => {},
    new AbortController().signal,
  );
  return model;
}

async function connectionOf(talk: Talk): Promise<Connection> {
  const { connections } = await modelOf(talk.file());
  assertEquals(connections.size, 1);
  return connections.values().next().value!;
}

function rst(streamId: number, statusCode: number): Uint8Array {
  return new FrameEncoder(PROTO_SPDY3_1).encode({
    frameType: RST_STREAM,
    version: 3,
    flags: 0,
    length: 8,
    streamId,
    statusCode,
  });
}

/** A conversation with a request, its reply, and a stream that is reset. */
function smallTalk(): Talk {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/first"));
  talk.send("server", talk.reply(1));
  talk.send("server", talk.data(1, "Hello, world", 1));
  talk.send("client", talk.request(3, "/second"));
  talk.send("server", rst(3, 5));
  return talk;
}

Deno.test("page: frames become lines and streams, with names for numbers", async () => {
  const { rows, streams, faults } = await connectionOf(smallTalk());
  assertEquals(
    rows.map(({ type, streamId, text, isBad }) => [
      type,
      streamId,
      text.split("   ")[0],
      isBad,
    ]),
    [
      ["SYN_STREAM", 1, "GET /first", false],
      ["SYN_REPLY", 1, "200", false],
      ["DATA", 1, "FIN", false],
      ["SYN_STREAM", 3, "GET /second", false],
      ["RST_STREAM", 3, "CANCEL", true],
    ],
  );
  assertEquals(faults, 1);
  const [first, second] = [...streams.values()];
  assertEquals(first.label, "GET /first");
  assertEquals([resultOf(first), resultOf(second)], ["200", "CANCEL"]);
  assertEquals(first.bytes, { client: 0, server: 12 });
  assertEquals(first.fin, { client: true, server: true });
  assertEquals(second.reset!.fromClient, false);
  assertEquals(
    phasesOf(first).map(({ name, begin, end }) => [name, end - begin]),
    [["waiting", 1], ["headers, before data", 1], ["data", 0]],
  );
});

Deno.test("page: GOAWAY and SETTINGS have names", async () => {
  const talk = new Talk();
  talk.send(
    "client",
    new FrameEncoder(PROTO_SPDY3_1).encode({
      frameType: SETTINGS,
      version: 3,
      flags: 0,
      length: 12,
      iv: [[7, 0, 65536]],
    }),
  );
  talk.send(
    "server",
    Uint8Array.of(0x80, 3, 0, 7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 1),
  );
  const { rows } = await connectionOf(talk);
  assertEquals(rows.map(({ text }) => text), [
    "INITIAL_WINDOW_SIZE = 65536",
    "last stream 0, PROTOCOL_ERROR",
  ]);
});

Deno.test("page: filters find types, sides, streams, problems, times, headers and payload", async () => {
  const { rows } = await connectionOf(smallTalk());
  const found = (filter: Partial<RowFilter>): number[] =>
    filterRows(rows, { ...ALL, ...filter }).map((row) => rows.indexOf(row));
  assertEquals(found({}), [0, 1, 2, 3, 4]);
  assertEquals(found({ type: "DATA" }), [2]);
  assertEquals(found({ side: "client" }), [0, 3]);
  assertEquals(found({ stream: 3 }), [3, 4]);
  assertEquals(found({ onlyBad: true }), [4]);
  assertEquals(found({ search: "EXAMPLE.test" }), [0, 3]);
  assertEquals(found({ search: ":path: /second" }), [3]);
  assertEquals(found({ search: "hello, W" }), [2]);
  assertEquals(found({ search: "cancel" }), [4]);
  assertEquals(found({ search: "hello", side: "client" }), []);
  const { time } = rows[2].record;
  assertEquals(found({ range: [time, time] }), [2]);
});

Deno.test("page: payload in pieces is joined in linear time, and its first 64 KiB are kept", () => {
  const place = {
    connection: 3,
    fromClient: true,
    from: "a:1",
    to: "b:2",
    offset: 0,
    packet: 1,
    time: 10,
  };
  const model = new Model();
  model.add({
    kind: "connection",
    connection: 3,
    client: "a:1",
    server: "b:2",
    time: 10,
    complete: true,
  });
  // The number of visits to pieces is counted, instead of measuring time.
  let looks = 0;
  const COUNT = 70_000;
  for (let index = 0; index < COUNT; index++) {
    const bytes: Uint8Array = new Proxy(Uint8Array.of(index), {
      get(target, name): unknown {
        if (name === "length" && ++looks > 10 * COUNT) {
          throw new Error("the pieces that are there are looked at again");
        }
        // A stored piece is counted as well.
        return name === "slice"
          ? (begin: number, end: number) =>
            end > begin ? bytes : target.slice(0, 0)
          : Reflect.get(target, name, target);
      },
    });
    model.addPayload({
      connection: 3,
      fromClient: true,
      streamId: 1,
      bytes,
      missing: 0,
    });
  }
  const record: FrameRecord = {
    ...place,
    kind: "frame",
    type: "DATA",
    frame: { frameType: 0, streamId: 1, flags: 0, length: COUNT },
    streamId: 1,
    version: 0,
    flags: 0,
    length: COUNT,
    missing: 0,
    headerBytes: undefined,
    unreadable: false,
    error: undefined,
  };
  model.add(record);
  const [{ payload }] = model.connections.get(3)!.rows;
  assertEquals(payload!.bytes.length, 65_536);
  assertEquals(payload!.left, COUNT - 65_536);
  assert(payload!.bytes.every((byte, index) => byte === (index & 0xff)));
  assert(
    payloadText(payload!, "hex").endsWith(
      "4464 more bytes are not kept in this page]",
    ),
  );
});

Deno.test("page: payload with a gap shows where bytes are missing", async () => {
  const talk = new Talk();
  const bytes = talk.data(1, "one two three four", 0);
  talk.send("client", talk.request(1, "/"));
  talk.send("server", talk.reply(1));
  talk.send("server", bytes.subarray(0, 12));
  talk.send("server", bytes.subarray(12, 16));
  talk.send("server", bytes.subarray(16));
  talk.segments.splice(-2, 1);
  const { rows } = await connectionOf(talk);
  const data = rows.find(({ type }) => type === "DATA")!;
  assertEquals(
    payloadText(data.payload!, "text"),
    "one \n[the capture lacks 4 bytes here]\nthree four",
  );
});

Deno.test("page: a payload is shown as JSON, as text, or as hex digits", () => {
  const shown = (bytes: Uint8Array<ArrayBuffer>): [string, string] => {
    const [form] = formsOf(payload(bytes));
    return [form, payloadText(payload(bytes), form)];
  };
  assertEquals(shown(encode('{"a":1}')), ["json", '{\n  "a": 1\n}']);
  assertEquals(shown(encode("hello\r\n\tyou")), ["text", "hello\n\tyou"]);
  // Half a character at the end of a frame does not make the payload binary.
  assertEquals(shown(encode("caf\u00e9").slice(0, 4)), ["text", "caf"]);
  const binary = Uint8Array.of(0xff, 0x41);
  assertEquals(shown(binary), ["hex", hexText(binary)]);
  assert(hexText(binary).startsWith("000000  ff 41 "));
  assert(hexText(binary).endsWith("  .A"));
});

Deno.test("page: the payloads of a stream are joined up to the first bytes that were not kept", () => {
  const joined = joinPayloads([
    { bytes: encode("one "), gaps: [[1, 5]], left: 0 },
    { bytes: encode("two "), gaps: [[4, 7]], left: 0 },
    { bytes: encode("three"), gaps: [], left: 9 },
    { bytes: encode("four"), gaps: [], left: 0 },
  ]);
  assertEquals(
    payloadText(joined, "text"),
    [
      "o",
      "[the capture lacks 5 bytes here]",
      "ne two ",
      "[the capture lacks 7 bytes here]",
      "three",
      "[9 more bytes are not kept in this page]",
    ].join("\n"),
  );
});

Deno.test("page: gzip is decompressed: complete, truncated, and up to a limit", async () => {
  const zip = async (text: string): Promise<Uint8Array<ArrayBuffer>> =>
    new Uint8Array(
      await new Response(
        new Blob([text]).stream().pipeThrough(new CompressionStream("gzip")),
      ).arrayBuffer(),
    );
  const small = await zip('{"a": "b"}');
  assertEquals(unpacked(payload(small))!.bytes, encode('{"a": "b"}'));
  assertEquals(unpacked(payload(encode("text"))), undefined);
  const words = Array.from({ length: 9000 }, (_, index) => index).join(" ");
  const half = (await zip(words)).slice(0, 9000);
  const text = new TextDecoder().decode(unpacked(payload(half))!.bytes);
  assert(text.length > 1000 && words.startsWith(text));
  const bomb = await zip("0".repeat(30 << 20));
  const shown = unpacked(payload(bomb))!;
  assertEquals(shown.bytes.length, 1 << 20);
  // The text ends with a note on what is missing.
  const note = (bytes: Uint8Array<ArrayBuffer>, left = 0): string => {
    const text = payloadText(unpacked({ bytes, gaps: [], left })!, "text");
    return /\n(\[.*\])$/.exec(text)?.[1] ?? "";
  };
  assertEquals(note(bomb), "[only the first MiB is unpacked]");
  assertEquals(note(await zip("0".repeat(1 << 20))), "");
  assertEquals(note(half), "[the packed payload is not complete]");
  assertEquals(
    note(half, 5),
    "[5 more bytes, packed, are not kept in this page]",
  );
  // A stored block with three bytes, and one of the type 3, which does not exist.
  const damaged = new Uint8Array(19);
  damaged.set([0x1f, 0x8b, 8]);
  damaged.set([0, 3, 0, 0xfc, 0xff, 0x61, 0x62, 0x63, 7], 10);
  assertEquals(note(damaged), "[the packed payload is damaged here]");
  small[small.length - 12] ^= 0xff;
  unpacked(payload(small));
});

Deno.test("page: the first MiB of a long payload is shown", () => {
  const long = payload(new Uint8Array(3 << 20).fill(0x61));
  for (const form of formsOf(long)) {
    const text = payloadText(long, form);
    assertLess(text.length, 6 << 20);
    assert(
      text.endsWith("\n[2097152 more bytes are not shown; Save writes them]"),
    );
  }
});

Deno.test("page: JSON that indentation would make far too long is shown without it", () => {
  const nested = (depth: number, inside: string): string =>
    "[".repeat(depth) + inside + "]".repeat(depth);
  for (
    const text of [
      nested(3000, ""),
      nested(100, "1,".repeat(300_000) + "1"),
      nested(100_000, ""),
    ]
  ) {
    const long = payload(encode(text));
    assertEquals(formsOf(long), ["text", "hex"]);
    assertEquals(payloadText(long, "text"), text);
  }
  // Brackets and commas in strings are not nested.
  const flat = JSON.stringify(['[{,\\"'.repeat(50_000), { a: ["\\"] }]);
  assertEquals(
    payloadText(payload(encode(flat)), "json"),
    JSON.stringify(JSON.parse(flat), null, 2),
  );
  const list = JSON.stringify(Array.from({ length: 100_000 }, () => [1, 2]));
  assertEquals(formsOf(payload(encode(list)))[0], "json");
});

Deno.test("page: hex digits fit in narrow panels", () => {
  const lines = hexText(new Uint8Array(20).fill(0x41), 0, 8).split("\n");
  assertEquals(lines.length, 3);
  assertEquals(lines[0], "000000  41 41 41 41 41 41 41 41  AAAAAAAA");
  assertEquals(lines[2], "000010  41 41 41 41              AAAA");
});

Deno.test("page: characters that change the direction of text are escaped", () => {
  assertEquals(
    payloadText(payload(encode("a\u202egnp.exe\x1b[1m")), "text"),
    "a\\u{202e}gnp.exe\\x1b[1m",
  );
});

Deno.test("page: the curve of a window has its steps and the times when it was used up", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/"));
  talk.send("server", talk.reply(1));
  for (let index = 0; index < 4; index++) {
    talk.send("server", talk.data(1, "x".repeat(16384)));
  }
  for (const streamId of [0, 1]) {
    talk.send(
      "client",
      concat([
        Uint8Array.of(0x80, 3, 0, 9, 0, 0, 0, 8, 0, 0, 0, streamId),
        Uint8Array.of(0, 0, 0x80, 0),
      ]),
    );
  }
  talk.send("server", talk.data(1, "end", 1));
  const connection = await connectionOf(talk);
  const [session, stream] = windowCurves(connection, false, [0, 1])!;
  assertEquals(session.values, [65536, 49152, 32768, 16384, 0, 32768, 32765]);
  assertEquals(session.stalls.map(([begin, end]) => end - begin), [1]);
  assertEquals(stream.values, [65536, 49152, 32768, 16384, 0, 32768]);
  assertEquals(stream.stalls.map(([begin, end]) => end - begin), [2]);
  assertEquals(stream.end, connection.end);
  assertEquals(connection.summary!.stalls!.map(({ count }) => count), [1, 1]);
  const [idle] = windowCurves(connection, true, [0])!;
  assertEquals(idle.values, [65536]);
});

Deno.test("page: a window that its sender ignores has no curve, nor has one without a beginning", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/"));
  talk.send("server", talk.reply(1));
  const tooMuch = talk.data(1, "x".repeat(70_000));
  talk.send("server", tooMuch.subarray(0, 40_000));
  talk.send("server", tooMuch.subarray(40_000));
  const [session] = windowCurves(await connectionOf(talk), false, [0])!;
  assertEquals(session.isObeyed, false);
  const late = new Talk({ handshake: false });
  late.send("client", late.request(1, "/"));
  assertEquals(windowCurves(await connectionOf(late), false, [0]), undefined);
});

Deno.test("page: the bar of a stream stays within its time, with one mark for frames in the same pixel", async () => {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/"));
  talk.send("server", talk.reply(1));
  for (let index = 0; index < 1000; index++) {
    talk.send("server", talk.data(1, "x"));
  }
  talk.send("client", rst(1, 5));
  const { streams, begin, end } = await connectionOf(talk);
  const stream = streams.get(1)!;
  for (const range of [[begin, end], [begin + 100, begin + 101]] as const) {
    const shapes = streamBar(stream, range, 300, 22);
    assertLess(shapes.length, 10);
    for (const shape of shapes) {
      if (shape.kind !== "rect") throw new Error(shape.kind);
      assert(shape.x >= -1 && shape.x + shape.width <= 303, String(shape.x));
    }
  }
  assertEquals(streamBar(stream, [end + 10, end + 20], 300, 22), []);
});

Deno.test("page: readable parts of several files are shown, and the rest becomes warnings", async () => {
  const zip = concat([Uint8Array.of(0x50, 0x4b, 3, 4), new Uint8Array(60)]);
  const gone = {
    ...inputOf("gone.pcap", new Uint8Array(100)),
    read: () => Promise.reject(new Error("it has changed")),
  };
  const file = smallTalk().file();
  const { model } = await readCaptures(
    [
      inputOf("a.zip", zip),
      gone,
      inputOf("cut.pcap", file.subarray(0, file.length - 5)),
    ],
    [],
    () => {},
    new AbortController().signal,
  );
  assertEquals(model.connections.values().next().value!.rows.length, 4);
  assertEquals(model.warnings.length, 3);
  assert(model.warnings[0].includes("a.zip"), model.warnings[0]);
  assert(model.warnings[1].includes("it has changed"), model.warnings[1]);
  assert(model.warnings[2].includes("cut.pcap"), model.warnings[2]);
});

Deno.test("page: of a key log that is too long, the part that is left out is reported", async () => {
  const keys = {
    name: "keys.log",
    size: (1 << 24) + 1,
    read: () => Promise.resolve(encode("# nothing\n")),
  };
  const { model } = await readCaptures(
    [inputOf("a", ping(1))],
    [keys],
    () => {},
    new AbortController().signal,
  );
  assertEquals(model.warnings, [
    "keys.log: only the first 16 MiB of this key log are used",
  ]);
});

Deno.test("page: a key log is distinguished from a capture", async () => {
  const line = `# keys\nCLIENT_RANDOM ${"ab".repeat(32)} ${"cd".repeat(48)}\n`;
  assertEquals(await isKeyLog(inputOf("keys", encode(line))), true);
  assertEquals(await isKeyLog(inputOf("hex", encode("8003 0001"))), false);
  const file = smallTalk().file();
  assertEquals(await isKeyLog(inputOf("pcap", file)), false);
  // The same frames as without the page.
  assertEquals((await read([file])).frames.length, 5);
});

Deno.test("the next connection on the same ports does not replace the rows of the former", async () => {
  const talk = smallTalk().close("client").close("server");
  const rows = (await connectionOf(talk)).rows.length;
  const next = { fromPort: 50000, toPort: 6121, sequence: 0x70000000 };
  talk.segments.push({ ...next, bytes: ping(1) });
  const connection = await connectionOf(talk);
  assertEquals([connection.rows.length, connection.isComplete], [
    rows + 1,
    false,
  ]);
});

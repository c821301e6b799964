/** Peers that speak another protocol: nothing that they send is executed. */

import { assert, assertEquals, assertStringIncludes, concat } from "../deps.ts";
import {
  CLIENT,
  connect,
  Connection,
  ConnectionClosedError,
  type ConnectionTuning,
  FrameEncoder,
  GOAWAY,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  serve,
  SERVER,
  SETTINGS,
  WINDOW_UPDATE,
} from "../../mod.ts";
import type { CtrlFrame } from "../../mod.ts";
import { frameName } from "../../frame/names.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { assertFetchFails, REQUEST, VERSIONS } from "../helpers/http.ts";
import { Random } from "../helpers/random.ts";
import {
  headers,
  RawPeer,
  rstStream,
  synReply,
  synStream,
} from "./raw_peer.ts";

const UTF8 = new TextEncoder();

/** The servers: with windows, and without. */
const SERVERS: readonly (ConnectionTuning & { version: ProtocolVersion })[] = [
  ...VERSIONS.map((version) => ({ version })),
  { version: PROTO_SPDY3_1, flowControl: false },
  { version: PROTO_SPDY3, flowControl: false },
];

/** How SPDY reads a request line: "POST /!!" is the head of a DATA frame of 0x2f2121 bytes. */
const TARGET = "/!!";
const FRAME_END = 8 + 0x2f2121;
/** All bodies have this length, so that the heads before them have one length. */
const BODY_SIZE = FRAME_END + 1024;
/** The first bytes of what a page can choose. */
const MARK = "here it begins";

/** Bodies that a page can send to any origin without a preflight request. */
const KINDS: Readonly<Record<string, (own: Uint8Array) => BodyInit>> = {
  "text/plain": (own) => new Blob([own.slice()], { type: "text/plain" }),
  "multipart/form-data": (own) => {
    const form = new FormData();
    form.set("file", new Blob([own.slice()]), "a");
    return form;
  },
  "no type": (own) => own.slice(),
};

/**
 * What the page chooses: filling, and a request of SPDY at the place where the
 * frame of the request line ends.
 */
function chosen(head: number, version: ProtocolVersion): Uint8Array {
  const own = new Uint8Array(BODY_SIZE).fill(0x61);
  own.set(UTF8.encode(MARK));
  const nv = REQUEST.map(([name, value]): [string, string] => [name, value]);
  const forged = new FrameEncoder(version).encode(
    synStream(1, { flags: 1, nv: [...nv, ["authorization", "forged"]] }),
  );
  own.set(forged, FRAME_END - head);
  return own;
}

/** Everything that `fetch` sends for a body, and the position of what the page chooses. */
async function recorded(body: BodyInit): Promise<[Uint8Array, number]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const sent = fetch(`http://127.0.0.1:${port}${TARGET}`, {
    method: "POST",
    body,
  }).catch(() => {});
  const parts: Uint8Array[] = [];
  using conn = await listener.accept();
  for (let length = 0; length < BODY_SIZE + 64;) {
    const buffer = new Uint8Array(65536);
    const size = await conn.read(buffer);
    if (size === null) throw new Error("fetch ended early");
    parts.push(buffer.subarray(0, size));
    length += size;
  }
  await conn.write(UTF8.encode("HTTP/1.1 204 No Content\r\n\r\n"));
  await sent;
  const all = concat(parts);
  const begin = new TextDecoder("latin1").decode(all.subarray(0, 4096));
  assert(begin.includes(MARK));
  return [all, begin.indexOf(MARK)];
}

/**
 * Sends these bytes to a connection in pieces; resolves to how it ended and to
 * the streams that it accepted.
 */
async function told(
  pieces: Iterable<Uint8Array>,
  options: ConnectionTuning & { version: ProtocolVersion; side?: 1 | 2 },
): Promise<{ error: unknown; streams: number }> {
  const [left, right] = memoryStreams();
  const { side = SERVER } = options;
  const connection = new Connection(right, {
    ...options,
    side,
    closeTimeout: 1,
  });
  if (side === CLIENT) connection.openStream([[":path", "/"]]).catch(() => {});
  left.readable.pipeTo(new WritableStream()).catch(() => {});
  let streams = 0;
  const taking = (async () => {
    for await (const _ of connection) streams++;
  })().catch(() => {});
  const writer = left.writable.getWriter();
  try {
    for (const piece of pieces) await writer.write(piece);
    await writer.close();
  } catch {
    // The connection had ended before that.
  }
  const error = await connection.closed.then(() => undefined, (e) => e);
  await taking;
  return { error, streams };
}

/** The error of a connection whose peer has ended. */
function messageOf(error: unknown): string {
  if (!(error instanceof ConnectionClosedError)) {
    throw new Error(`it ended with ${error}`);
  }
  assertEquals(error.initiator, "remote");
  return error.message;
}

function* cut(bytes: Uint8Array, random: Random): Iterable<Uint8Array> {
  for (let begin = 0; begin < bytes.length;) {
    const size = random.int(1, random.chance(0.3) ? 3 : 200_000);
    yield bytes.slice(begin, begin += size);
  }
}

for (const [kind, makeBody] of Object.entries(KINDS)) {
  Deno.test(`other protocols: an HTTP POST with a SPDY request in its body is refused, ${kind}`, async () => {
    const [, begin] = await recorded(makeBody(chosen(100, PROTO_SPDY3)));
    for (const options of SERVERS) {
      const body = makeBody(chosen(begin, options.version));
      let handled = 0;
      await using server = serve(
        { hostname: "127.0.0.1", port: 0, onListen() {}, ...options },
        () => new Response(`${++handled}`),
      );
      const { port } = server.addr;
      await fetch(`http://127.0.0.1:${port}${TARGET}`, {
        method: "POST",
        body,
      }).then((response) => response.body?.cancel(), () => {});
      // The server accepts other connections, and their request is the first
      // one.
      await using client = await connect({ port, ...options });
      assertEquals(await (await client.fetch("/")).text(), "1");
      assertEquals(handled, 1);
    }
  });

  Deno.test(`other protocols: it is refused in segments of any size, ${kind}`, async () => {
    const random = new Random(kind.length);
    const [, begin] = await recorded(makeBody(chosen(100, PROTO_SPDY3)));
    for (const options of SERVERS) {
      const [bytes, again] = await recorded(
        makeBody(chosen(begin, options.version)),
      );
      assertEquals(again, begin);
      for (let round = 0; round < 4; round++) {
        const { error, streams } = await told(cut(bytes, random), options);
        assertEquals(streams, 0);
        messageOf(error);
      }
    }
  });
}

/** The first bytes of other protocols, and the name that the error gives. */
const OTHERS: readonly (readonly [bytes: string, what: string])[] = [
  ["GET / HTTP/1.1\r\nhost: a\r\n\r\n", "an HTTP/1.1 request"],
  ["OPTIONS * HTTP/1.1\r\n\r\n", "an HTTP/1.1 request"],
  ["POST /!! HTTP/1.0\r\n\r\n", "an HTTP/1.1 request"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "the preface of HTTP/2"],
  ["HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP/1.1 response"],
  ["PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "a header of the PROXY protocol"],
  ["\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c", "a header of the PROXY protocol"],
  ["SSH-2.0-OpenSSH_9.6\r\n", "SSH"],
  ["\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "a TLS handshake"],
  ["\x15\x03\x01\0\x02\x02\x16", "a TLS alert"],
  ["\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80", "SETTINGS of HTTP/2"],
  ["\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7", "ff fe fd fc fb fa f9 f8"],
  ["\0\0\0\x03\0\0\0\x01x", "00 00 00 03"],
];

/** Frames of the right version for a stream that was not opened, by type. */
const STRAYS: readonly (readonly [bytes: string, type: number])[] = [
  ["\x80\x03\0\x02\0\0\0\x08\0\0\0\x05\0\0\0\0", 2],
  ["\x80\x03\0\x03\0\0\0\x08\0\0\0\x05\0\0\0\x01", 3],
  ["\x80\x03\0\x08\0\0\0\x08\0\0\0\x05\0\0\0\0", 8],
  ["\x80\x03\0\x09\0\0\0\x08\0\0\0\x05\0\0\0\x01", 9],
];

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

for (const side of [CLIENT, SERVER] as const) {
  const sideName = side === CLIENT ? "client" : "server";
  Deno.test(`other protocols: the error names the protocol of the peer, ${sideName}`, async () => {
    for (const [text, what] of OTHERS) {
      const bytes = latin1(text);
      const options = { version: PROTO_SPDY3_1, side };
      const { error } = await told([bytes], options);
      const peer = side === SERVER ? "client" : "server";
      const told0 = `the ${peer} does not speak SPDY/3.1: it began with `;
      assertStringIncludes(messageOf(error), told0);
      assertStringIncludes(messageOf(error), what);
      // Byte by byte, and cut anywhere: the error may know less, but the
      // connection ends in the same way.
      for (let at = 1; at < Math.min(bytes.length, 14); at++) {
        const pieces = [bytes.slice(0, at), bytes.slice(at)];
        const { error, streams } = await told(pieces, options);
        assertStringIncludes(
          messageOf(error),
          "does not speak",
          `cut at ${at}`,
        );
        assertEquals(streams, 0);
      }
    }
  });

  Deno.test(`other protocols: a first frame for a stream that was not opened is refused, ${sideName}`, async () => {
    for (const [text, type] of STRAYS) {
      const bytes = latin1(text);
      for (let at = 0; at < bytes.length; at++) {
        const { error } = await told(
          [bytes.slice(0, at), bytes.slice(at)].filter(({ length }) => length),
          { version: PROTO_SPDY3_1, side },
        );
        assertStringIncludes(
          messageOf(error),
          `sent ${frameName(type)} first, for a stream that this side has not`,
        );
      }
    }
  });

  Deno.test(`other protocols: the error names another version of SPDY, ${sideName}`, async () => {
    const ping = (version: ProtocolVersion): Uint8Array =>
      new FrameEncoder(version).encode(control(version, PING));
    for (
      const [version, other, message] of [
        [
          PROTO_SPDY2,
          PROTO_SPDY3,
          "speaks SPDY/3 or SPDY/3.1, but this side speaks SPDY/2:",
        ],
        [
          PROTO_SPDY3,
          PROTO_SPDY2,
          "speaks SPDY/2, but this side speaks SPDY/3:",
        ],
        [
          PROTO_SPDY3_1,
          PROTO_SPDY2,
          "speaks SPDY/2, but this side speaks SPDY/3.1:",
        ],
      ] as const
    ) {
      const { error } = await told([ping(other)], { version, side });
      assertStringIncludes(messageOf(error), message);
    }
  });
}

function control(
  version: ProtocolVersion,
  frameType: 4 | 6 | 7 | 9,
): CtrlFrame {
  const head = {
    version: version === PROTO_SPDY2 ? 2 : 3,
    flags: 0,
    length: 0,
  };
  switch (frameType) {
    case SETTINGS:
      return { ...head, frameType, iv: [[4, 0, 10]] };
    case PING:
      return { ...head, frameType, uniqueId: 1 };
    case GOAWAY:
      return { ...head, frameType, lastGoodStreamId: 0, statusCode: 0 };
    case WINDOW_UPDATE:
      return { ...head, frameType, streamId: 0, deltaWindowSize: 1 };
  }
}

Deno.test("other protocols: every valid first frame of a client is accepted, byte by byte", async () => {
  for (const version of VERSIONS) {
    const wire = version === PROTO_SPDY2 ? 2 : 3;
    const encoder = new FrameEncoder(version);
    const firsts = [
      ...[SETTINGS, PING, GOAWAY].map((type) =>
        encoder.encode(control(version, type as 4 | 6 | 7))
      ),
      latin1(`\x80${String.fromCharCode(wire)}\0\x05\0\0\0\0`),
      latin1(`\x80${String.fromCharCode(wire)}\0\x0a\0\0\0\x02ab`),
      latin1(`\x80${String.fromCharCode(wire)}\x12\x34\0\0\0\x02ab`),
      ...wire === 3 ? [encoder.encode(control(version, WINDOW_UPDATE))] : [],
    ];
    for (const first of firsts) {
      const syn = new FrameEncoder(version).encode(synStream(1, { flags: 1 }));
      const isGoaway = first[3] === GOAWAY;
      const bytes = concat([first, syn]);
      const { error, streams } = await told(
        [...bytes as Uint8Array].map((byte) => Uint8Array.of(byte)),
        { version },
      );
      const text = error instanceof Error ? error.message : "";
      assert(!text.includes("does not speak"), text);
      assertEquals(streams, isGoaway ? 0 : 1);
    }
  }
});

Deno.test("other protocols: a server may begin with any frame for a stream that was opened", async () => {
  const begins: ((peer: RawPeer) => Promise<void>)[] = [
    (peer) => peer.send(synReply(1)),
    (peer) => peer.send(headers(1)),
    (peer) => peer.send(rstStream(1)),
    (peer) =>
      peer.send({
        ...BASE,
        frameType: WINDOW_UPDATE,
        streamId: 1,
        deltaWindowSize: 1,
      }),
  ];
  for (const begin of begins) {
    const [left, right] = memoryStreams();
    const client = new Connection(left, {
      side: CLIENT,
      version: PROTO_SPDY3,
      closeTimeout: 1,
    });
    const peer = new RawPeer(right, PROTO_SPDY3, true);
    await client.openStream([[":path", "/"]]);
    await begin(peer);
    // Whatever happens to the stream, the session continues.
    await peer.ping();
    assert(!peer.over);
    await client.close();
    peer.close();
  }
});

const BASE = { version: 3, flags: 0, length: 0 } as const;

Deno.test("other protocols: the error of fetch says that the server speaks HTTP/1.1", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("x"),
  );
  await using client = await connect({ port: server.addr.port });
  await assertFetchFails(
    () => client.fetch("/"),
    ConnectionClosedError,
    "the server does not speak SPDY/3.1: it began with an HTTP/1.1 response",
  );
});

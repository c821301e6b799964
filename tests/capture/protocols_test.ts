import { assertEquals, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { ascii, ping, read, type Reading, Talk, words } from "./reading.ts";

const REQUEST = ascii(
  "POST /exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nContent-Length: 0\r\n\r\n",
);
const TUNNEL = ascii(
  "GET /portforward HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n",
);

function heads({ records }: Reading): string[] {
  return records.flatMap((record) =>
    record.kind === "head" ? [record.line] : []
  );
}

/** A message of a WebSocket, from a client with a mask. */
function message(
  payload: Uint8Array,
  opcode: number,
  mask?: number[],
): Uint8Array {
  const bit = mask === undefined ? 0 : 0x80;
  const size = payload.length < 126
    ? [bit | payload.length]
    : [bit | 126, payload.length >> 8, payload.length & 255];
  return concat([
    new Uint8Array([0x80 | opcode, ...size, ...(mask ?? [])]),
    mask === undefined
      ? payload
      : payload.map((byte, index) => byte ^ mask[index % 4]),
  ]);
}

Deno.test("an upgrade: both directions are read, whatever reason follows the 101", async () => {
  for (const words101 of ["101 Switching Protocols", "101", "101 ", "101 OK"]) {
    const talk = new Talk();
    talk.send("client", REQUEST);
    const answer = ascii(
      `HTTP/1.1 ${words101}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n`,
    );
    talk.send("server", answer);
    talk.send("client", talk.request(1, "/one"));
    talk.send("server", talk.reply(1));
    const reading = await read([talk.file()]);
    assertEquals(words(reading), ["> SYN_STREAM 1", "< SYN_REPLY 1"]);
    assertEquals(heads(reading), [
      "POST /exec HTTP/1.1",
      `HTTP/1.1 ${words101}`,
    ]);
    assertEquals(reading.frames.map(({ offset }) => offset), [
      REQUEST.length,
      answer.length,
    ]);
  }
});

Deno.test("an upgrade in pieces is read, after other requests with bodies of all kinds", async () => {
  const talk = new Talk();
  const client = concat([
    ascii("GET /a HTTP/1.1\r\n\r\n"),
    ascii("HEAD /b HTTP/1.1\r\n\r\n"),
    ascii("PUT /c HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
    REQUEST,
    talk.request(1, "/one"),
  ]);
  const server = concat([
    ascii("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ascii("5\r\nhello\r\n0;x=y\r\nTrailer: 1\r\n\r\n"),
    ascii("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
    ascii("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"),
    ascii("HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\n\r\n"),
    talk.reply(1),
  ]);
  for (const size of [1, 7, 4000]) {
    const segments = talk.segments.slice(0, 2);
    const pieces = new Talk();
    pieces.segments.splice(0, 2, ...segments);
    for (let at = 0; at < client.length; at += size) {
      pieces.send("client", client.subarray(at, at + size));
    }
    for (let at = 0; at < server.length; at += size) {
      pieces.send("server", server.subarray(at, at + size));
    }
    const reading = await read([pieces.file()]);
    assertEquals(words(reading), ["> SYN_STREAM 1", "< SYN_REPLY 1"]);
    assertEquals(heads(reading).length, 2);
  }
});

Deno.test("a refused upgrade is shown, and the connection continues", async () => {
  const talk = new Talk();
  talk.send("client", REQUEST);
  talk.send("server", ascii("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"));
  talk.send("client", REQUEST);
  talk.send("server", ascii("HTTP/1.1 101 Yes\r\nUpgrade: SPDY/3.1\r\n\r\n"));
  talk.send("client", ping(1));
  const reading = await read([talk.file()]);
  assertEquals(heads(reading), [
    "POST /exec HTTP/1.1",
    "HTTP/1.1 403 No",
    "POST /exec HTTP/1.1",
    "HTTP/1.1 101 Yes",
  ]);
  assertEquals(words(reading), ["> PING"]);
});

Deno.test("one direction of an upgraded connection is read from a file of raw bytes", async () => {
  const talk = new Talk();
  const answer = ascii("HTTP/1.1 101 Go\r\nUpgrade: SPDY/3.1\r\n\r\n");
  const reading = await read([concat([answer, talk.reply(1), ping(2)])]);
  assertEquals(words(reading).map((text) => text.slice(2)), [
    "SYN_REPLY 1",
    "PING",
  ]);
});

Deno.test("SPDY in the messages of a WebSocket is read", async () => {
  const talk = new Talk();
  talk.send("client", TUNNEL);
  talk.send(
    "server",
    ascii(
      "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n",
    ),
  );
  const mask = [1, 2, 3, 4];
  const request = talk.request(1, "/one");
  talk.send("client", message(request.subarray(0, 20), 2, mask));
  talk.send("client", message(ascii("are you there"), 9, mask));
  talk.send("client", message(request.subarray(20), 2, mask));
  talk.send("server", message(ascii("are you there"), 10));
  talk.send(
    "server",
    message(concat([talk.reply(1), talk.data(1, "x".repeat(300))]), 2),
  );
  const reading = await read([talk.file()]);
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "< SYN_REPLY 1",
    "< DATA 1",
  ]);
  assertEquals(reading.payloads.get("0.1<"), "x".repeat(300));
});

Deno.test("a missing packet of a WebSocket is a gap in its message", async () => {
  const talk = new Talk();
  talk.send("client", TUNNEL);
  talk.send(
    "server",
    ascii(
      "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n",
    ),
  );
  const sent = message(
    concat([talk.reply(1), talk.data(1, "x".repeat(3000))]),
    2,
  );
  talk.send("server", sent.subarray(0, 1000));
  talk.send("server", sent.subarray(1000, 2000));
  talk.send("server", concat([sent.subarray(2000), message(ping(2), 2)]));
  talk.segments.splice(-2, 1);
  assertEquals(words(await read([talk.file()])), [
    "< SYN_REPLY 1",
    "< DATA 1 ! the capture lacks 1000 of its bytes",
    "< PING",
  ]);
});

Deno.test("a PROXY head and a CONNECT in front of SPDY are shown", async () => {
  const line = "PROXY TCP4 10.0.0.1 10.0.0.2 4000 80";
  const talk = new Talk();
  talk.send("client", concat([ascii(`${line}\r\n`), ping(1)]));
  const proxied = await read([talk.file()]);
  assertEquals([heads(proxied), words(proxied)], [[line], ["> PING"]]);

  const version2 = new Uint8Array(28);
  version2.set([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]);
  version2.set([0x21, 0x11, 0, 12], 12);
  const second = new Talk();
  second.send("client", concat([version2, ping(1)]));
  assertEquals(words(await read([second.file()])), ["> PING"]);

  const tunnel = new Talk();
  tunnel.send("client", ascii("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n"));
  tunnel.send("server", ascii("HTTP/1.1 200 Connected\r\n\r\n"));
  tunnel.send("client", ping(1));
  tunnel.send("server", ping(1));
  const connected = await read([tunnel.file()]);
  assertEquals(heads(connected).length, 2);
  assertEquals(words(connected), ["> PING", "< PING"]);
});

/** The offsets of the frames, by direction. */
function places(reading: Reading): string[] {
  return reading.frames.map(({ fromClient, type, offset, error }) =>
    `${fromClient ? ">" : "<"} ${type} ${offset}${error ? ` ! ${error}` : ""}`
  );
}

/** Notes about what is missing. */
function losses({ notes }: Reading): string[] {
  return notes.map(({ text }) => text);
}

/** A talk of which the client has sent `bytes`, without those from `from` to `to`. */
function withoutPart(bytes: Uint8Array, from: number, to: number): Talk {
  const talk = new Talk();
  talk.send("client", bytes.subarray(0, from));
  talk.send("client", bytes.subarray(from, to));
  talk.send("client", bytes.subarray(to));
  talk.segments.splice(3, 1);
  return talk;
}

Deno.test("a gap in an HTTP/1.1 head: the frames behind it have their own offsets", async () => {
  const bytes = concat([REQUEST, new Talk().request(1, "/one"), ping(1)]);
  const reading = await read([withoutPart(bytes, 40, 60).file()]);
  assertEquals(places(reading), [
    `> SYN_STREAM ${REQUEST.length}`,
    `> PING ${bytes.length - 12}`,
  ]);
  assertEquals(losses(reading), [
    `the capture lacks 20 bytes here; ${
      REQUEST.length - 20
    } more skipped up to the first frame`,
  ]);
});

Deno.test("a gap in the first word of a direction does not hide the frames behind it", async () => {
  const line = ascii("PROXY TCP4 10.0.0.1 10.0.0.2 4000 80\r\n");
  for (const head of [REQUEST, line]) {
    const bytes = concat([head, new Talk().request(1, "/one"), ping(1)]);
    for (const length of [1, 2, 3, 4]) {
      const reading = await read([
        withoutPart(bytes, length, length + 12).file(),
      ]);
      assertEquals(places(reading), [
        `> SYN_STREAM ${head.length}`,
        `> PING ${bytes.length - 12}`,
      ]);
    }
  }
  const other = withoutPart(ascii(`SSH${"-2.0-x".repeat(30)}`), 3, 9);
  assertEquals([...(await read([other.file()])).others], [
    ["another protocol", 1],
  ]);
});

Deno.test("a head that is not HTTP/1.1 after all, or is too long, is searched for frames", async () => {
  for (
    const begin of [
      ascii("GET /no-version\r\n\r\n"),
      ascii(`GET /${"x".repeat(70_000)}`),
      ascii(
        `PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n${
          "1".repeat(70_000)
        }`,
      ),
    ]
  ) {
    const bytes = concat([begin, ping(1), ping(3)]);
    const talk = new Talk();
    for (let at = 0; at < bytes.length; at += 1400) {
      talk.send("client", bytes.subarray(at, at + 1400));
    }
    assertEquals(places(await read([talk.file()])), [
      `> PING ${begin.length}`,
      `> PING ${begin.length + 12}`,
    ]);
  }
});

Deno.test("the body of a request to upgrade may be missing", async () => {
  const head = ascii(
    "POST /exec HTTP/1.1\r\nUpgrade: SPDY/3.1\r\nContent-Length: 50\r\n\r\n",
  );
  const bytes = concat([head, new Uint8Array(50), new Talk().request(1, "/")]);
  const to = head.length + 50;
  const reading = await read([withoutPart(bytes, head.length, to).file()]);
  assertEquals(places(reading), [`> SYN_STREAM ${to}`]);
  assertEquals(heads(reading), ["POST /exec HTTP/1.1"]);
});

Deno.test("a gap in a PROXY head does not hide the frames behind it", async () => {
  const version2 = new Uint8Array(28);
  version2.set([13, 10, 13, 10, 0, 13, 10, 0x51, 0x55, 0x49, 0x54, 10]);
  version2.set([0x21, 0x11, 0, 12], 12);
  for (
    const head of [
      ascii("PROXY TCP4 10.0.0.1 10.0.0.2 4000 80\r\n"),
      version2,
    ]
  ) {
    const bytes = concat([head, new Talk().request(1, "/one"), ping(1)]);
    const reading = await read([
      withoutPart(bytes, 14, head.length).file(),
    ]);
    assertEquals(places(reading), [
      `> SYN_STREAM ${head.length}`,
      `> PING ${bytes.length - 12}`,
    ]);
  }
});

/** An upgrade to a WebSocket. */
function tunnel(): Talk {
  const talk = new Talk();
  talk.send("client", TUNNEL);
  return talk.send(
    "server",
    ascii(
      "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n",
    ),
  );
}

Deno.test("after missing messages of a WebSocket, the next ones are found", async () => {
  for (const mask of [undefined, [1, 2, 3, 4]]) {
    const side = mask === undefined ? "server" : "client";
    for (const first of [true, false]) {
      const talk = tunnel();
      if (first) talk.send(side, message(ping(1), 2, mask));
      const lost = concat([
        message(ping(3), 2, mask),
        message(ping(5), 2, mask),
      ]);
      talk.send(side, lost);
      const at = talk.segments.length - 1;
      talk.send(side, message(ping(7), 2, mask));
      talk.send(side, message(ping(9), 2, mask));
      talk.segments.splice(at, 1);
      const reading = await read([talk.file()]);
      assertEquals(
        reading.frames.map(({ frame }) =>
          frame !== undefined && "uniqueId" in frame && frame.uniqueId
        ),
        first ? [1, 7, 9] : [7, 9],
      );
      assertEquals(losses(reading), [
        `the capture lacks ${lost.length} bytes here`,
      ]);
    }
  }
});

Deno.test("if packets do not begin with messages of a WebSocket, a row of messages is found", async () => {
  const talk = tunnel();
  const bytes = concat(
    [1, 3, 5, 7, 9, 11, 13, 15, 17, 19].map((id) => message(ping(id), 2)),
  );
  talk.send("server", bytes.subarray(0, 16));
  talk.send("server", bytes.subarray(16, 30));
  for (let at = 30; at < bytes.length; at += 9) {
    talk.send("server", bytes.subarray(at, at + 9));
  }
  talk.segments.splice(5, 1);
  const reading = await read([talk.file()]);
  assertEquals(reading.frames.length, 8);
  assertEquals(losses(reading), [
    // Four bytes of a PING look like the head of a message that ends where it ends.
    "6 bytes between messages of the WebSocket skipped, because the capture lacks bytes before them",
    "the capture lacks 14 bytes here; 4 more skipped up to the next frame",
  ]);
});

Deno.test("a row of messages of a WebSocket is found behind many bytes that look like heads in one packet", async () => {
  for (const mask of [undefined, [1, 2, 3, 4]]) {
    const side = mask === undefined ? "server" : "client";
    const talk = tunnel();
    talk.send(side, message(ping(1), 2, mask));
    talk.send(side, message(ping(3), 2, mask));
    talk.segments.splice(-1, 1);
    const random = new Random(5);
    const row = [5, 7, 9, 11, 13, 15, 17].map((id) =>
      message(ping(id), 2, mask)
    );
    talk.send(side, concat([random.bytes(40_000), ...row]));
    const { frames } = await read([talk.file()]);
    assertEquals(
      frames.map(({ frame }) =>
        frame !== undefined && "uniqueId" in frame && frame.uniqueId
      ),
      [1, 5, 7, 9, 11, 13, 15, 17],
    );
  }
});

Deno.test("if no message of a WebSocket is found, what was skipped is reported", async () => {
  const talk = tunnel();
  talk.send("server", message(ping(1), 2));
  talk.send("server", message(ping(3), 2));
  talk.segments.splice(-1, 1);
  // Zeros are no messages, however many there are.
  for (let part = 0; part < 300; part++) {
    talk.send("server", new Uint8Array(1000));
  }
  const reading = await read([talk.file()]);
  assertEquals(words(reading), ["< PING"]);
  assertEquals(losses(reading), [
    "300000 bytes between messages of the WebSocket skipped, because the capture lacks bytes before them",
    "the capture lacks 14 bytes here",
  ]);
  assertEquals(reading.notes[0].skipped, 300000);
});

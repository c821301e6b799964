import { assertEquals, concat } from "../deps.ts";
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

/**
 * What a client of HTTP/1.1 might send: requests, valid and invalid ones, mutated
 * and in sequence.
 *
 * @module
 */

import { PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import { concat } from "../../deps.ts";
import type { Random } from "../../helpers/random.ts";
import { hostileBytes } from "./wire.ts";

const UPGRADE = "Host: h\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
const EXEC = "/api/v1/namespaces/default/pods/web/exec?command=id&stdout=true";
const V4 = "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n";

const REQUESTS: readonly string[] = [
  "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET / HTTP/1.0\r\n\r\n",
  "HEAD //x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET http://x/y HTTP/1.1\r\nHost: h\r\n\r\n",
  "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
  "TRACE / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
  "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  `GET / HTTP/1.1\r\n${UPGRADE}\r\n`,
  `POST / HTTP/1.1\r\n${UPGRADE}Content-Length: 3\r\n\r\nabc`,
  `GET / HTTP/1.1\r\n${UPGRADE}Origin: http://g\r\n\r\n`,
  `POST ${EXEC} HTTP/1.1\r\n${UPGRADE}${V4}\r\n`,
  `POST ${EXEC} HTTP/1.1\r\n${UPGRADE}\r\n`,
  `POST ${EXEC} HTTP/1.1\r\nHost: h\r\n\r\n`,
  `POST /portforward/token HTTP/1.1\r\n${UPGRADE}X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n`,
  "GET /portforward/token HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
  "Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n",
];

const SNIPPETS: readonly string[] = [
  "\r\n",
  "\r",
  "\n",
  "\0",
  "\x7f",
  "\xff",
  " ",
  "\t",
  ":",
  "//",
  "\r\n ",
  "\r\n\r\n",
  "Host: h\r\n",
  "Content-Length: 99999999999999999999\r\n",
  "Content-Length: 4\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Connection: close\r\n",
  "Connection: Upgrade\r\n",
  "Upgrade: websocket\r\n",
  "Expect: 100-continue\r\n",
  "HTTP/1.1",
  "ffffffffffffff\r\n",
];

/** The bytes of one connection. */
export function http1Input(random: Random): Uint8Array<ArrayBuffer> {
  if (random.chance(0.1)) return mutated(random, clientHello(random));
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for (let left = random.pick([1, 1, 1, 2, 3, 20]); left > 0; left--) {
    const request = bytes(random.pick(REQUESTS));
    parts.push(random.chance(0.6) ? mutated(random, request) : request);
  }
  // After an accepted upgrade, these bytes are SPDY; otherwise they are
  // invalid.
  if (random.chance(0.3)) parts.push(hostileBytes(random, PROTO_SPDY3_1));
  if (random.chance(0.02)) {
    parts.unshift(bytes(`GET /${"x".repeat(random.int(1, 2_000_000))}`));
  }
  return concat(parts);
}

function mutated(
  random: Random,
  input: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  let data = input;
  for (let left = random.int(1, 4); left > 0 && data.length > 0; left--) {
    const at = random.int(0, data.length - 1);
    const end = Math.min(data.length, at + random.int(0, 20));
    const [before, middle, after] = [
      data.slice(0, at),
      data.slice(at, end),
      data.slice(end),
    ];
    switch (random.int(0, 4)) {
      case 0:
        data = concat([before, random.bytes(1), data.slice(at + 1)]);
        break;
      case 1:
        data = concat([before, bytes(random.pick(SNIPPETS)), data.slice(at)]);
        break;
      case 2:
        data = concat([before, after]);
        break;
      case 3:
        data = concat([before, middle, middle, after]);
        break;
      default:
        data = before;
    }
  }
  return data;
}

/** A ClientHello of TLS 1.3, as far as a server answers it (RFC 8446 4.1.2). */
function clientHello(random: Random): Uint8Array<ArrayBuffer> {
  const extensions = concat([
    extension(0x002b, [2, 3, 4]),
    extension(0x000a, [0, 2, 0, 0x1d]),
    extension(0x000d, [0, 4, 4, 3, 8, 4]),
    extension(0x0033, [0, 36, 0, 0x1d, 0, 32, ...random.bytes(32)]),
    extension(0x0010, [0, 9, 8, ...bytes("http/1.1")]),
  ]);
  const body = concat([
    Uint8Array.of(3, 3),
    random.bytes(32),
    Uint8Array.of(0, 0, 4, 0x13, 1, 0x13, 2, 1, 0),
    sized(2, extensions),
  ]);
  const handshake = concat([Uint8Array.of(1), sized(3, body)]);
  return concat([Uint8Array.of(0x16, 3, 1), sized(2, handshake)]);
}

function extension(type: number, content: number[]): Uint8Array<ArrayBuffer> {
  return concat([
    Uint8Array.of(type >> 8, type & 0xff),
    sized(2, Uint8Array.from(content)),
  ]);
}

/** The bytes, preceded by their length in this many bytes. */
function sized(
  width: number,
  content: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const length = Uint8Array.from(
    { length: width },
    (_, i) => content.length >> 8 * (width - 1 - i) & 0xff,
  );
  return concat([length, content]);
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

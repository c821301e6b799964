/**
 * What reads HTTP/1.1 before an upgrade, WebSockets, and the streaming protocols of
 * Kubernetes.
 *
 * @module
 */

import type { ByteConn } from "../../../connection/transport/transport.ts";
import { framingOf } from "../../../http/upgrade/framing.ts";
import { parseHead } from "../../../http/upgrade/head.ts";
import { HeadReader } from "../../../http/upgrade/head_reader.ts";
import {
  ALL_VERSIONS,
  chooseToken,
  namesUpgrade,
} from "../../../http/upgrade/upgrade_token.ts";
import { parseCall } from "../../../kubernetes/call/call.ts";
import { SizeParser } from "../../../kubernetes/call/sizes.ts";
import { StreamingRefusedError } from "../../../kubernetes/errors.ts";
import { decodeExit } from "../../../kubernetes/status.ts";
import { encodeFrame } from "../../../kubernetes/websocket/frame.ts";
import { WebSocketTunnel } from "../../../kubernetes/websocket/tunnel.ts";
import { concat } from "../../deps.ts";
import { full, KIB, PIECES, type Reader, Readers } from "./reader.ts";

const TEXT = new TextEncoder();
const readers = new Readers();

/** The readers of upgrades, WebSockets and streaming requests. */
export const streamingReaders: readonly Reader[] = readers.all;

/** A connection on which bytes arrive in pieces of a size, and nothing is written. */
function arriving(bytes: Uint8Array, piece: number): ByteConn {
  let at = 0;
  return {
    read: (into) => {
      if (at === bytes.length) return Promise.resolve(null);
      const part = bytes.subarray(at, at + Math.min(piece, into.length));
      into.set(part);
      at += part.length;
      return Promise.resolve(part.length);
    },
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
}

for (const piece of PIECES) {
  for (const filling of [" ", "a", "a: b\r\n", ",", ":", "%", "\r\n"]) {
    readers.add(
      `HTTP/1.1 head in pieces of ${piece}, full of ${JSON.stringify(filling)}`,
      16 * KIB,
      (size) =>
        TEXT.encode(
          `GET / HTTP/1.1\r\nHost: h\r\nX: ${full(filling, size)}\r\n\r\n`,
        ),
      async (bytes) => {
        const reader = new HeadReader(arriving(bytes, piece));
        const head = await reader.readHead(2 * bytes.length);
        if (head !== undefined) framingOf(parseHead(head, "http"));
      },
    );
  }
  readers.add(
    `WebSocket messages in pieces of ${piece}`,
    64 * KIB,
    (size) => {
      const frame = encodeFrame(2, new Uint8Array(1), undefined);
      return concat(Array.from({ length: size / frame.length }, () => frame));
    },
    (bytes) => drain(new WebSocketTunnel(arriving(bytes, piece), true)),
  );
  readers.add(
    `WebSocket pings in pieces of ${piece}`,
    64 * KIB,
    (size) => {
      const frame = encodeFrame(9, new Uint8Array(0), undefined);
      return concat(Array.from({ length: size / frame.length }, () => frame));
    },
    (bytes) => drain(new WebSocketTunnel(arriving(bytes, piece), true)),
  );
  readers.add(
    `WebSocket message of one frame in pieces of ${piece}`,
    64 * KIB,
    (size) => encodeFrame(2, new Uint8Array(size), new Uint8Array(4)),
    (bytes) => drain(new WebSocketTunnel(arriving(bytes, piece), false)),
  );
}

async function drain(conn: ByteConn): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (await conn.read(buffer) !== null);
}

readers.addFilled(
  "Upgrade header",
  16 * KIB,
  (text) => chooseToken(text, ALL_VERSIONS),
);
readers.addFilled("Connection header", 16 * KIB, (text) => namesUpgrade(text));
readers.addFilled(
  "query of a streaming request",
  16 * KIB,
  (text) => parseCall(new Request(text)),
  (text) => `http://h/exec/ns/pod?command=${text}&stdin=${text}`,
);
readers.addFilled(
  "path of a streaming request",
  16 * KIB,
  (text) => parseCall(new Request(text)),
  (text) => `http://h/exec/${text}/pod`,
);
readers.addFilled(
  "status of a command",
  64 * KIB,
  (text) => decodeExit("v4.channel.k8s.io", text),
);
readers.add(
  "status of a command with many causes",
  64 * KIB,
  (size) =>
    JSON.stringify({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: full("x", size / 40).split("").map(() => ({ a: 1 })) },
    }),
  (text) => decodeExit("v4.channel.k8s.io", text),
);
readers.addFilled(
  "body of a refusal",
  64 * KIB,
  (text) => new StreamingRefusedError(403, text),
);
readers.addFilled(
  "sizes of a terminal",
  64 * KIB,
  (text) => new SizeParser().push(text),
);

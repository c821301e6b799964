/**
 * Both ends of a WebSocket, as endpoints that echo messages, against the cases of
 * `websocket_cases.ts`.
 *
 * @module
 */

import type { ByteConn } from "../../connection/transport/transport.ts";
import {
  applyMask,
  CLOSE,
  encodeFrame,
  readHead,
  WebSocketError,
} from "../../kubernetes/websocket/frame.ts";
import { WebSocketPeer } from "../../kubernetes/websocket/peer.ts";
import { assertEquals, concat } from "../deps.ts";
import {
  type CaseFrame,
  WEB_SOCKET_CASES,
  type WebSocketCase,
} from "./websocket_cases.ts";

const MASK = new Uint8Array([0x37, 0xfa, 0x21, 0x3d]);

/** A connection with this input, in pieces; it records what is written. */
class Script implements ByteConn {
  readonly written: Uint8Array[] = [];
  #rest: Uint8Array;
  readonly #piece: number;

  constructor(bytes: Uint8Array, piece: number) {
    this.#rest = bytes;
    this.#piece = piece;
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) return Promise.resolve(null);
    const size = Math.min(this.#piece, into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, size));
    this.#rest = this.#rest.subarray(size);
    return Promise.resolve(size);
  }

  write(data: Uint8Array): Promise<number> {
    this.written.push(data.slice());
    return Promise.resolve(data.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

function encode(frame: CaseFrame, mask: Uint8Array | undefined): Uint8Array {
  const bytes = encodeFrame(frame.opcode, frame.payload, mask);
  bytes[0] |= frame.reserved ?? 0;
  if (frame.fin === false) bytes[0] &= 0x7f;
  return bytes;
}

/** Sends each message back as one message. */
async function echo(peer: WebSocketPeer): Promise<void> {
  const parts: Uint8Array[] = [];
  for (;;) {
    const part = await peer.read();
    if (part === null) return;
    parts.push(part.data.slice());
    if (!part.ends) continue;
    await peer.send(part.opcode, concat(parts));
    parts.length = 0;
  }
}

/** The frames that an endpoint sent. */
function decode(bytes: Uint8Array, masked: boolean): CaseFrame[] {
  const frames: CaseFrame[] = [];
  for (let rest = bytes; rest.length > 0;) {
    const head = readHead(rest, masked);
    if (head === undefined) throw new Error("half a frame was sent");
    const payload = rest.slice(head.size, head.size + head.length);
    if (head.mask !== undefined) applyMask(payload, head.mask, 0);
    frames.push({ opcode: head.opcode, payload });
    rest = rest.subarray(head.size + head.length);
  }
  return frames;
}

/** Runs a case against one end. */
async function check(
  { name, frames, answers, status, pieces }: WebSocketCase,
  client: boolean,
): Promise<void> {
  const mask = client ? undefined : MASK;
  const bytes = concat(frames.map((frame) => encode(frame, mask)));
  const conn = new Script(bytes, pieces?.[0] ?? bytes.length);
  try {
    await echo(new WebSocketPeer(conn, client));
  } catch (error) {
    if (!(error instanceof WebSocketError)) throw error;
  }
  const sent = decode(concat(conn.written), client);
  const last = sent.pop();
  const text = ({ opcode, payload }: CaseFrame): string =>
    `${opcode} ${payload.length} ${payload.subarray(0, 200)}`;
  const title = `${name}, ${client ? "client" : "server"}`;
  assertEquals(sent.map(text), answers.map(text), title);
  assertEquals(last?.opcode, CLOSE, title);
  const [high, low] = last?.payload ?? [];
  assertEquals(high << 8 | low, status, title);
}

for (const client of [false, true]) {
  Deno.test(`each case of Autobahn's test suite has the expected answers, as a ${client ? "client" : "server"}`, async () => {
    for (const one of WEB_SOCKET_CASES) await check(one, client);
  });
}

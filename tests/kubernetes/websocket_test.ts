import type { ByteConn } from "../../connection/transport/transport.ts";
import {
  applyMask,
  BINARY,
  CLOSE,
  CONTINUATION,
  encodeFrame,
  PING,
  PONG,
  readHead,
  TEXT,
  WebSocketError,
} from "../../kubernetes/websocket/frame.ts";
import { acceptKey } from "../../kubernetes/websocket/handshake.ts";
import { WebSocketTunnel } from "../../kubernetes/websocket/tunnel.ts";
import { assertEquals, assertRejects, assertThrows, concat } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const MASK = new Uint8Array([1, 2, 3, 4]);

/** A connection with `input` in pieces of `size` bytes; it records what is written. */
class Script implements ByteConn {
  readonly written: Uint8Array[] = [];
  closed = false;
  #input: Uint8Array;
  readonly #size: number;

  constructor(input: Uint8Array, size = input.length) {
    this.#input = input;
    this.#size = size;
  }

  // deno-lint-ignore require-await
  async read(into: Uint8Array): Promise<number | null> {
    if (this.#input.length === 0) return null;
    const part = this.#input.subarray(0, Math.min(this.#size, into.length));
    into.set(part);
    this.#input = this.#input.subarray(part.length);
    return part.length;
  }

  // deno-lint-ignore require-await
  async write(data: Uint8Array): Promise<number> {
    // Half of it, as a socket may.
    const part = data.slice(0, Math.ceil(data.length / 2));
    this.written.push(part);
    return part.length;
  }

  async closeWrite(): Promise<void> {}

  close(): void {
    this.closed = true;
  }
}

async function readAll(tunnel: WebSocketTunnel): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(1000);
  for (;;) {
    const size = await tunnel.read(buffer);
    if (size === null) return concat(parts);
    parts.push(buffer.slice(0, size));
  }
}

Deno.test("the handshake equals the example of RFC 6455 1.3", async () => {
  assertEquals(
    await acceptKey("dGhlIHNhbXBsZSBub25jZQ=="),
    "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
  );
});

Deno.test("frames of every length field are read, masked and not", () => {
  for (const length of [0, 1, 125, 126, 127, 65535, 65536, 100_000]) {
    const payload = new Random(length).bytes(length);
    for (const mask of [undefined, MASK]) {
      const frame = encodeFrame(BINARY, payload, mask);
      const head = readHead(frame, mask !== undefined);
      assertEquals(head?.opcode, BINARY);
      assertEquals(head?.length, length);
      const body = frame.slice(head?.size);
      if (head?.mask !== undefined) applyMask(body, head.mask, 0);
      assertEquals(body, payload);
    }
  }
});

Deno.test("a truncated head needs more bytes", () => {
  const frame = encodeFrame(BINARY, new Uint8Array(70_000), MASK);
  for (let length = 0; length < 14; length++) {
    assertEquals(readHead(frame.subarray(0, length), true), undefined);
  }
});

Deno.test("invalid heads are refused", () => {
  const wrong: [bytes: number[], masked: boolean][] = [
    [[0xc2, 0], false],
    [[0x82, 0x80, 0, 0, 0, 0], false],
    [[0x82, 0], true],
    [[0x09, 0], false],
    [[0x89, 126, 0, 126], false],
    [[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], false],
  ];
  for (const [bytes, masked] of wrong) {
    assertThrows(() => readHead(new Uint8Array(bytes), masked), WebSocketError);
  }
});

Deno.test("a tunnel reads messages, however they are cut", async () => {
  const random = new Random(6455);
  const body = random.bytes(5000);
  const continued = encodeFrame(BINARY, body.subarray(100, 200), undefined);
  continued[0] &= 0x7f;
  const input = concat([
    encodeFrame(BINARY, body.subarray(0, 100), undefined),
    encodeFrame(PING, new Uint8Array([7]), undefined),
    continued,
    encodeFrame(PONG, new Uint8Array(), undefined),
    encodeFrame(CONTINUATION, body.subarray(200, 4000), undefined),
    encodeFrame(BINARY, new Uint8Array(), undefined),
    encodeFrame(BINARY, body.subarray(4000), undefined),
    encodeFrame(CLOSE, new Uint8Array([3, 232]), undefined),
  ]);
  for (const size of [input.length, 1, 2, 3, 7, 1000]) {
    const conn = new Script(input, size);
    assertEquals(await readAll(new WebSocketTunnel(conn, true)), body);
    const sent = concat(conn.written);
    const pong = readHead(sent, true);
    assertEquals(pong?.opcode, PONG);
    assertEquals(pong?.length, 1);
    const close = readHead(sent.subarray(7), true);
    assertEquals(close?.opcode, CLOSE);
  }
});

Deno.test("a tunnel that is cut anywhere ends without additional bytes", async () => {
  const body = new Random(1).bytes(300);
  const input = encodeFrame(BINARY, body, MASK);
  for (let length = 0; length < input.length; length++) {
    const conn = new Script(input.slice(0, length));
    const got = await readAll(new WebSocketTunnel(conn, false));
    assertEquals(got, body.subarray(0, Math.max(0, length - 8)));
  }
});

Deno.test("each end reads what the other one writes", async () => {
  const body = new Random(2).bytes(200_000);
  const conn = new Script(new Uint8Array());
  const tunnel = new WebSocketTunnel(conn, true);
  assertEquals(await tunnel.write(body), body.length);
  await tunnel.closeWrite();
  await tunnel.closeWrite();
  const other = new Script(concat(conn.written));
  assertEquals(await readAll(new WebSocketTunnel(other, false)), body);
});

Deno.test("a tunnel refuses invalid messages", async () => {
  const text = new TextEncoder().encode("hello");
  const inputs: [frame: Uint8Array, message: string][] = [
    [encodeFrame(TEXT, text, undefined), "a text message"],
    [encodeFrame(CONTINUATION, text, undefined), "none has begun"],
    [encodeFrame(3, text, undefined), "opcode 3"],
    [encodeFrame(11, text, undefined), "opcode 11"],
    [
      encodeFrame(CLOSE, concat([new Uint8Array([3, 243]), text]), undefined),
      "closed the WebSocket with 1011: hello",
    ],
  ];
  for (const [frame, message] of inputs) {
    const error = await assertRejects(
      () => readAll(new WebSocketTunnel(new Script(frame), true)),
      WebSocketError,
      message,
    );
    assertEquals(error.initiator, "remote");
  }
});

Deno.test("closing a tunnel closes its transport", async () => {
  const conn = new Script(new Uint8Array());
  const tunnel = new WebSocketTunnel(conn, true);
  tunnel.close();
  assertEquals(conn.closed, true);
  assertEquals(await tunnel.read(new Uint8Array(1)), null);
});

Deno.test("a close status is answered with itself, and an invalid one with a protocol error", async () => {
  const answers: [payload: number[], answer: number][] = [
    [[], 1000],
    ...[1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999].map((
      status,
    ): [number[], number] => [[status >> 8, status & 0xff], status]),
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((
      status,
    ): [number[], number] => [[status >> 8, status & 0xff], 1002]),
    // Half of a status.
    [[3], 1002],
  ];
  for (const [payload, answer] of answers) {
    const conn = new Script(
      encodeFrame(CLOSE, new Uint8Array(payload), undefined),
    );
    const tunnel = new WebSocketTunnel(conn, true);
    await readAll(tunnel).catch((error) => {
      if (!(error instanceof WebSocketError)) throw error;
    });
    const sent = concat(conn.written);
    const head = readHead(sent, true);
    assertEquals(head?.opcode, CLOSE);
    const body = sent.slice(head?.size);
    applyMask(body, head?.mask ?? new Uint8Array(4), 0);
    assertEquals(body[0] << 8 | body[1], answer, `${payload}`);
    assertEquals(await tunnel.read(new Uint8Array(1)), null);
  }
});

Deno.test("a closed tunnel does not call a transport again that moves no byte", async () => {
  using time = virtualTime();
  let reads = 0;
  const conn: ByteConn = {
    read: () => Promise.resolve(++reads && 0),
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  };
  const tunnel = new WebSocketTunnel(conn, true);
  const reading = assertRejects(() => tunnel.read(new Uint8Array(10)));
  await time.advance(3);
  tunnel.close();
  await time.advance(1);
  await reading;
  const before = reads;
  await time.advance(100);
  assertEquals(reads, before);
});

/** When a server sends its SETTINGS. */

import type { ByteConn } from "../../connection/transport/transport.ts";
import { loadExchanges } from "../../http/server/load_exchanges.ts";
import {
  FrameDecoder,
  FrameEncoder,
  PING,
  PROTO_SPDY3_1,
  serveConnection,
  SETTINGS,
  SYN_REPLY,
} from "../../mod.ts";
import { assert, assertEquals } from "../deps.ts";
import { REQUEST } from "../helpers/http.ts";
import { virtualTime } from "../helpers/virtual_time.ts";
import { synStream } from "../security/raw_peer.ts";

const REQUEST_FRAME = synStream(1, { flags: 1, nv: [...REQUEST] });
// Loads the modules, for which virtual time does not wait.
await loadExchanges();

const LEAST_WAIT = 4;
const MOST_WAIT = 6;

/**
 * A client's end of a connection in memory: it sends bytes, and records the
 * frames of each write of the server.
 */
class Client implements ByteConn {
  readonly writes: number[][] = [];
  readonly #decoder = new FrameDecoder(PROTO_SPDY3_1);
  readonly #input: Uint8Array[] = [];
  #wake: () => void = () => {};
  #ended = false;

  send(bytes: Uint8Array): void {
    this.#input.push(bytes);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) {
      if (this.#ended) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const bytes = this.#input.shift()!;
    buffer.set(bytes);
    return bytes.length;
  }

  write(data: Uint8Array): Promise<number> {
    this.#decoder.push(data.slice());
    const types: number[] = [];
    for (;;) {
      const frame = this.#decoder.next();
      if (frame === undefined) break;
      types.push(frame.frameType);
    }
    this.writes.push(types);
    return Promise.resolve(data.length);
  }

  closeWrite(): Promise<void> {
    this.end();
    return Promise.resolve();
  }

  close(): void {
    this.end();
  }
}

Deno.test("serve: SETTINGS leave in one write with the first answer, before everything else", async () => {
  using time = virtualTime();
  const client = new Client();
  const served = serveConnection(client, () => new Response(null));
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  client.send(encoder.encode(REQUEST_FRAME));
  await time.advance(0);
  assertEquals(client.writes.length, 1);
  assertEquals(client.writes[0][0], SETTINGS);
  assert(client.writes[0].includes(SYN_REPLY));
  client.end();
  await time.until(served.finished);
  assertEquals(time.timers, 0);
});

Deno.test("serve: SETTINGS come before the reply to a PING, which is more urgent", async () => {
  using time = virtualTime();
  const client = new Client();
  const served = serveConnection(client, () => new Response(null));
  const ping = {
    frameType: PING,
    version: 3,
    flags: 0,
    length: 4,
    uniqueId: 1,
  };
  client.send(new FrameEncoder(PROTO_SPDY3_1).encode(ping));
  await time.advance(0);
  assertEquals(client.writes, [[SETTINGS, PING]]);
  client.end();
  await time.until(served.finished);
});

Deno.test("serve: a client that sends nothing gets SETTINGS after 5 ms", async () => {
  using time = virtualTime();
  const client = new Client();
  const served = serveConnection(client, () => new Response(null));
  await time.advance(LEAST_WAIT);
  assertEquals(client.writes, []);
  await time.advance(MOST_WAIT - LEAST_WAIT);
  assertEquals(client.writes, [[SETTINGS]]);
  client.end();
  await time.until(served.finished);
});

Deno.test("serve: SETTINGS do not wait for the handler", async () => {
  using time = virtualTime();
  const client = new Client();
  const answer = Promise.withResolvers<Response>();
  const served = serveConnection(client, () => answer.promise);
  client.send(new FrameEncoder(PROTO_SPDY3_1).encode(REQUEST_FRAME));
  await time.advance(0);
  assertEquals(client.writes.length, 1);
  assertEquals(client.writes[0][0], SETTINGS);
  assert(!client.writes[0].includes(SYN_REPLY));
  answer.resolve(new Response(null));
  await time.advance(0);
  assert(client.writes[1].includes(SYN_REPLY));
  client.end();
  await time.until(served.finished);
});

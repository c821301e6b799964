/** How a connection over TCP ends when the peer has ended its direction. */

import { CLIENT, Connection, PROTO_SPDY3_1, SERVER } from "../../../mod.ts";
import { assertEquals, assertGreater } from "../../deps.ts";
import { tcpConns } from "../../helpers/connections.ts";

/** Counts the calls of `closeWrite` on a connection of Deno. */
function counted(conn: Deno.TcpConn): () => number {
  let calls = 0;
  const closeWrite = conn.closeWrite.bind(conn);
  Object.defineProperty(conn, "closeWrite", {
    value: () => {
      calls++;
      return closeWrite();
    },
  });
  return () => calls;
}

Deno.test("end of TCP: when the client has ended its direction, the server closes its socket at once, and all its bytes arrive", async () => {
  const [left, right] = await tcpConns();
  const ofClient = counted(left);
  const ofServer = counted(right);
  const version = PROTO_SPDY3_1;
  const server = new Connection(right, { side: SERVER, version });
  const size = 1 << 20;
  const served = (async () => {
    for await (const stream of server) {
      await stream.reply([["answer", "1"]]);
      await stream.write(new Uint8Array(size));
      await stream.closeWrite();
    }
  })();
  const client = new Connection(left, { side: CLIENT, version });
  const stream = await client.openStream([["a", "b"]], { fin: true });
  const body = await new Response(stream.readable).bytes();
  assertEquals(body.length, size);
  await client.close();
  await served;
  await server.close();
  assertEquals([ofClient(), ofServer()], [1, 0]);
});

Deno.test("end of TCP: bytes that the socket has taken arrive after a close that follows the peer's end", async () => {
  const [left, right] = await tcpConns();
  const version = PROTO_SPDY3_1;
  const server = new Connection(right, { side: SERVER, version });
  // The client ends its direction first, and reads late.
  await left.closeWrite();
  await server.closed;
  const chunks: Uint8Array[] = [];
  for await (const chunk of left.readable) chunks.push(chunk);
  // SETTINGS and GOAWAY, and then an orderly end.
  assertGreater(chunks.length, 0);
});

/** A socket behind a queue, which is sent when this side ends its direction. */
class QueuedConn {
  readonly #conn: Deno.TcpConn;
  readonly #queue: Uint8Array[] = [];

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    this.#queue.push(data.slice());
    return Promise.resolve(data.length);
  }

  async closeWrite(): Promise<void> {
    for (const data of this.#queue) await this.#conn.write(data);
    await this.#conn.closeWrite();
  }

  close(): void {
    this.#conn.close();
  }

  setNoDelay(noDelay?: boolean): void {
    this.#conn.setNoDelay(noDelay);
  }

  setKeepAlive(keepAlive?: boolean): void {
    this.#conn.setKeepAlive(keepAlive);
  }
}

Deno.test("end of TCP: an object around a socket ends its direction first, and so loses no bytes", async () => {
  const [left, right] = await tcpConns();
  const version = PROTO_SPDY3_1;
  const server = new Connection(new QueuedConn(right), {
    side: SERVER,
    version,
  });
  await left.closeWrite();
  await server.closed;
  let size = 0;
  for await (const chunk of left.readable) size += chunk.length;
  assertGreater(size, 0);
});

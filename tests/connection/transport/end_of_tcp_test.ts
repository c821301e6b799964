/** How a connection ends over TCP when the peer has ended its direction. */

import { CLIENT, Connection, PROTO_SPDY3_1, SERVER } from "../../../mod.ts";
import { assert, assertEquals } from "../../deps.ts";
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
  assert(chunks.length > 0);
});

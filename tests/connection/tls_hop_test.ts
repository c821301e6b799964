/** The connection on loopback in front of a transport. */

import { openHop } from "../../connection/tls_hop.ts";
import { assertEquals } from "../deps.ts";
import { memoryStreams } from "../helpers/connections.ts";

/** A near end without TLS. */
async function connectPlain(
  address: { hostname: string; port: number },
): Promise<Deno.TcpConn & { handshake(): Promise<Deno.TlsHandshakeInfo> }> {
  const conn = await Deno.connect(address);
  return Object.assign(conn, {
    handshake: () => Promise.resolve({ alpnProtocol: null }),
  });
}

Deno.test("TLS hop: several can be opened at once, and each has its own transport", async () => {
  const opened = await Promise.all([1, 2, 3].map(async (number) => {
    const [near, far] = memoryStreams();
    return { number, far, hop: await openHop(near, connectPlain) };
  }));
  for (const { number, far, hop } of opened) {
    assertEquals(await hop.write(Uint8Array.of(number)), 1);
    const { value } = await far.readable.getReader().read();
    assertEquals(value, Uint8Array.of(number));
    const writer = far.writable.getWriter();
    const written = writer.write(Uint8Array.of(10 * number));
    const into = new Uint8Array(4);
    assertEquals(await hop.read(into), 1);
    assertEquals(into[0], 10 * number);
    await written;
    const ended = writer.close();
    assertEquals(await hop.read(into), null);
    await ended;
    hop.close();
  }
});

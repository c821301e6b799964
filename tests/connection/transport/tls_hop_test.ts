/** The connection on loopback in front of a transport. */

import { openHop } from "../../../connection/transport/tls_hop.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { assertEquals } from "../../deps.ts";
import { memoryStreams } from "../../helpers/connections.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

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

Deno.test("TLS hop: after the close, each write to the peer has its own time limit", async () => {
  using time = virtualTime();
  const ended = Promise.withResolvers<null>();
  let closed = false;
  /** The write that waits, and the callback of whoever waits for it. */
  let taken = Promise.withResolvers<number>();
  let began = Promise.withResolvers<void>();
  let count = 0;
  const outer: ByteConn = {
    read: () => ended.promise,
    write: () => {
      count++;
      began.resolve();
      return taken.promise;
    },
    closeWrite: () => Promise.resolve(),
    close: () => {
      closed = true;
      ended.resolve(null);
    },
  };
  const hop = await openHop(outer, connectPlain);
  await hop.write(new Uint8Array(3));
  await began.promise;
  hop.close();
  // The peer reads a byte every 6 s, in total for longer than one write may
  // take.
  for (let write = 1; write <= 3; write++) {
    await time.advance(6000);
    assertEquals([count, closed], [write, false]);
    const done = taken;
    taken = Promise.withResolvers();
    began = Promise.withResolvers();
    done.resolve(1);
    if (write < 3) await began.promise;
  }
  await ended.promise;
  assertEquals(count, 3);
});

Deno.test("TLS hop: when the peer accepts no more bytes, both ends are closed", async () => {
  const ended = Promise.withResolvers<null>();
  const outer: ByteConn = {
    read: () => ended.promise,
    write: () => Promise.reject(new Error("broken pipe")),
    closeWrite: () => Promise.resolve(),
    close: () => ended.resolve(null),
  };
  const hop = await openHop(outer, connectPlain);
  await hop.write(new Uint8Array(3));
  await ended.promise;
  assertEquals(await hop.read(new Uint8Array(1)), null);
  hop.close();
});

/**
 * The upper bound for bulk over TCP: read and write calls of 64 KiB on a
 * `Deno.Conn`, and nothing else.
 *
 * @module
 */

import type { Subject } from "../harness.ts";
import { BULK } from "../load.ts";

/** Both ends of a loopback TCP connection in this process. */
export async function connPair(): Promise<
  [client: Deno.TcpConn, server: Deno.TcpConn]
> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  client.setNoDelay(true);
  server.setNoDelay(true);
  return [client, server];
}

/** Moves bytes one way as fast as one process can. */
export async function rawConn(): Promise<Subject> {
  const [client, server] = await connPair();
  const read = new Uint8Array(64 * 1024);
  return {
    name: "raw Deno.Conn",
    async run(milliseconds: number): Promise<number> {
      const begin = performance.now();
      let sent = 0;
      let received = 0;
      let writing = true;
      const writer = async (): Promise<void> => {
        while (performance.now() - begin < milliseconds) {
          sent += await server.write(BULK);
        }
        writing = false;
      };
      const reader = async (): Promise<void> => {
        while (writing || received < sent) {
          received += await client.read(read) ?? 0;
        }
      };
      await Promise.all([writer(), reader()]);
      return received / 1e6 / (performance.now() - begin);
    },
    close(): void {
      client.close();
      server.close();
    },
  };
}

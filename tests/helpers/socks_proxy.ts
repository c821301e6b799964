/** A SOCKS 5 proxy for tests that asks for a user name and a password, on loopback. */

import { writeAll } from "../../connection/transport/byte_conn.ts";

/** A running proxy. */
export interface SocksProxy extends AsyncDisposable {
  readonly port: number;
  /** Targets of the tunnels, as `host:port`. */
  readonly targets: string[];
}

/** What clients must send. */
export interface SocksUser {
  readonly username: string;
  readonly password: string;
}

/** Starts a proxy. Its tunnels lead to this machine, whatever the name of the host is. */
export function socksProxy(user: SocksUser): SocksProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const targets: string[] = [];
  const open = new Set<Deno.Conn>();
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      serveOne(conn, user, targets, open).catch(() => {}).finally(() =>
        close(conn)
      );
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    targets,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) close(conn);
      await accepting;
    },
  };
}

async function serveOne(
  conn: Deno.Conn,
  { username, password }: SocksUser,
  targets: string[],
  open: Set<Deno.Conn>,
): Promise<void> {
  const next = async (length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(length);
    for (let size = 0; size < length;) {
      const count = await conn.read(bytes.subarray(size));
      if (count === null) throw new Error("the client closed the connection");
      size += count;
    }
    return bytes;
  };
  const nextText = async (): Promise<string> =>
    new TextDecoder().decode(await next((await next(1))[0]));
  const [, count] = await next(2);
  await next(count);
  await writeAll(conn, Uint8Array.of(5, 2));
  await next(1);
  const isUser = await nextText() === username &&
    await nextText() === password;
  await writeAll(conn, Uint8Array.of(1, isUser ? 0 : 1));
  if (!isUser) return;
  const [, , , type] = await next(4);
  const host = type === 3 ? await nextText() : (await next(4)).join(".");
  const [high, low] = await next(2);
  const port = high * 256 + low;
  targets.push(`${host}:${port}`);
  const server = await Deno.connect({ hostname: "127.0.0.1", port });
  open.add(server);
  await writeAll(conn, Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  await Promise.all([
    conn.readable.pipeTo(server.writable),
    server.readable.pipeTo(conn.writable),
  ]);
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}

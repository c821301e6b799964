/** An HTTP proxy for tests that opens tunnels (CONNECT), on loopback. */

import { writeAll } from "../../connection/transport/byte_conn.ts";

/** How a test proxy behaves. */
export interface ConnectProxyOptions {
  /** TLS to the proxy. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /**
   * What it answers; default 200, followed by the tunnel. A string is sent
   * unchanged, and nothing follows.
   */
  readonly answer?: string;
  /** Bytes that are sent before the 200, in the same write: an interim response. */
  readonly interim?: string;
  /** Where tunnels lead; default: to the host in the request. */
  readonly target?: { readonly hostname: string; readonly port: number };
}

/** A running proxy. */
export interface ConnectProxy extends AsyncDisposable {
  readonly port: number;
  /** Heads of the requests, as they arrived. */
  readonly requests: string[];
  /** Connections that are open now. */
  readonly open: Set<Deno.Conn>;
}

/** Starts a proxy. */
export function connectProxy(options: ConnectProxyOptions = {}): ConnectProxy {
  const where = { hostname: "127.0.0.1", port: 0 };
  const listener: Deno.Listener = options.tls
    ? Deno.listenTls({ ...where, ...options.tls })
    : Deno.listen(where);
  const requests: string[] = [];
  const open = new Set<Deno.Conn>();
  const running = new Set<Promise<void>>();
  const accepting = (async () => {
    for await (const conn of listener) {
      open.add(conn);
      const served = serveOne(conn, options, requests, open)
        .catch(() => {})
        .finally(() => {
          open.delete(conn);
          close(conn);
          running.delete(served);
        });
      running.add(served);
    }
  })();
  return {
    port: (listener.addr as Deno.NetAddr).port,
    requests,
    open,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const conn of open) close(conn);
      await accepting;
      await Promise.all(running);
    },
  };
}

async function serveOne(
  conn: Deno.Conn,
  options: ConnectProxyOptions,
  requests: string[],
  open: Set<Deno.Conn>,
): Promise<void> {
  const { head, rest } = await readHead(conn);
  requests.push(head);
  if (options.answer !== undefined) {
    await writeAll(conn, new TextEncoder().encode(options.answer));
    // Until the client or the test closes it.
    await conn.read(new Uint8Array(1));
    return;
  }
  const [, hostname, port] = /^CONNECT (\S+):(\d+) /.exec(head)!;
  const target = options.target ??
    { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  const server = await Deno.connect(target);
  open.add(server);
  try {
    const answer = `${options.interim ?? ""}HTTP/1.1 200 Established\r\n\r\n`;
    await writeAll(conn, new TextEncoder().encode(answer));
    await writeAll(server, rest);
    await Promise.all([pipe(conn, server), pipe(server, conn)]);
  } finally {
    open.delete(server);
    close(server);
  }
}

async function readHead(
  conn: Deno.Conn,
): Promise<{ head: string; rest: Uint8Array }> {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const size = await conn.read(buffer);
    if (size === null) throw new Error("the client closed the connection");
    text += String.fromCharCode(...buffer.subarray(0, size));
  }
  const end = text.indexOf("\r\n\r\n") + 4;
  const rest = Uint8Array.from(text.slice(end), (char) => char.charCodeAt(0));
  return { head: text.slice(0, end), rest };
}

async function pipe(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (;;) {
    const size = await from.read(buffer);
    if (size === null) break;
    await writeAll(to, buffer.subarray(0, size));
  }
  await to.closeWrite();
}

function close(conn: Deno.Conn): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}

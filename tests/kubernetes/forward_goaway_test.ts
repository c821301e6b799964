/**
 * A server that announces the end of a session of forwarded ports (GOAWAY) while
 * connections over it are open.
 *
 * @module
 */

import { assertEquals, assertRejects } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";
import { forwardPorts } from "../../kubernetes/mod.ts";
import { PodSessions } from "../../kubernetes/forwarding/pod_sessions.ts";
import type { ForwardedConnection } from "../../kubernetes/forwarded.ts";
import type { PortForwarder } from "../../kubernetes/port_forward.ts";
import { ConnectionClosedError } from "../../connection/errors.ts";
import { Connection, PROTO_SPDY3_1, SERVER } from "../../mod.ts";

const encoder = new TextEncoder();

Deno.test("a session that is about to end accepts no more connections, and another one is opened", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const sessions: Connection[] = [];
  const served = (async () => {
    for await (const conn of listener) sessions.push(await answer(conn));
  })();
  const connected: number[] = [];
  await using ports = await forwardPorts({
    target: { url: `http://127.0.0.1:${listener.addr.port}` },
    resource: "pod/web",
    ports: ["0:80"],
    addresses: ["127.0.0.1"],
    transport: "spdy",
    onEvent(event) {
      if (event.type === "connected") connected.push(event.sessions);
    },
  });
  const [{ port }] = ports.addresses;
  using first = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(await echoed(first, "one"), "one");
  void sessions[0].goaway();
  using second = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(await waitFor("an echo", echoed(second, "two")), "two");
  // The open connection continues.
  assertEquals(await echoed(first, "three"), "three");
  assertEquals(connected, [1, 2]);
  await ports.close();
  listener.close();
  await served.catch(() => {});
  await Promise.all(sessions.map((session) => session.close()));
});

/**
 * Sessions of a pod. Each accepts this many connections and then announces its
 * end, but does not end.
 */
class EndingSessions {
  readonly closed: number[] = [];
  opened = 0;

  start(connections: (session: number) => number): Promise<PodSessions> {
    return PodSessions.start({
      found: { name: "web", namespace: "default", pod: {} },
      perSession: 100,
      open: () => Promise.resolve(this.#open(connections)),
      connected: () => {},
      lost: () => {},
    });
  }

  #open(connections: (session: number) => number): PortForwarder {
    const number = ++this.opened;
    if (number > 50) throw new Error("sessions are opened without end");
    let left = connections(number);
    const closed = Promise.withResolvers<void>();
    const forwarder = {
      closed: closed.promise,
      connect: () =>
        left-- > 0
          ? Promise.resolve({} as ForwardedConnection)
          : Promise.reject(
            new ConnectionClosedError("the peer sent GOAWAY", {
              initiator: "remote",
            }),
          ),
      close: () => {
        this.closed.push(number);
        closed.resolve();
        return Promise.resolve();
      },
    };
    return forwarder as unknown as PortForwarder;
  }
}

Deno.test("a client does not open sessions endlessly with a server that announces the end of each one at once", async () => {
  const ending = new EndingSessions();
  const sessions = await ending.start(() => 0);
  for (let opened = 2; opened < 5; opened++) {
    await assertRejects(() => sessions.lease("80"), ConnectionClosedError);
    assertEquals(ending.opened, opened);
  }
  // One is left open: with the last one, all connections would count as lost.
  assertEquals(ending.closed, [1, 2, 3]);
});

Deno.test("an ending session is closed after its last connection, and waiting connections use another one", async () => {
  const ending = new EndingSessions();
  const sessions = await ending.start((session) => session === 1 ? 1 : 10);
  const first = await sessions.lease("80");
  await Promise.all(Array.from({ length: 5 }, () => sessions.lease("80")));
  assertEquals([ending.opened, ending.closed], [2, []]);
  first.release();
  assertEquals(ending.closed, [1]);
});

/** Answers the upgrade, and echoes on each connection. */
async function answer(conn: Deno.TcpConn): Promise<Connection> {
  const buffer = new Uint8Array(4096);
  for (let head = ""; !head.includes("\r\n\r\n");) {
    const size = await conn.read(buffer);
    head += new TextDecoder().decode(buffer.subarray(0, size ?? 0));
  }
  await conn.write(encoder.encode(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n",
  ));
  const connection = new Connection(conn, {
    side: SERVER,
    version: PROTO_SPDY3_1,
    flowControl: false,
  });
  void (async () => {
    for await (const stream of connection) {
      await stream.reply([]);
      stream.readable.pipeTo(stream.writable).catch(() => {});
    }
  })().catch(() => {});
  connection.closed.catch(() => {});
  return connection;
}

async function echoed(conn: Deno.TcpConn, text: string): Promise<string> {
  await conn.write(encoder.encode(text));
  const buffer = new Uint8Array(100);
  const size = await conn.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, size ?? 0));
}

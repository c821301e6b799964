/**
 * 1,000 connections at once to one server, with 10 streams on each. Every stream
 * is answered with the bytes that it sent, and the memory is freed afterwards.
 *
 *     deno task soak
 *
 * @module
 */

import { accept, connect, type Connection, type Stream } from "../../mod.ts";

const CONNECTIONS = 1000;
const STREAMS = 10;
/** Body of each request, bytes. */
const BODY = 2000;
/** Most memory afterwards, compared with before. */
const TOLERANCE = 1.2;

/** Runs the test and prints the figures; returns true if all are good. */
export async function soakConnections(): Promise<boolean> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const served = serveAll(listener);
  // Compiled code and tables that have grown are no leak: they exist before the
  // first measurement.
  await round(port, 100);
  await round(port, 100);
  const before = await memory();
  const begin = performance.now();
  const answered = await round(port, CONNECTIONS);
  const seconds = (performance.now() - begin) / 1000;
  const after = await memory();
  listener.close();
  await served;

  const wanted = CONNECTIONS * STREAMS;
  const ratio = after.used / before.used;
  console.log(
    `${answered} of ${wanted} streams on ${CONNECTIONS} connections answered in ${
      seconds.toFixed(1)
    } s`,
  );
  console.log(
    `memory in use ${mebibytes(before.used)} before, ${
      mebibytes(after.used)
    } after (${ratio.toFixed(2)} x); resident ${mebibytes(before.resident)}, ${
      mebibytes(after.resident)
    }`,
  );
  return answered === wanted && ratio <= TOLERANCE;
}

async function serveAll(listener: Deno.Listener): Promise<void> {
  try {
    for await (const conn of listener) {
      accept(conn).then(serveOne).catch((error) => console.error(error));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

async function serveOne(connection: Connection): Promise<void> {
  for await (const stream of connection) {
    stream.reply([[":status", "200"], [":version", "HTTP/1.1"]]);
    stream.readable.pipeTo(stream.writable).catch((error) =>
      console.error(error)
    );
  }
}

/**
 * Opens all connections, then all streams on them, then closes everything; counts
 * the correct answers.
 */
async function round(port: number, connections: number): Promise<number> {
  const clients = await Promise.all(
    Array.from({ length: connections }, () => connect({ port })),
  );
  const streams = await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: STREAMS }, (_, index) => exchange(client, index))
    ),
  );
  await Promise.all(clients.map((client) => client.close()));
  return streams.filter((good) => good).length;
}

async function exchange(client: Connection, index: number): Promise<boolean> {
  const stream: Stream = await client.openStream([
    [":method", "POST"],
    [":path", `/echo/${index}`],
  ]);
  const body = new Uint8Array(BODY).fill(index + 1);
  const writer = stream.writable.getWriter();
  writer.write(body);
  writer.close();
  const echo = await new Response(stream.readable).bytes();
  return echo.length === BODY && echo.every((byte) => byte === index + 1);
}

async function memory(): Promise<{ used: number; resident: number }> {
  const collect = (globalThis as { gc?: () => void }).gc;
  if (collect === undefined) throw new Error("run with --v8-flags=--expose-gc");
  // Both ends of the last connections still have to close.
  for (let count = 0; count < 5; count++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    collect();
  }
  const { heapUsed, external, rss } = Deno.memoryUsage();
  return { used: heapUsed + external, resident: rss };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1048576).toFixed(1)} MiB`;
}

/** After `unref` of a server, no client keeps the process alive. */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals, TextLineStream } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;

/** A program whose server has no time limit; it calls `unref` when it reads a byte. */
function program(options: string): string {
  return `
    import { serve } from "${MOD}";
    const inner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const listener = {
      addr: inner.addr,
      async accept() {
        const conn = await inner.accept();
        console.log("accepted");
        return conn;
      },
      close: () => inner.close(),
      ref: () => inner.ref(),
      unref: () => inner.unref(),
    };
    const server = serve({
      listener,
      handshakeTimeout: 0x7fffffff,
      onListen: ({ port }) => console.log(port),
      ...${options},
    }, (request) => {
      // It reads once, so the upload may continue after the response.
      request.body?.getReader().read();
      return new Response("x");
    });
    await Deno.stdin.read(new Uint8Array(1));
    server.unref();
  `;
}

/** Longest time of a program that exits, ms; one that waits for its client does not. */
const PATIENCE = 20_000;

const CLIENTS: Record<
  string,
  [options: string, act: (port: number) => Promise<{ close(): unknown }>]
> = {
  "sends nothing": ["{ upgrade: true }", (port) => silent(port, "")],
  "sends a part of a head": [
    "{ upgrade: true }",
    (port) => silent(port, "GET / HT"),
  ],
  "sends no PROXY head": [
    '{ proxyProtocol: "required" }',
    (port) => silent(port, ""),
  ],
  "goes on with an upload after the response": ["{}", async (port) => {
    const client = await connect({ port });
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new Uint8Array(1)),
    });
    const response = await client.fetch("/", { method: "POST", body });
    assertEquals(await response.text(), "x");
    return client;
  }],
};

async function silent(port: number, text: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(text));
  return conn;
}

for (const [what, [options, act]] of Object.entries(CLIENTS)) {
  Deno.test(`unref: a client that ${what} does not keep the process alive`, async () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-check", program(options)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const lines = child.stdout.pipeThrough(new TextDecoderStream())
      .pipeThrough(new TextLineStream()).getReader();
    const port = Number((await lines.read()).value);
    const client = await act(port);
    try {
      assertEquals((await lines.read()).value, "accepted");
      const input = child.stdin.getWriter();
      await input.write(Uint8Array.of(1));
      const { success } = await waitFor("the exit", child.status, PATIENCE);
      assertEquals(success, true);
      await input.close().catch(() => {});
    } finally {
      await client.close();
      await lines.cancel();
      try {
        child.kill("SIGKILL");
      } catch {
        // It has exited.
      }
    }
  });
}

for (const proxyProtocol of [false, "required"] as const) {
  const where = proxyProtocol ? ", behind a load balancer" : "";
  Deno.test(`unref: accepting that fails does not keep the process alive${where}`, async () => {
    using time = virtualTime();
    let accepts = 0;
    let isClosed = false;
    const addr: Deno.NetAddr = { transport: "tcp", hostname: "h", port: 1 };
    const server = serve({
      proxyProtocol,
      listener: {
        addr,
        accept: () => {
          accepts++;
          return Promise.reject(
            isClosed
              ? new Deno.errors.BadResource("Listener has been closed")
              : new Error("Too many open files (os error 24)"),
          );
        },
        close: () => void (isClosed = true),
      },
      onListen() {},
    }, () => new Response());
    await turn();
    assertEquals([accepts, time.timers], [1, 1]);
    server.unref();
    assertEquals(time.timers, 0);
    await time.advance(5);
    assertEquals([accepts, time.timers], [2, 0]);
    server.ref();
    assertEquals(time.timers, 1);
    await time.advance(10);
    assertEquals([accepts, time.timers], [3, 1]);
    await time.until(server.shutdown());
  });
}

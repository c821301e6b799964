/** Accepts that fail, as for want of file descriptors: every loop goes on. */

import { portForward } from "../../cli/port_forward.ts";
import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { serveStreaming } from "../../kubernetes/mod.ts";
import { assertEquals } from "../deps.ts";
import { captureErrors } from "../helpers/http.ts";

/**
 * Until disposed of, listeners fail their first accepts, as a system does that
 * has no descriptor left, and one whose client has gone.
 */
function failingListeners(): Disposable & { readonly failed: () => number } {
  const original = Deno.listen;
  let failed = 0;
  const listen = (options: Deno.ListenOptions): Deno.TcpListener => {
    const listener = original({ transport: "tcp", ...options });
    const failures = [
      new Error("Too many open files (os error 24)"),
      new Deno.errors.ConnectionAborted("software caused connection abort"),
      new Error("Too many open files (os error 24)"),
    ];
    const { accept } = listener;
    listener.accept = () => {
      const failure = failures.shift();
      if (failure === undefined) return accept.call(listener);
      failed++;
      return Promise.reject(failure);
    };
    return listener;
  };
  Deno.listen = listen as typeof Deno.listen;
  return {
    failed: () => failed,
    [Symbol.dispose]: () => {
      Deno.listen = original;
    },
  };
}

Deno.test("serve goes on after accepts that failed", async () => {
  using failing = failingListeners();
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("here"),
  );
  await using client = await connect({ port: server.addr.port });
  assertEquals(await (await client.fetch("/")).text(), "here");
  assertEquals(failing.failed(), 3);
});

Deno.test("serveStreaming goes on after accepts that failed, and tells of them", async () => {
  using failing = failingListeners();
  const told: unknown[] = [];
  await using server = serveStreaming({
    fetch: () => new Response("here"),
    onError: (error) => told.push(error),
  });
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assertEquals(await response.text(), "here");
  assertEquals([failing.failed(), told.length], [3, 3]);
});

Deno.test("spdy port-forward goes on after accepts that failed, and tells of them", async () => {
  await using server = serveStreaming({
    portForward: async ({ readable, writable }) => {
      await readable.pipeTo(writable);
    },
  });
  const { log } = console;
  const listening = Promise.withResolvers<number>();
  console.log = (text: string) =>
    listening.resolve(Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1]));
  try {
    using errors = captureErrors();
    using failing = failingListeners();
    const url = `http://127.0.0.1:${server.addr.port}`;
    const running = portForward.run(["--server", url, "web", "0:80"])
      .catch(() => {});
    const port = await listening.promise;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(new TextEncoder().encode("echo"));
    await conn.closeWrite();
    assertEquals(await new Response(conn.readable).text(), "echo");
    assertEquals([failing.failed(), errors.said.length], [3, 3]);
    await server.shutdown();
    await running;
  } finally {
    console.log = log;
  }
});

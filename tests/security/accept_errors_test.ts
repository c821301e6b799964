/**
 * Accepts that fail, as if there were no free file descriptor: every loop
 * continues. If an accept fails only because its client has disconnected, that is
 * not reported.
 */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { forwardPorts, serveStreaming } from "../../kubernetes/mod.ts";
import { assertEquals } from "../deps.ts";

/** The failures that are reported. */
const REPORTED = [
  "Error: Too many open files (os error 24)",
  "Error: Too many open files (os error 24)",
];

/**
 * Until it is disposed of, the first three accepts of each listener fail: two
 * because no descriptor is free, and one because its client has disconnected.
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

Deno.test("serve continues after failed accepts", async () => {
  using failing = failingListeners();
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("here"),
  );
  await using client = await connect({ port: server.addr.port });
  assertEquals(await (await client.fetch("/")).text(), "here");
  assertEquals(failing.failed(), 3);
});

Deno.test("serveStreaming continues after failed accepts, and reports those that its listener caused", async () => {
  using failing = failingListeners();
  const told: unknown[] = [];
  await using server = serveStreaming({
    fetch: () => new Response("here"),
    onError: (error) => told.push(error),
  });
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
  assertEquals(await response.text(), "here");
  assertEquals(failing.failed(), 3);
  assertEquals(told.map(String), REPORTED);
});

Deno.test("forwardPorts continues after failed accepts, and reports those that its listener caused", async () => {
  await using server = serveStreaming({
    portForward: async ({ readable, writable }) => {
      await readable.pipeTo(writable);
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const reported: unknown[] = [];
  using failing = failingListeners();
  await using forwarded = await forwardPorts({
    target: () => ({ url }),
    resource: "web",
    ports: ["0:80"],
    addresses: ["127.0.0.1"],
    onEvent: (event) => {
      if (event.type === "failed") reported.push(event.reason);
    },
  });
  const { port } = forwarded.addresses[0];
  await using client = await Deno.connect({ hostname: "127.0.0.1", port });
  await client.write(new TextEncoder().encode("echo"));
  await client.closeWrite();
  assertEquals(await new Response(client.readable).text(), "echo");
  assertEquals(failing.failed(), 3);
  assertEquals(reported.map(String), REPORTED);
});

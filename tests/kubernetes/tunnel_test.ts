import { InvalidArgumentError } from "../../errors.ts";
import {
  openTunnel,
  serveStreaming,
  StreamingRefusedError,
  withTunnels,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";

const V4 = "v4.channel.k8s.io";
const PATH = "/api/v1/namespaces/shop/pods/web";

/** The interface that the client library expects of a tunnel, from its documentation. */
interface KubernetesTunnel {
  readonly transportProtocol: "SPDY" | "WebSocket" | "Opaque";
  readonly subProtocol: string;
  getChannel<R extends boolean, W extends boolean>(options: {
    spdyHeaders?: Record<string, string | number>;
    streamIndex?: number;
    readable: R;
    writable: W;
  }): Promise<{
    readable: R extends true ? ReadableStream<Uint8Array> : null;
    writable: W extends true ? WritableStream<Uint8Array> : null;
  }>;
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** A client with a private field, as a class of the library may have. */
class PlainClient {
  readonly #name = "plain";
  readonly defaultNamespace = "shop";
  performRequest(options: { path: string }): Promise<unknown> {
    return Promise.resolve(`${this.#name} ${options.path}`);
  }
  name(): string {
    return this.#name;
  }
}

Deno.test("exec uses a tunnel of a RestClient, and other requests use the client", async () => {
  await using server = serveStreaming({
    async exec({ call, stdin, stdout }) {
      const text = await new Response(stdin).text();
      const output = `${call.namespace} ${call.command} ${text}`;
      await new Blob([output]).stream().pipeTo(stdout);
      return 3;
    },
  });
  const client = withTunnels(
    new PlainClient(),
    () => ({ url: `http://127.0.0.1:${server.addr.port}/` }),
  );
  assertEquals(
    [
      await client.performRequest({ path: "/x" }),
      client.name(),
      client.defaultNamespace,
    ],
    ["plain /x", "plain", "shop"],
  );
  const request = {
    method: "POST",
    path: `${PATH}/exec`,
    querystring: new URLSearchParams("command=cat&stdin=1&stdout=1"),
    expectTunnel: [V4],
  };
  const tunnel = await client.performRequest(request) as KubernetesTunnel;
  assertEquals([tunnel.transportProtocol, tunnel.subProtocol], ["SPDY", V4]);
  const open = <R extends boolean, W extends boolean>(
    streamType: string,
    readable: R,
    writable: W,
  ) => tunnel.getChannel({ spdyHeaders: { streamType }, readable, writable });
  const [error, stdin, stdout] = await Promise.all([
    open("error", true, false),
    open("stdin", false, true),
    open("stdout", true, false),
  ]);
  await tunnel.ready();
  assertEquals([error.writable, stdin.readable], [null, null]);
  await new Blob(["hello"]).stream().pipeTo(stdin.writable);
  assertEquals(await new Response(stdout.readable).text(), "shop cat hello");
  const status = await new Response(error.readable).json();
  assertEquals(status.details.causes[0].message, "3");
  await tunnel.stop();
});

Deno.test("withTunnels copies the fields of a target at the call; a function can change them", async () => {
  const seen: unknown[] = [];
  await using server = serveStreaming({
    exec: async () => {},
    resolve(call) {
      seen.push(call.request.headers.get("authorization"));
      return call;
    },
  });
  const target: { url: string; headers?: HeadersInit } = {
    url: `http://127.0.0.1:${server.addr.port}`,
  };
  const request = { path: `${PATH}/exec?stdout=1`, expectTunnel: [V4] };
  const clients = [target, () => target]
    .map((each) => withTunnels(new PlainClient(), each));
  target.headers = { authorization: "Bearer later" };
  for (const client of clients) {
    const tunnel = await client.performRequest(request) as KubernetesTunnel;
    await tunnel.stop();
  }
  assertEquals(seen, [null, "Bearer later"]);
});

Deno.test("a port is forwarded through a tunnel", async () => {
  await using server = serveStreaming({
    portForward: ({ readable, writable }) => readable.pipeTo(writable),
  });
  const tunnel = await openTunnel(
    { url: `http://127.0.0.1:${server.addr.port}` },
    { path: `${PATH}/portforward`, expectTunnel: ["portforward.k8s.io"] },
  );
  const headers = { port: 80, requestID: 0 };
  const error = await tunnel.getChannel({
    spdyHeaders: { streamType: "error", ...headers },
    readable: true,
    writable: false,
  });
  const data = await tunnel.getChannel({
    spdyHeaders: { streamType: "data", ...headers },
    readable: true,
    writable: true,
  });
  await new Blob(["ping"]).stream().pipeTo(data.writable);
  assertEquals(await new Response(data.readable).text(), "ping");
  assertEquals(await new Response(error.readable).text(), "");
  await tunnel.stop();
});

Deno.test("a tunnel that is refused, aborted or used wrongly is an error", async () => {
  await using server = serveStreaming({ exec: async () => {} });
  const target = { url: `http://127.0.0.1:${server.addr.port}` };
  await assertRejects(
    () =>
      openTunnel(target, {
        path: `${PATH}/portforward`,
        expectTunnel: ["portforward.k8s.io"],
      }),
    StreamingRefusedError,
    "501",
  );
  await assertRejects(
    () =>
      openTunnel(target, {
        path: `${PATH}/exec?stdout=1`,
        expectTunnel: [V4],
        abortSignal: AbortSignal.abort(new Error("no")),
      }),
    Error,
    "no",
  );
  const tunnel = await openTunnel(target, {
    path: `${PATH}/exec?stdout=1`,
    expectTunnel: [V4],
  });
  await assertRejects(
    () =>
      tunnel.getChannel({ streamIndex: 1, readable: true, writable: false }),
    InvalidArgumentError,
    "needs the option spdyHeaders",
  );
  await tunnel.stop();
});

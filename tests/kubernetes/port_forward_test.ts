import { assertEquals, assertRejects } from "../deps.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  type ForwardedConnection,
  type ForwardHandler,
  portForward,
  PortForwardError,
  serveStreaming,
  StreamingRefusedError,
} from "../../kubernetes/mod.ts";
import { virtualTime } from "../helpers/virtual_time.ts";
import {
  type Connection,
  ConnectionClosedError,
  connectUpgrade,
  type NameValue,
  PROTOCOL_ERROR,
} from "../../mod.ts";

const encoder = new TextEncoder();

const echo: ForwardHandler = async ({ port, readable, writable }) => {
  if (port === 1) throw new Error("connection refused");
  await readable.pipeTo(writable);
};

async function ask(
  { readable, writable }: ForwardedConnection,
  text: string,
): Promise<string> {
  const writer = writable.getWriter();
  const written = writer.write(encoder.encode(text)).then(() => writer.close());
  const answer = await new Response(readable).text();
  await written;
  return answer;
}

for (const transport of ["spdy", "websocket"] as const) {
  Deno.test(`port-forward: 50 connections at once, ${transport}`, async () => {
    await using server = serveStreaming({ portForward: echo });
    await using forwarder = await portForward({
      url: `http://127.0.0.1:${server.addr.port}`,
      pod: { name: "web" },
      transport,
    });
    assertEquals(forwarder.transport, transport);
    const texts = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const text = `${index} `.repeat(10_000);
        return await ask(await forwarder.connect(80), text) === text;
      }),
    );
    assertEquals(texts.filter((same) => same).length, 50);
  });

  Deno.test(`port-forward: a port that cannot be reached is an error, ${transport}`, async () => {
    await using server = serveStreaming({ portForward: echo });
    await using forwarder = await portForward({
      url: `http://127.0.0.1:${server.addr.port}`,
      pod: { name: "web" },
      transport,
    });
    const { readable } = await forwarder.connect(1);
    const error = await assertRejects(
      () => new Response(readable).text(),
      PortForwardError,
      "connection refused",
    );
    assertEquals(error.port, 1);
    // The session and its other connections continue.
    assertEquals(await ask(await forwarder.connect(2), "still"), "still");
  });
}

Deno.test("port-forward: the tunnel is tried first, and SPDY if it is refused", async () => {
  const asked: string[] = [];
  await using server = serveStreaming({
    portForward: echo,
    resolve(call) {
      const upgrade = call.request.headers.get("upgrade") ?? "";
      asked.push(upgrade);
      return upgrade === "websocket"
        ? new Response("no", { status: 400 })
        : call;
    },
  });
  const options = {
    url: `http://127.0.0.1:${server.addr.port}`,
    pod: { name: "web" },
  };
  await using forwarder = await portForward(options);
  assertEquals(forwarder.transport, "spdy");
  assertEquals(asked, ["websocket", "SPDY/3.1"]);
  assertEquals(await ask(await forwarder.connect(80), "hello"), "hello");
  await assertRejects(
    () => portForward({ ...options, transport: "websocket" }),
    StreamingRefusedError,
  );
});

Deno.test("port-forward: half-closed connections continue in the other direction", async () => {
  await using server = serveStreaming({
    async portForward({ readable, writable }) {
      const text = await new Response(readable).text();
      const writer = writable.getWriter();
      await writer.write(encoder.encode(`after ${text}`));
      await writer.close();
    },
  });
  await using forwarder = await portForward({
    url: `http://127.0.0.1:${server.addr.port}/portforward/token`,
  });
  assertEquals(forwarder.transport, "spdy");
  assertEquals(
    await ask(await forwarder.connect(80), "the end"),
    "after the end",
  );
});

Deno.test("port-forward: when a client closes one connection, the handler's input fails, and its signal does not abort", async () => {
  const ended = Promise.withResolvers<[outcome: string, aborted: boolean]>();
  await using server = serveStreaming({
    async portForward({ readable, signal }) {
      const outcome = await new Response(readable).text()
        .catch((error) => (error as Error).name);
      ended.resolve([outcome, signal.aborted]);
    },
  });
  await using forwarder = await portForward({
    url: `http://127.0.0.1:${server.addr.port}/portforward/token`,
  });
  (await forwarder.connect(80)).close();
  assertEquals(await ended.promise, ["StreamResetError", false]);
});

Deno.test("port-forward: the end of the session ends its connections", async () => {
  const left = Promise.withResolvers<void>();
  await using server = serveStreaming({
    portForward: ({ signal }) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          left.resolve();
          resolve();
        })
      ),
  });
  const controller = new AbortController();
  const forwarder = await portForward({
    url: `http://127.0.0.1:${server.addr.port}/portforward/token`,
    signal: controller.signal,
  });
  const { readable } = await forwarder.connect(80);
  const read = assertRejects(
    () => new Response(readable).text(),
    ConnectionClosedError,
  );
  controller.abort();
  await read;
  await left.promise;
  await assertRejects(() => forwarder.connect(80));
});

Deno.test("port-forward: ports are 1 to 65535", async () => {
  await using server = serveStreaming({ portForward: echo });
  await using forwarder = await portForward({
    url: `http://127.0.0.1:${server.addr.port}/portforward/token`,
  });
  for (const port of [0, 65536, 1.5, NaN]) {
    await assertRejects(() => forwarder.connect(port), InvalidArgumentError);
  }
});

/** The streams of a client that a test controls. */
async function rawForward(port: number): Promise<Connection> {
  const { connection } = await connectUpgrade(
    `http://127.0.0.1:${port}/portforward/token`,
    {
      method: "POST",
      flowControl: false,
      headers: { "x-stream-protocol-version": "portforward.k8s.io" },
    },
  );
  return connection;
}

Deno.test("port-forward: streams of old clients without request ids are paired by stream id", async () => {
  await using server = serveStreaming({ portForward: echo });
  await using connection = await rawForward(server.addr.port);
  for (let i = 0; i < 2; i++) {
    const [, data] = await Promise.all(
      ["error", "data"].map((type) =>
        connection.openStream([["streamtype", type], ["port", "80"]])
      ),
    );
    await data.response;
    await new Blob(["old"]).stream().pipeTo(data.writable);
    assertEquals(await new Response(data.readable).text(), "old");
  }
});

Deno.test("port-forward: invalid streams are reset", async () => {
  await using server = serveStreaming({ portForward: echo });
  await using connection = await rawForward(server.addr.port);
  const wrong: NameValue[][] = [
    [],
    [["streamtype", "data"]],
    [["streamtype", "data"], ["port", "0"]],
    [["streamtype", "data"], ["port", "65536"]],
    [["streamtype", "data"], ["port", "8o"]],
    [["streamtype", "stdin"], ["port", "80"]],
  ];
  for (const headers of wrong) {
    const stream = await connection.openStream(headers);
    assertEquals(await stream.closed, PROTOCOL_ERROR);
  }
  const twice: NameValue[] = [
    ["streamtype", "data"],
    ["port", "80"],
    ["requestid", "7"],
  ];
  await (await connection.openStream(twice)).response;
  assertEquals(
    await (await connection.openStream(twice)).closed,
    PROTOCOL_ERROR,
  );
});

Deno.test("port-forward: half a connection ends with a timeout", async () => {
  using time = virtualTime();
  await using server = serveStreaming({
    portForward: echo,
    streamCreationTimeout: 30_000,
  });
  await using connection = await rawForward(server.addr.port);
  const error = await connection.openStream(
    [["streamtype", "error"], ["port", "80"], ["requestid", "0"]],
    { fin: true },
  );
  assertEquals(
    await time.until(new Response(error.readable).text()),
    "request 0: timed out waiting for the data stream",
  );
  const data = await connection.openStream(
    [["streamtype", "data"], ["port", "80"], ["requestid", "1"]],
  );
  assertEquals(await time.until(data.closed), PROTOCOL_ERROR);
  await time.until(connection.close());
});

/**
 * The server with clients that only speak WebSockets: Deno's own, and raw ones.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "../deps.ts";
import {
  serveStreaming,
  type StreamingServer,
  type TerminalSize,
} from "../../kubernetes/mod.ts";
import { RawWebSocket } from "../helpers/raw_websocket.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const POD = "/api/v1/namespaces/default/pods/web";

async function say(
  writable: WritableStream<Uint8Array>,
  text: string,
): Promise<void> {
  await new Blob([text]).stream().pipeTo(writable);
}

/** What Deno's own client received. */
interface Seen {
  readonly protocol: string;
  /** Messages in order: the channel, then the text. */
  readonly messages: [channel: number, text: string][];
  readonly status: number;
}

/** Opens a WebSocket with Deno's client, sends messages, and reads to the end. */
function converse(
  { addr }: StreamingServer,
  path: string,
  protocols: string[],
  ...send: (Uint8Array<ArrayBuffer> | string)[]
): Promise<Seen> {
  const { promise, resolve } = Promise.withResolvers<Seen>();
  const socket = new WebSocket(
    `ws://127.0.0.1:${addr.port}${path}`,
    protocols,
  );
  socket.binaryType = "arraybuffer";
  const messages: [number, string][] = [];
  socket.onopen = () => send.forEach((message) => socket.send(message));
  socket.onmessage = ({ data }) => {
    const bytes = typeof data === "string"
      ? encoder.encode(data)
      : new Uint8Array(data);
    messages.push([bytes[0], decoder.decode(bytes.subarray(1))]);
  };
  socket.onclose = ({ code }) =>
    resolve({ protocol: socket.protocol, messages, status: code });
  return promise;
}

/** The text of one channel. */
function textOf({ messages }: Seen, channel: number): string {
  return messages.filter(([each]) => each === channel)
    .map(([, text]) => text).join("");
}

const message = (channel: number, text: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array([channel, ...encoder.encode(text)]);

/** Sub-protocols, each with the form in which its error channel reports exit code 3. */
const VERSIONS: [name: string, hasStatus: boolean][] = [
  ["v5.channel.k8s.io", true],
  ["v4.channel.k8s.io", true],
  ["v3.channel.k8s.io", false],
  ["v2.channel.k8s.io", false],
  ["v1.channel.k8s.io", false],
  ["channel.k8s.io", false],
];

Deno.test("exec over a WebSocket works with every version, in bytes and in base64", async () => {
  await using server = serveStreaming({
    async exec({ call, stdin, stdout, stderr }) {
      const { value } = await stdin.getReader().read();
      await say(stdout, `${call.command} ${decoder.decode(value)}`);
      await say(stderr, "err");
      return 3;
    },
  });
  const path = `${POD}/exec?command=run&stdin=1&stdout=1&stderr=1`;
  for (const [version, hasStatus] of VERSIONS) {
    const plain = await converse(server, path, [version], message(0, "hello"));
    assertEquals(plain.protocol, version);
    assertEquals(plain.status, 1000);
    assertEquals(textOf(plain, 1), "run hello");
    assertEquals(textOf(plain, 2), "err");
    const status = textOf(plain, 3);
    assertStringIncludes(status, "exit status 3");
    assertEquals(status.startsWith("{"), hasStatus, status);
    // The output before the status is complete.
    assertEquals(plain.messages.at(-1)?.[0], 3);

    const name = version.replace("channel", "base64.channel");
    const coded = await converse(server, path, [name], `0${btoa("hello")}`);
    assertEquals(coded.protocol, name);
    const [zero] = encoder.encode("0");
    assertEquals(atob(textOf(coded, zero + 1)), "run hello");
    assertEquals(atob(textOf(coded, zero + 2)), "err");
    assertEquals(atob(textOf(coded, zero + 3)), status);
  }
  // A client that offers no version gets the first one.
  const none = await converse(server, path, [], message(0, "hello"));
  assertEquals([none.protocol, textOf(none, 1)], ["", "run hello"]);
});

Deno.test("the client's first known sub-protocol is used", async () => {
  await using server = serveStreaming({ exec: async () => {} });
  const path = `${POD}/exec?command=run&stdout=1`;
  const { protocol } = await converse(server, path, [
    "v9.channel.k8s.io",
    "v4.channel.k8s.io",
    "v5.channel.k8s.io",
  ]);
  assertEquals(protocol, "v4.channel.k8s.io");
});

Deno.test("a message that ends stdin ends only stdin", async () => {
  await using server = serveStreaming({
    async exec({ stdin, stdout }) {
      await say(stdout, await new Response(stdin).text());
    },
  });
  const path = `${POD}/exec?command=run&stdin=1&stdout=1`;
  const seen = await converse(
    server,
    path,
    ["v5.channel.k8s.io"],
    message(0, "one,"),
    // Nobody reads these channels.
    message(1, "wrong way"),
    message(77, "no channel"),
    new Uint8Array(),
    message(0, "two"),
    new Uint8Array([255, 0]),
    message(0, "too late"),
    new Uint8Array([255, 0]),
  );
  assertEquals(textOf(seen, 1), "one,two");
  assertEquals(JSON.parse(textOf(seen, 3)).status, "Success");
});

Deno.test("a malformed message that ends a channel ends the connection", async () => {
  await using server = serveStreaming({
    exec: ({ signal }) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve())
      ),
  });
  const path = `${POD}/exec?command=run&stdin=1&stdout=1`;
  for (const wrong of [[255], [255, 9], [255, 0, 0]]) {
    const { status } = await converse(
      server,
      path,
      ["v5.channel.k8s.io"],
      new Uint8Array(wrong),
    );
    assertEquals(status, 1008, `${wrong}`);
  }
  // Before v5, that number is a channel that nobody reads.
  const socket = await RawWebSocket.open(
    server.addr.port,
    path,
    "v4.channel.k8s.io",
  );
  await socket.send(2, new Uint8Array([255]));
  await socket.send(9, new Uint8Array());
  assertEquals(await socket.next(), { opcode: 2, payload: "\x01" });
  assertEquals(await socket.next(), { opcode: 10, payload: "" });
  socket.close();
});

Deno.test("sizes of a terminal arrive with every version", async () => {
  await using server = serveStreaming({
    async exec({ resizes, stdout }) {
      const seen: TerminalSize[] = [];
      for await (const size of resizes) {
        seen.push(size);
        if (seen.length === 2) break;
      }
      await say(stdout, JSON.stringify(seen));
    },
  });
  for (const [version] of VERSIONS) {
    const seen = await converse(
      server,
      `${POD}/exec?command=run&stdin=1&stdout=1&tty=1`,
      [version],
      message(4, '{"Width":80,"Height":24}'),
      message(4, '{"width":100,"height":30}'),
    );
    assertEquals(JSON.parse(textOf(seen, 1)), [
      { columns: 80, rows: 24 },
      { columns: 100, rows: 30 },
    ]);
  }
});

Deno.test("each message is a chunk, and each chunk is a message", async () => {
  const chunks: string[] = [];
  await using server = serveStreaming({
    async exec({ stdin, stdout }) {
      const writer = stdout.getWriter();
      for await (const chunk of stdin) {
        chunks.push(decoder.decode(chunk));
        await writer.write(chunk);
        if (chunks.length === 3) break;
      }
    },
  });
  const { messages } = await converse(
    server,
    `${POD}/exec?command=run&stdin=1&stdout=1`,
    ["v4.channel.k8s.io"],
    message(0, "a"),
    // Text is accepted as well, because the Python client sends it.
    "\x00b",
    message(0, "c".repeat(100_000)),
  );
  const wanted = ["a", "b", "c".repeat(100_000)];
  assertEquals(chunks, wanted);
  assertEquals(
    messages.filter(([channel, text]) => channel === 1 && text !== "")
      .map(([, text]) => text),
    wanted,
  );
});

Deno.test("a client that closes the WebSocket ends stdin and aborts the handler's signal", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = serveStreaming({
    async exec({ stdin, signal }) {
      const text = await new Response(stdin).text();
      resolve(`${text} ${signal.aborted}`);
    },
  });
  const socket = await RawWebSocket.open(
    server.addr.port,
    `${POD}/exec?command=run&stdin=1&stdout=1`,
    "v4.channel.k8s.io",
  );
  await socket.send(2, message(0, "all"));
  await socket.send(8, new Uint8Array([3, 232]));
  assertEquals(await promise, "all true");
  assertEquals(await socket.next(), { opcode: 2, payload: "\x01" });
  assertEquals(await socket.next(), { opcode: 8, payload: "\x03\xe8" });
  assertEquals(await socket.next(), undefined);
  socket.close();
});

Deno.test("a broken connection is an error for the reader of stdin", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = serveStreaming({
    async exec({ stdin }) {
      const text = new Response(stdin).text();
      resolve(await text.catch((error) => error.name));
    },
  });
  const socket = await RawWebSocket.open(
    server.addr.port,
    `${POD}/exec?command=run&stdin=1&stdout=1`,
    "v4.channel.k8s.io",
  );
  await socket.send(2, message(0, "not all"));
  socket.close();
  assertEquals(await promise, "ConnectionClosedError");
});

Deno.test("port-forward without SPDY has two channels for each port of the URL", async () => {
  await using server = serveStreaming({
    async portForward({ port, readable, writable }) {
      if (port === 443) throw new Error("connection refused");
      const { value } = await readable.getReader().read();
      await say(writable, `${port}: ${decoder.decode(value)}`);
    },
  });
  const ports = ["ports=80&ports=443&ports=8080", "port=80,443,8080"];
  for (const query of ports) {
    for (const [version] of VERSIONS) {
      const seen = await converse(
        server,
        `${POD}/portforward?${query}`,
        [version],
        message(0, "a"),
        message(4, "b"),
      );
      assertEquals(seen.protocol, version);
      const texts = [0, 1, 2, 3, 4, 5].map((each) => textOf(seen, each));
      // The port is first, in little-endian order.
      const [http, https, alternative] = ["P\0", "\ufffd\x01", "\ufffd\x1f"];
      assertEquals(texts, [
        `${http}80: a`,
        http,
        https,
        `${https}error forwarding port 443: connection refused`,
        `${alternative}8080: b`,
        alternative,
      ]);
      assertEquals(seen.messages[0], [0, http]);
    }
  }
});

Deno.test("port-forward without SPDY: in v5, the input can end alone", async () => {
  await using server = serveStreaming({
    async portForward({ readable, writable }) {
      await say(writable, await new Response(readable).text());
    },
  });
  const seen = await converse(
    server,
    `${POD}/portforward?ports=80`,
    ["v5.channel.k8s.io"],
    message(0, "to the end"),
    new Uint8Array([255, 0]),
  );
  assertEquals(textOf(seen, 0), "P\0to the end");
});

Deno.test("invalid requests for a WebSocket are refused with a status", async () => {
  await using server = serveStreaming({
    exec: async () => {},
    portForward: async () => {},
  });
  const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
  const version = "Sec-WebSocket-Version: 13";
  const v5 = "Sec-WebSocket-Protocol: v5.channel.k8s.io";
  const exec = "GET /exec/token?command=x&output=1";
  const ports = (query: string): string[] => [
    `GET /portforward/token?${query}`,
    key,
    version,
    v5,
  ];
  const many = Array.from({ length: 33 }, (_, port) => port + 1);
  const cases: [lines: string[], status: number, text: string][] = [
    [[exec, key, version, v5], 101, ""],
    [[exec, key, version], 101, ""],
    [[exec, version, v5], 400, "not a valid WebSocket handshake"],
    [[exec, key, v5], 400, "not a valid WebSocket handshake"],
    [
      [exec, key, "Sec-WebSocket-Version: 8", v5],
      426,
      "version 8 of WebSockets",
    ],
    [[exec.replace("GET", "POST"), key, version, v5], 405, "must use GET"],
    [
      [exec, key, version, "Sec-WebSocket-Protocol: chat"],
      403,
      "client supports chat, server accepts v5.channel.k8s.io",
    ],
    [["GET /exec/token?command=x", key, version, v5], 400, "at least 1 of"],
    [
      ["GET /attach/token?output=1", key, version, v5],
      501,
      "does not support attach",
    ],
    [
      [exec, key, version, v5, "Origin: https://evil.example"],
      403,
      "another origin",
    ],
    [ports("ports=80"), 101, ""],
    [ports(""), 400, '"ports" is required'],
    [ports("ports=0"), 400, "1 to 65535"],
    [ports("ports=65536"), 400, "1 to 65535"],
    [ports("ports=http"), 400, "1 to 65535"],
    [ports(`ports=${many}`), 400, "names 33 ports"],
  ];
  for (const [lines, status, text] of cases) {
    const { head, body } = await RawWebSocket.ask(server.addr.port, lines);
    assertEquals(head.split(" ")[1], `${status}`, lines.join("; "));
    assertStringIncludes(body, text);
    if (status !== 426) continue;
    assert(head.toLowerCase().includes("sec-websocket-version: 13"), head);
  }
});

Deno.test("pages of other origins may ask only if they are allowed", async () => {
  await using server = serveStreaming({
    exec: async () => {},
    allowedOrigins: ["https://dashboard.example"],
  });
  const own = `http://127.0.0.1:${server.addr.port}`;
  for (
    const [origin, status] of [
      ["https://dashboard.example", 101],
      [own, 101],
      ["https://dashboard.example.evil.example", 403],
      ["null", 403],
      ["http://localhost:1", 403],
    ]
  ) {
    const { head } = await RawWebSocket.ask(server.addr.port, [
      "GET /exec/token?command=x&output=1",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: v5.channel.k8s.io",
      `Origin: ${origin}`,
    ]);
    assertEquals(head.split(" ")[1], `${status}`, `${origin}`);
  }
});

/**
 * exec over WebSockets with servers that refuse, end in unusual ways, or break
 * rules; and when the client tries SPDY instead.
 *
 * @module
 */

import { assertEquals, assertRejects } from "../deps.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  type CommandProtocol,
  exec,
  type ExecOptions,
  portForward,
  RemoteCommandError,
  serveStreaming,
  StreamingRefusedError,
  WebSocketError,
} from "../../kubernetes/mod.ts";
import { BINARY, encodeFrame } from "../../kubernetes/websocket/frame.ts";
import { acceptKey } from "../../kubernetes/websocket/handshake.ts";
import { WebSocketPeer } from "../../kubernetes/websocket/peer.ts";
import { ConnectionClosedError } from "../../mod.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const V5 = "v5.channel.k8s.io";
const V4 = "v4.channel.k8s.io";
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const SUCCESS = '{"metadata":{},"status":"Success"}';
const STDOUT = 1, STDERR = 2, ERROR = 3;

/** A connection to the server, after the head of the client's request. */
interface Accepted {
  readonly conn: Deno.TcpConn;
  readonly head: string;
}

/** Answers each connection with the next of the functions. */
class OddServer implements AsyncDisposable {
  readonly heads: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #served: Promise<void>;

  constructor(...answers: ((accepted: Accepted) => Promise<void>)[]) {
    this.#served = this.#serve(answers);
  }

  get target(): ExecOptions {
    return {
      url: `http://127.0.0.1:${this.#listener.addr.port}`,
      pod: { name: "web" },
      command: ["run"],
    };
  }

  async #serve(
    answers: readonly ((accepted: Accepted) => Promise<void>)[],
  ): Promise<void> {
    for (const answer of answers) {
      const conn = await this.#listener.accept().catch(() => undefined);
      if (conn === undefined) return;
      let head = "";
      const buffer = new Uint8Array(4096);
      while (!head.includes("\r\n\r\n")) {
        const size = await conn.read(buffer);
        if (size === null) break;
        head += decoder.decode(buffer.subarray(0, size));
      }
      this.heads.push(head);
      await answer({ conn, head });
      try {
        conn.close();
      } catch {
        // It is closed by the answer.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#served;
  }
}

/** Writes an answer without a body. */
function plain(...lines: string[]): (accepted: Accepted) => Promise<void> {
  return async ({ conn }) => {
    await conn.write(encoder.encode(`${lines.join("\r\n")}\r\n\r\n`));
    // The client closes the connection.
    await conn.read(new Uint8Array(1)).catch(() => null);
  };
}

const FORBIDDEN = plain("HTTP/1.1 403 Forbidden", "Content-Length: 0");

/** The server's end of a WebSocket. */
interface Socket {
  readonly peer: WebSocketPeer;
  readonly conn: Deno.TcpConn;
  /** Sends a message on a channel. */
  say(channel: number, text: string): Promise<void>;
  /** Reads to the client's close. */
  drain(): Promise<void>;
}

/** Accepts the WebSocket, then runs `work`. */
function granting(
  work: (socket: Socket) => Promise<void>,
  protocol: string = V5,
): (accepted: Accepted) => Promise<void> {
  return async ({ conn, head }) => {
    const key = /^sec-websocket-key: (\S+)/im.exec(head)?.[1] ?? "";
    await conn.write(encoder.encode(
      [
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        "Upgrade: websocket",
        `Sec-WebSocket-Accept: ${await acceptKey(key)}`,
        `Sec-WebSocket-Protocol: ${protocol}`,
        "",
        "",
      ].join("\r\n"),
    ));
    const peer = new WebSocketPeer(conn, false);
    await work({
      peer,
      conn,
      say: (channel, text) =>
        peer.send(BINARY, encoder.encode(text), [channel]),
      async drain() {
        while (await peer.read().catch(() => null) !== null);
      },
    });
  };
}

/**
 * The result of a process: both outputs and the status, each as a value or the
 * class of an error.
 */
async function outcome(options: ExecOptions): Promise<unknown[]> {
  const process = await exec(options);
  const name = (error: unknown): string => (error as Error).constructor.name;
  return await Promise.all([
    new Response(process.stdout).text().catch(name),
    new Response(process.stderr).text().catch(name),
    process.status.then(({ code }) => code, name),
  ]);
}

Deno.test("auto offers only v5 over a WebSocket, and then the others over SPDY", async () => {
  await using server = new OddServer(FORBIDDEN, FORBIDDEN);
  await assertRejects(() => exec(server.target), StreamingRefusedError);
  const [first, second] = server.heads;
  assertEquals(first.split(" ")[0], "GET");
  assertEquals(
    /^sec-websocket-protocol: (.*)\r$/im.exec(first)?.[1],
    V5,
  );
  assertEquals(second.split(" ")[0], "POST");
  assertEquals(
    [...second.matchAll(/^x-stream-protocol-version: (.*)\r$/gim)]
      .map(([, name]) => name),
    [V4, "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"],
  );
});

Deno.test("every refusal of the WebSocket leads to SPDY", async () => {
  const upgrade = [
    "HTTP/1.1 101 Switching Protocols",
    "Connection: Upgrade",
    "Upgrade: websocket",
  ];
  const refusals = [
    FORBIDDEN,
    plain("HTTP/1.1 400 Bad Request", "Content-Length: 0"),
    plain("HTTP/1.1 200 OK", "Content-Length: 0"),
    plain(...upgrade, "Sec-WebSocket-Accept: wrong"),
    granting(({ drain }) => drain(), "v3.channel.k8s.io"),
  ];
  for (const refusal of refusals) {
    await using server = new OddServer(refusal, FORBIDDEN);
    const error = await assertRejects(
      () => exec(server.target),
      StreamingRefusedError,
    );
    // The error of the second attempt.
    assertEquals(error.status, 403);
    assertEquals(server.heads.length, 2);
  }
});

Deno.test("a connection that breaks does not lead to SPDY", async () => {
  await using server = new OddServer(
    ({ conn }) => Promise.resolve(conn.close()),
    FORBIDDEN,
  );
  await assertRejects(() => exec(server.target), ConnectionClosedError);
  assertEquals(server.heads.length, 1);
});

Deno.test("a selected transport is the only one that is tried", async () => {
  for (const transport of ["websocket", "spdy"] as const) {
    await using server = new OddServer(FORBIDDEN, FORBIDDEN);
    await assertRejects(
      () => exec({ ...server.target, transport }),
      StreamingRefusedError,
    );
    assertEquals(server.heads.length, 1);
    const isWebSocket = /^upgrade: websocket/im.test(server.heads[0]);
    assertEquals(isWebSocket, transport === "websocket");
  }
  // The URL of a container runtime is valid only once.
  await using server = new OddServer(FORBIDDEN);
  const { url } = server.target;
  await assertRejects(() => exec({ url }), StreamingRefusedError);
  assertEquals(/^upgrade: spdy/im.test(server.heads[0]), true);
});

Deno.test("older versions are offered over a WebSocket if stdin does not have to end", async () => {
  const offered = async (
    options: Partial<ExecOptions>,
  ): Promise<string | undefined> => {
    await using server = new OddServer(FORBIDDEN);
    const all = {
      ...server.target,
      transport: "websocket",
      ...options,
    } as const;
    await assertRejects(() => exec(all), StreamingRefusedError);
    return /^sec-websocket-protocol: (.*)\r$/im.exec(server.heads[0])?.[1];
  };
  assertEquals(
    await offered({}),
    `${V5}, ${V4}, v3.channel.k8s.io, v2.channel.k8s.io, channel.k8s.io`,
  );
  assertEquals(await offered({ stdin: true }), V5);
  assertEquals(await offered({ stdin: true, protocols: [V4] }), V4);
  await assertRejects(
    () => exec({ url: "http://127.0.0.1:1", protocols: [] }),
    InvalidArgumentError,
    "no sub-protocol to offer",
  );
});

Deno.test("the client sends stdin, its end, and sizes", async () => {
  const messages: string[] = [];
  await using server = new OddServer(granting(async ({ peer, say, drain }) => {
    while (messages.length < 3) {
      const part = await peer.read();
      if (part === null) break;
      messages.push(String.fromCharCode(...part.data));
    }
    await say(ERROR, SUCCESS);
    await peer.close();
    await drain();
  }));
  const process = await exec({ ...server.target, stdin: true, tty: true });
  const writer = process.stdin.getWriter();
  await writer.write(encoder.encode("ls\n"));
  await process.resize(80, 24);
  await writer.close();
  assertEquals((await process.status).code, 0);
  assertEquals(messages, [
    "\x00ls\n",
    '\x04{"Width":80,"Height":24}\n',
    "\xff\x00",
  ]);
  assertEquals(await new Response(process.stdout).text(), "");
});

Deno.test("before v5, closing stdin fails because no message exists for it", async () => {
  await using server = new OddServer(
    granting(({ drain }) => drain(), V4),
  );
  await using process = await exec({
    ...server.target,
    transport: "websocket",
    protocols: [V4],
    stdin: true,
  });
  await assertRejects(
    () => process.stdin.close(),
    InvalidArgumentError,
    "has no message that ends standard input",
  );
});

Deno.test("a command ends correctly over a WebSocket", async () => {
  const cases: [
    name: string,
    work: (socket: Socket) => Promise<void>,
    expected: unknown[],
    protocol?: CommandProtocol,
  ][] = [
    ["status, then close", async ({ peer, say }) => {
      await say(STDOUT, "");
      await say(ERROR, "");
      await say(STDOUT, "out");
      await say(STDERR, "err");
      await say(ERROR, SUCCESS);
      await peer.close();
    }, ["out", "err", 0]],
    ["status, then a break", async ({ say }) => {
      await say(STDOUT, "out");
      await say(ERROR, SUCCESS);
    }, ["out", "", 0]],
    ["status, then a close that reports an error", async ({ peer, say }) => {
      await say(STDOUT, "out");
      await say(ERROR, SUCCESS);
      await peer.close(1011);
    }, ["out", "", 0]],
    [
      "close without a status",
      async ({ peer, say }) => {
        await say(STDOUT, "half");
        await peer.close();
      },
      ["RemoteCommandError", "RemoteCommandError", "RemoteCommandError"],
    ],
    [
      "a break without a status",
      async ({ say }) => await say(STDOUT, "half"),
      [
        "ConnectionClosedError",
        "ConnectionClosedError",
        "ConnectionClosedError",
      ],
    ],
    [
      "a close that reports an error",
      async ({ peer }) => await peer.close(1011),
      ["WebSocketError", "WebSocketError", "WebSocketError"],
    ],
    [
      "an incomplete status",
      async ({ peer, say }) => {
        await say(ERROR, SUCCESS.slice(0, 9));
        await peer.close();
      },
      ["RemoteCommandError", "RemoteCommandError", "RemoteCommandError"],
    ],
    [
      "text before v4",
      async ({ peer, say }) => {
        await say(STDOUT, "out");
        await say(ERROR, "exit ");
        await say(ERROR, "status 3");
        await peer.close();
      },
      ["out", "", undefined],
      "v3.channel.k8s.io",
    ],
    [
      "no word before v4",
      async ({ peer, say }) => {
        await say(STDOUT, "out");
        await peer.close();
      },
      ["out", "", 0],
      "v3.channel.k8s.io",
    ],
  ];
  for (const [name, work, expected, protocol = V5] of cases) {
    await using server = new OddServer(granting(async (socket) => {
      await work(socket);
      await socket.conn.closeWrite();
      await socket.drain();
    }, protocol));
    const options = { ...server.target, protocols: [protocol] };
    const seen = await outcome({ ...options, transport: "websocket" });
    assertEquals(seen, expected, name);
  }
});

Deno.test("the client does not wait for a server that does not close after the status", async () => {
  using time = virtualTime();
  await using server = new OddServer(granting(async ({ say, drain }) => {
    await say(STDOUT, "out");
    await say(ERROR, SUCCESS);
    await drain();
  }));
  assertEquals(await time.until(outcome(server.target)), ["out", "", 0]);
});

Deno.test("if a server breaks a rule, the server and the caller get the reason", async () => {
  const frames: [frame: Uint8Array, status: number, message: string][] = [
    [encodeFrame(BINARY, new Uint8Array(1), new Uint8Array(4)), 1002, "masked"],
    [new Uint8Array([0xc2, 0]), 1002, "reserved bits"],
    [new Uint8Array([0x81, 1, 0xff]), 1007, "not UTF-8"],
    [new Uint8Array([0x80, 0]), 1002, "none has begun"],
  ];
  for (const [frame, status, message] of frames) {
    const closed = Promise.withResolvers<number | undefined>();
    await using server = new OddServer(granting(async ({ peer, conn }) => {
      await conn.write(frame);
      while (await peer.read().catch(() => null) !== null);
      closed.resolve(peer.closedWith);
    }));
    const process = await exec(server.target);
    const error = await assertRejects(
      () => process.status,
      WebSocketError,
      message,
    );
    assertEquals(error.initiator, "remote");
    await assertRejects(() => new Response(process.stdout).text());
    await process.close();
    assertEquals(await closed.promise, status);
  }
});

Deno.test("an abort while the answer to the handshake is checked is not lost", async () => {
  await using server = serveStreaming({
    async exec({ stdin }) {
      await new Response(stdin).bytes();
    },
    async portForward({ readable }) {
      await new Response(readable).bytes();
    },
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  const common = { url, pod: { name: "web" }, transport: "websocket" } as const;
  const { digest } = crypto.subtle;
  for (
    const connect of [
      (signal: AbortSignal) =>
        exec({ ...common, command: ["run"], stdin: true, signal }),
      (signal: AbortSignal) => portForward({ ...common, signal }),
    ]
  ) {
    const controller = new AbortController();
    let calls = 0;
    crypto.subtle.digest = async (...parts) => {
      const hash = await digest.apply(crypto.subtle, parts);
      // The first key is the server's.
      if (++calls === 2) controller.abort(new Error("enough"));
      return hash;
    };
    try {
      await assertRejects(
        async () => {
          await using _connected = await connect(controller.signal);
        },
        Error,
        "enough",
      );
    } finally {
      crypto.subtle.digest = digest;
    }
    assertEquals(calls, 2);
  }
});

Deno.test("a silent server gets pings on request, and the connection ends without an answer", async () => {
  using time = virtualTime();
  await using server = new OddServer(granting(async ({ conn }) => {
    // Reads, but answers nothing.
    const buffer = new Uint8Array(100);
    while (await conn.read(buffer).catch(() => null) !== null);
  }));
  const process = await exec({
    ...server.target,
    keepAlive: { interval: 5000, timeout: 20_000 },
  });
  const failed = assertRejects(
    () => process.status,
    ConnectionClosedError,
    "within 20000 ms after a ping",
  );
  await time.until(failed);
});

Deno.test("a status that reports a failure of the server keeps its reason", async () => {
  await using server = new OddServer(granting(async ({ peer, say, drain }) => {
    await say(
      ERROR,
      '{"status":"Failure","reason":"NotFound","message":"no such container","code":404}',
    );
    await peer.close();
    await drain();
  }));
  const process = await exec(server.target);
  const error = await assertRejects(
    () => process.status,
    RemoteCommandError,
    "no such container",
  );
  assertEquals([error.reason, error.httpStatus], ["NotFound", 404]);
  assertEquals(await new Response(process.stdout).text(), "");
});

import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertRejects,
  assertThrows,
} from "../deps.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  attach,
  COMMAND_PROTOCOLS,
  exec,
  type ExecOptions,
  type ProcessHandler,
  RemoteCommandError,
  serveStreaming,
  StreamingRefusedError,
  type StreamingServer,
  type TerminalSize,
} from "../../kubernetes/mod.ts";
import { ConnectionClosedError, StreamResetError } from "../../mod.ts";
import { waitFor } from "../helpers/deadline.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { Random } from "../helpers/random.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

const encoder = new TextEncoder();

/** A test that runs over each transport. */
function testEach(
  name: string,
  test: (target: (server: StreamingServer) => ExecOptions) => Promise<void>,
): void {
  for (const transport of ["spdy", "websocket"] as const) {
    Deno.test(
      `${name}; ${transport}`,
      () => test((server) => ({ ...target(server), transport })),
    );
  }
}

function target({ addr }: StreamingServer): ExecOptions {
  return {
    url: `http://127.0.0.1:${addr.port}`,
    pod: { name: "web" },
    command: ["run"],
  };
}

async function say(
  writable: WritableStream<Uint8Array>,
  text: string,
): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(encoder.encode(text));
  await writer.close();
}

/** Passes one connection on to a server, and reports when bytes come back. */
class Link {
  readonly port: number;
  readonly ended: Promise<void>;
  readonly #listener: Deno.TcpListener;
  #arrived = Promise.withResolvers<void>();

  constructor(target: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    this.ended = this.#pass(target);
  }

  /** Resolves when the client has read the next bytes of the server. */
  moreFromServer(): Promise<void> {
    this.#arrived = Promise.withResolvers();
    return this.#arrived.promise;
  }

  async #pass(target: number): Promise<void> {
    const near = await this.#listener.accept();
    this.#listener.close();
    const far = await Deno.connect({ hostname: "127.0.0.1", port: target });
    await Promise.allSettled([
      near.readable.pipeTo(far.writable),
      this.#passBack(far, near),
    ]);
  }

  async #passBack(far: Deno.Conn, near: Deno.Conn): Promise<void> {
    const writer = near.writable.getWriter();
    for await (const bytes of far.readable) {
      await writer.write(bytes);
      // The bytes are in the client's socket now, and are read in one of the next turns.
      for (let count = 0; count < 10; count++) await turn();
      this.#arrived.resolve();
    }
    await writer.close();
  }
}

/** The sub-protocol that a client and a server of this module agree on. */
const PROTOCOL_OVER = {
  spdy: "v4.channel.k8s.io",
  websocket: "v5.channel.k8s.io",
};

const greet: ProcessHandler = async ({ stdout, stderr }) => {
  await say(stdout, "out");
  await say(stderr, "err");
  return 7;
};

const echo: ProcessHandler = async ({ stdin, stdout }) => {
  await stdin.pipeTo(stdout);
};

testEach("exec: both outputs and the exit code arrive", async (target) => {
  await using server = serveStreaming({ exec: greet });
  const process = await exec(target(server));
  assertEquals(process.protocol, PROTOCOL_OVER[process.transport]);
  assertEquals(await new Response(process.stdout).text(), "out");
  assertEquals(await new Response(process.stderr).text(), "err");
  assertEquals((await process.status).code, 7);
});

testEach("exec: the handler gets the request", async (target) => {
  const { promise, resolve } = Promise.withResolvers<string>();
  await using server = serveStreaming({
    // deno-lint-ignore require-await
    async exec({ call }) {
      resolve([
        call.namespace,
        call.pod,
        call.container,
        ...call.command,
        call.request.headers.get("authorization"),
      ].join(" "));
    },
  });
  await using process = await exec({
    ...target(server),
    pod: { namespace: "shop", name: "web/1", container: "main" },
    command: ["ls", "a b&c"],
    headers: { authorization: "Bearer secret" },
  });
  assertEquals((await process.status).code, 0);
  assertEquals(await promise, "shop web/1 main ls a b&c Bearer secret");
});

testEach("exec: input arrives completely and in order", async (target) => {
  await using server = serveStreaming({ exec: echo });
  const body = new Random(3).bytes(3_000_000);
  const process = await exec({ ...target(server), stdin: true, stderr: false });
  const sent = ReadableStream.from(new Random(4).pieces(body, 100_000))
    .pipeTo(process.stdin);
  const back = new Uint8Array(await new Response(process.stdout).arrayBuffer());
  await sent;
  assertEquals(back.length, body.length);
  assert(back.every((byte, index) => byte === body[index]));
});

Deno.test("exec: every sub-protocol works, with the exit code if it carries one", async () => {
  await using server = serveStreaming({ exec: greet });
  const codes = [];
  for (
    const [protocol, transport] of COMMAND_PROTOCOLS.flatMap((name) =>
      (["spdy", "websocket"] as const).map((each) => [name, each] as const)
    )
  ) {
    const options = { ...target(server), protocols: [protocol], transport };
    if (protocol === "v5.channel.k8s.io" && transport === "spdy") {
      await assertRejects(() => exec(options), InvalidArgumentError, "v5");
      continue;
    }
    const process = await exec(options);
    assertEquals(process.protocol, protocol);
    assertEquals(process.transport, transport);
    assertEquals(await new Response(process.stdout).text(), "out");
    await process.stderr.cancel();
    const { code, success } = await process.status;
    codes.push([code, success]);
    await process.close();
  }
  assertEquals(codes, [
    [7, false],
    ...Array.from({ length: 2 }, () => [7, false]),
    ...Array.from({ length: 6 }, () => [undefined, false]),
  ]);
});

testEach(
  "exec with a terminal: sizes arrive, stderr is not there",
  async (target) => {
    await using server = serveStreaming({
      async exec({ resizes, stdout, stderr }) {
        await say(stderr, "leads nowhere");
        const seen: TerminalSize[] = [];
        for await (const size of resizes) {
          seen.push(size);
          if (seen.length === 2) break;
        }
        await say(stdout, JSON.stringify(seen));
      },
    });
    const process = await exec({ ...target(server), tty: true });
    await process.resize(80, 24);
    await process.resize(65535, 1);
    assertEquals(JSON.parse(await new Response(process.stdout).text()), [
      { columns: 80, rows: 24 },
      { columns: 65535, rows: 1 },
    ]);
    assertThrows(() => process.stderr, InvalidArgumentError);
    for (const [columns, rows] of [[0, 24], [80, 65536], [1.5, 2]]) {
      await assertRejects(
        () => process.resize(columns, rows),
        InvalidArgumentError,
      );
    }
    await process.status;
  },
);

testEach("without a terminal, resize is refused", async (target) => {
  await using server = serveStreaming({ exec: greet });
  await using process = await exec(target(server));
  await assertRejects(() => process.resize(80, 24), InvalidArgumentError);
  assertThrows(() => process.stdin, InvalidArgumentError, "stdin");
});

testEach(
  "exec: an exception of the handler reaches the client",
  async (target) => {
    await using server = serveStreaming({
      exec({ call }) {
        if (call.command[0] === "typed") {
          throw new RemoteCommandError("no such container", {
            reason: "NotFound",
            httpStatus: 404,
          });
        }
        throw new Error("out of pretend memory");
      },
    });
    for (
      const [command, reason, message] of [
        ["typed", "NotFound", "no such container"],
        ["other", "InternalError", "out of pretend memory"],
      ]
    ) {
      await using process = await exec({
        ...target(server),
        command: [command],
      });
      const error = await assertRejects(
        () => process.status,
        RemoteCommandError,
        message,
      );
      assertEquals(error.reason, reason);
    }
  },
);

testEach(
  "exec: a handler that leaves its output unfinished ends it",
  async (target) => {
    await using server = serveStreaming({
      async exec({ stdout }) {
        await stdout.getWriter().write(encoder.encode("begun"));
        return 1;
      },
    });
    const process = await exec({ ...target(server), stderr: false });
    assertEquals(await new Response(process.stdout).text(), "begun");
    assertEquals((await process.status).code, 1);
  },
);

testEach("exec: a process may end while its input is sent", async (target) => {
  await using server = serveStreaming({
    async exec({ stdout }) {
      await say(stdout, "enough");
      return 5;
    },
  });
  const process = await exec({ ...target(server), stdin: true, stderr: false });
  const zeros = new Uint8Array(65536);
  const sent = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(zeros),
  }).pipeTo(process.stdin);
  sent.catch(() => {});
  assertEquals(await new Response(process.stdout).text(), "enough");
  assertEquals((await process.status).code, 5);
  await assertRejects(() => sent);
});

testEach("attach is served by its own handler", async (target) => {
  await using server = serveStreaming({ attach: echo });
  const { command: _command, ...options } = target(server);
  const process = await attach({ ...options, stdin: true, stderr: false });
  await say(process.stdin, "hello");
  assertEquals(await new Response(process.stdout).text(), "hello");
  const refused = await assertRejects(
    () => exec(target(server)),
    StreamingRefusedError,
  );
  assertEquals(refused.status, 501);
});

testEach(
  "the signal of a handler aborts when its client leaves",
  async (target) => {
    const left = Promise.withResolvers<void>();
    await using server = serveStreaming({
      async exec({ signal }) {
        signal.addEventListener("abort", () => left.resolve());
        await left.promise;
      },
    });
    const process = await exec(target(server));
    const reading = assertRejects(
      () => new Response(process.stdout).text(),
      ConnectionClosedError,
    );
    await process.close();
    await reading;
    await assertRejects(() => process.status, ConnectionClosedError);
    await left.promise;
  },
);

testEach(
  "a server that goes away in the middle is an error, not an end",
  async (target) => {
    const started = Promise.withResolvers<void>();
    const server = serveStreaming({
      async exec({ stdout, signal }) {
        await stdout.getWriter().write(encoder.encode("half"));
        started.resolve();
        await new Promise((resolve) =>
          signal.addEventListener("abort", resolve)
        );
      },
    });
    const process = await exec({ ...target(server), stderr: false });
    const text = new Response(process.stdout).text();
    const rejected = assertRejects(() => text, ConnectionClosedError);
    await started.promise;
    await server.shutdown();
    await rejected;
    await assertRejects(() => process.status, ConnectionClosedError);
  },
);

testEach(
  "a signal ends an exec before and after it has started",
  async (target) => {
    await using server = serveStreaming({
      exec: ({ signal }) =>
        new Promise((resolve) =>
          signal.addEventListener("abort", () => resolve())
        ),
    });
    const aborted = AbortSignal.abort(new Error("changed my mind"));
    await assertRejects(
      () => exec({ ...target(server), signal: aborted }),
      Error,
      "changed my mind",
    );
    const controller = new AbortController();
    const process = await exec({
      ...target(server),
      signal: controller.signal,
    });
    controller.abort();
    await assertRejects(() => process.status, ConnectionClosedError);
    await process.close();
  },
);

Deno.test("a server that accepts and stays silent ends with a timeout", async () => {
  using time = virtualTime();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const failed = assertRejects(
    () =>
      exec({
        url: `http://127.0.0.1:${listener.addr.port}`,
        pod: { name: "web" },
        timeout: 30_000,
      }),
    ConnectionClosedError,
    "within 30000 ms",
  );
  const conn = await listener.accept();
  await time.until(failed);
  conn.close();
});

Deno.test("a client that opens too few streams ends with a timeout", async () => {
  using time = virtualTime();
  await using server = serveStreaming({
    exec: greet,
    streamCreationTimeout: 30_000,
    // The server waits for a stdin that this client does not open.
    resolve: (call) => ({ ...call, stdin: true }),
  });
  const process = await exec({ ...target(server), transport: "spdy" });
  await assertRejects(
    () => time.until(process.status),
    ConnectionClosedError,
  );
  assertGreaterOrEqual(time.now(), 30_000);
  await time.until(process.close());
});

Deno.test("an unexpected stream is reset", async () => {
  await using server = serveStreaming({
    exec: greet,
    resolve: (call) => ({ ...call, stderr: false }),
  });
  await assertRejects(
    () => exec({ ...target(server), transport: "spdy" }),
    StreamResetError,
  );
});

testEach(
  "resolve may refuse, and the client gets the reason",
  async (target) => {
    await using server = serveStreaming({
      exec: greet,
      resolve: () =>
        Response.json({ kind: "Status", message: "pods is forbidden" }, {
          status: 403,
        }),
    });
    const error = await assertRejects(
      () => exec(target(server)),
      StreamingRefusedError,
      "the server refused with 403: pods is forbidden",
    );
    assertEquals(error.status, 403);
  },
);

testEach("exec over TLS with a private authority", async (target) => {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serveStreaming({ exec: greet, cert, key });
  const options = {
    ...target(server),
    url: `https://localhost:${server.addr.port}`,
  };
  const process = await exec({ ...options, tls: { caCerts: [caCert] } });
  assertEquals(await new Response(process.stdout).text(), "out");
  assertEquals(await new Response(process.stderr).text(), "err");
  assertEquals((await process.status).code, 7);
  await assertRejects(() => exec(options), Error, "certificate");
});

Deno.test("invalid URLs and options are refused", async () => {
  await assertRejects(
    () => exec({ url: "ftp://127.0.0.1/" }),
    InvalidArgumentError,
    "ftp:",
  );
  assertThrows(
    () => serveStreaming({ cert: "only" }),
    InvalidArgumentError,
  );
});

testEach(
  "an idle exec is kept alive by PINGs that are asked for",
  async (target) => {
    using time = virtualTime();
    const over = Promise.withResolvers<void>();
    await using server = serveStreaming({
      async exec({ stdout }) {
        await over.promise;
        await say(stdout, "at last");
      },
    });
    const link = new Link(server.addr.port);
    const process = await exec({
      ...target(server),
      url: `http://127.0.0.1:${link.port}`,
      stderr: false,
      keepAlive: { interval: 10_000, timeout: 40_000 },
    });
    // Ten minutes, in which a PING without an answer would end the connection.
    for (let count = 0; count < 60; count++) {
      const answered = link.moreFromServer();
      await time.advance(10_000);
      await waitFor("the answer to a PING", answered);
    }
    over.resolve();
    assertEquals(await new Response(process.stdout).text(), "at last");
    assertEquals((await process.status).code, 0);
    await process.close();
    await link.ended;
  },
);

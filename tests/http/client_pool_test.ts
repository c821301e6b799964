/** Connections of a client: how many there are, and for how long. */

import type { Transport } from "../../connection/transport/transport.ts";
import { Client, type ClientOptions } from "../../http/client/client.ts";
import type { SpdyResponse } from "../../http/fetch/spdy_response.ts";
import { coreOf } from "../../connection.ts";
import type { NameValue } from "../../frame/types.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../deps.ts";
import { collect, withCollector } from "../helpers/collector.ts";
import { memoryPair, type Pair } from "../helpers/connections.ts";
import { waitFor } from "../helpers/deadline.ts";
import { RESPONSE } from "../helpers/http.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

const URL = "http://h/";

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Resolves when the condition is true. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Bytes that a decoder accepts, and after which it waits for more. */
const HEAD_OF_GZIP = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);

interface Origin extends AsyncDisposable {
  readonly client: Client;
  readonly pairs: Pair[];
}

/** A client, and servers that allow two streams at a time and begin endless responses. */
function endless(
  options: ClientOptions = {},
  headers: readonly NameValue[] = [],
): Origin {
  const pairs: Pair[] = [];
  const client = new Client({
    ...options,
    connect: async () => {
      const pair = memoryPair({
        server: { limits: { maxConcurrentStreams: 2 } },
      });
      pairs.push(pair);
      answerAll(pair, headers).catch(() => {});
      // Its SETTINGS have arrived.
      await pair.client.ping();
      return pair.client;
    },
  });
  return {
    client,
    pairs,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      for (const pair of pairs) await pair[Symbol.asyncDispose]();
    },
  };
}

async function answerAll(
  { server }: Pair,
  headers: readonly NameValue[] = [],
): Promise<void> {
  for await (const stream of server) {
    stream.reply([...RESPONSE, ...headers]).then(() =>
      stream.write(HEAD_OF_GZIP)
    )
      .catch(() => {});
  }
}

Deno.test("client: another connection is opened when all streams are in use", async () => {
  await using origin = endless({ maxConnectionsPerOrigin: 3 });
  const { client, pairs } = origin;
  const responses: SpdyResponse[] = [];
  for (let count = 1; count <= 6; count++) {
    responses.push(await waitFor("a response", client.fetch(URL)));
    assertEquals(pairs.length, Math.ceil(count / 2));
  }
  // All are in use, and no more connections are allowed.
  let answered = false;
  const seventh = client.fetch(URL).then((response) => {
    answered = true;
    return response;
  });
  for (const pair of pairs) await pair.client.ping();
  assertEquals([answered, pairs.length], [false, 3]);
  // It is enough that one of them has a free place.
  for (const response of responses) await response.body?.cancel();
  await (await waitFor("the seventh", seventh)).body?.cancel();
});

Deno.test("client: a waiting request uses the first connection with a free stream", async () => {
  for (const freed of [0, 1, 2]) {
    await using origin = endless({ maxConnectionsPerOrigin: 3 });
    const { client, pairs } = origin;
    const responses: SpdyResponse[] = [];
    for (let count = 0; count < 6; count++) {
      responses.push(await client.fetch(URL));
    }
    const waiting = [client.fetch(URL), client.fetch(URL), client.fetch(URL)];
    const queued = (): number[] =>
      pairs.map(({ client }) => coreOf(client).pending.queued);
    await waitFor("one on each", until(() => queued().join() === "1,1,1"));
    // Both streams of one connection end.
    await responses[2 * freed].body?.cancel();
    await responses[2 * freed + 1].body?.cancel();
    const moved = await waitFor("one of them", Promise.any(waiting));
    await waitFor(
      "two of them",
      until(() => queued().join("").length === 3 && sum(queued()) === 1),
    );
    assertEquals(queued()[freed], 0);
    await moved.body?.cancel();
    for (const each of await waitFor("all", Promise.all(waiting))) {
      await each.body?.cancel();
    }
    for (const each of responses) await each.body?.cancel();
    assertEquals(pairs.length, 3);
  }
});

Deno.test("client: waiting requests use a newly opened connection", async () => {
  await using origin = endless({ maxConnectionsPerOrigin: 2 });
  const { client, pairs } = origin;
  // They are kept, because responses that are collected release their streams.
  const open: SpdyResponse[] = [];
  for (let count = 0; count < 4; count++) open.push(await client.fetch(URL));
  const waiting = [client.fetch(URL), client.fetch(URL)];
  const queued = (): number =>
    sum(pairs.map(({ client }) => coreOf(client).pending.queued));
  await waitFor("both to wait", until(() => queued() === 2));
  pairs[0].server.goaway().catch(() => {});
  // One of them waited there; it opens a connection that has room for both.
  const responses = await waitFor("both", Promise.all(waiting));
  assertEquals([open.length, responses.length, pairs.length], [4, 2, 3]);
});

Deno.test("client: a waiting request can be cancelled wherever it waits", async () => {
  await using origin = endless({ maxConnectionsPerOrigin: 2 });
  const { client, pairs } = origin;
  const responses: SpdyResponse[] = [];
  for (let count = 0; count < 4; count++) {
    responses.push(await client.fetch(URL));
  }
  const abort = new AbortController();
  const { signal } = abort;
  const waiting = client.fetch(URL, { signal });
  await responses[0].body?.cancel();
  await responses[2].body?.cancel();
  abort.abort();
  await assertRejects(() => waiting, DOMException);
  await waitFor(
    "both places",
    until(() => pairs.every(({ client }) => coreOf(client).pending.hasRoom)),
  );
});

Deno.test("client: simultaneous requests share the connections that they need", async () => {
  await using origin = endless();
  const asked = Array.from({ length: 5 }, () => origin.client.fetch(URL));
  const responses = await waitFor("five responses", Promise.all(asked));
  assertEquals(origin.pairs.length, 3);
  for (const response of responses) await response.body?.cancel();
});

Deno.test("client: the failure of a further connection is harmless", async () => {
  const pair = memoryPair({ server: { limits: { maxConcurrentStreams: 1 } } });
  answerAll(pair).catch(() => {});
  await pair.client.ping();
  let dialed = 0;
  await using client = new Client({
    connect: () => {
      if (dialed++ === 0) return Promise.resolve(pair.client);
      return Promise.reject(new Error("no more"));
    },
  });
  const first = await client.fetch(URL);
  const second = client.fetch(URL);
  await pair.client.ping();
  assertEquals(dialed, 2);
  await first.body?.cancel();
  await (await waitFor("the second", second)).body?.cancel();
  await pair[Symbol.asyncDispose]();
});

Deno.test("client: maxConnectionsPerOrigin is a whole number from 1", () => {
  for (const maxConnectionsPerOrigin of [0, -1, 1.5, NaN]) {
    assertThrows(
      () => new Client({ maxConnectionsPerOrigin }),
      InvalidArgumentError,
      "maxConnectionsPerOrigin",
    );
  }
});

for (
  const headers of [
    [["content-encoding", "identity"]],
    [["content-encoding", "gzip"]],
    [["content-encoding", "identity"], ["content-length", "1000"]],
    [["content-encoding", "gzip"], ["content-length", "1000"]],
  ] satisfies NameValue[][]
) {
  withCollector.test({
    name: `client: responses that are dropped unread give their streams back, ${
      headers.map((header) => header.join(": ")).join(", ")
    }`,
    async fn() {
      await using origin = endless(
        { maxConnectionsPerOrigin: 1 },
        headers,
      );
      const { client, pairs } = origin;
      const drop = async (signal?: AbortSignal): Promise<void> => {
        const response = await client.fetch(URL, { signal });
        assertEquals(response.status, 200);
      };
      await drop();
      // What watches a signal must not keep them.
      const abort = new AbortController();
      await drop(abort.signal);
      // A response that is being read stays, even if nothing else refers to it.
      let ended = false;
      const third = client.fetch(URL).then((response) => response.text());
      third.then(() => ended = true, () => ended = true);
      const ids = (): string =>
        pairs[0].client.stats().streams.map(({ id }) => id).join();
      const collected = (expected: string): Promise<void> =>
        waitFor(
          `the streams ${expected}`,
          until(() => {
            collect?.();
            return ids() === expected;
          }),
        );
      await collected("5");
      // Later responses are collected, and it is still there.
      for (const id of [7, 9]) {
        await drop();
        assertEquals(ids(), `5,${id}`);
        await collected("5");
      }
      assert(!ended);
      assert(!abort.signal.aborted);
      await client.close();
      await third.catch(() => {});
    },
  });
}

Deno.test("a request that waits long for a stream is reported once, with the reason", async () => {
  using time = virtualTime();
  const warnings: string[] = [];
  const { warn } = console;
  console.warn = (text: string) => void warnings.push(text);
  try {
    const origin = endless({ maxConnectionsPerOrigin: 1 });
    const { client } = origin;
    const begun = [1, 2, 3, 4].map((each) => client.fetch(`${URL}${each}`));
    for (const each of begun) each.catch(() => {});
    // From here on, they are sent or wait.
    for (let turn = 0; turn < 20; turn++) await time.advance(1);
    await time.advance(4000);
    assertEquals(warnings, []);
    await time.advance(2000);
    assertEquals(warnings.length, 1);
    assert(
      warnings[0].includes(
        "the request for http://h/3 has waited 5 s for a stream: the server allows 2 at a time, all are in use, and on 2 of them a response waits",
      ),
      warnings[0],
    );
    await time.advance(20_000);
    assertEquals(warnings.length, 1);
    const ended = origin[Symbol.asyncDispose]();
    await time.advance(120_000);
    await ended;
  } finally {
    console.warn = warn;
  }
});

/** Runs a program that imports the module; resolves to its output when it has ended. */
async function run(program: string): Promise<string> {
  const root = new globalThis.URL("../../", import.meta.url);
  const code =
    `import { Client, connect, connectUpgrade, serve } from "${root}mod.ts";
    const server = serve({ hostname: "127.0.0.1", port: 0, upgrade: true, onListen() {} },
      (request) => request.url.endsWith("/never") ? new Promise(() => {}) : new Response("x"));
    server.unref();
    const { port } = server.addr;
    const url = "http://127.0.0.1:" + port + "/";
    ${program}
    console.log("done");`;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-check",
      "--no-config",
      `data:text/javascript,${encodeURIComponent(code)}`,
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const { stdout, stderr } = await waitFor(
    "the program to end",
    child.output(),
  );
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  return decoder.decode(stdout);
}

Deno.test("a program exits although its client is idle", async () => {
  const tuning = `{ keepAlive: { interval: 86400000 }, idleTimeout: 86400000 }`;
  const output = await run(`
    const client = new Client(${tuning});
    for (let count = 0; count < 3; count++) {
      console.log(await (await client.fetch(url)).text());
    }
  `);
  assertEquals(output, "x\nx\nx\ndone\n");
});

Deno.test("a program exits although its client has an idle connection that was upgraded", async () => {
  const output = await run(`
    const client = new Client({
      connect: async (origin) => (await connectUpgrade(origin + "/", {
        keepAlive: { interval: 86400000 },
        idleTimeout: 86400000,
      })).connection,
    });
    console.log(await (await client.fetch(url)).text());
  `);
  assertEquals(output, "x\ndone\n");
});

Deno.test("an open request keeps the process alive, unless the client has unref()", async () => {
  const output = await run(`
    const client = new Client();
    await (await client.fetch(url)).text();
    client.unref();
    client.fetch(url + "never");
    setTimeout(() => {}, 100);
  `);
  assertEquals(output, "done\n");
});

Deno.test("a connection with unref() does not keep the process alive, with ref() it does", async () => {
  const output = await run(`
    const tuning = { keepAlive: { interval: 86400000 }, idleTimeout: 86400000, headerTimeout: 86400000 };
    const connection = await connect({ port, ...tuning });
    console.log(await (await connection.fetch(url)).text());
    connection.unref();
    connection.ref();
    connection.fetch(url + "never").catch(() => {});
    connection.ping().then(() => {
      console.log("pong");
      connection.unref();
    });
  `);
  assertEquals(output, "x\ndone\npong\n");
});

Deno.test("client: a server that stays silent in the TLS handshake stops the client for 30 s only", async () => {
  using time = virtualTime();
  const began: PromiseWithResolvers<void>[] = [];
  let closed = 0;
  const dial = (): Promise<Transport> => {
    const shaking = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<null>();
    began.push(shaking);
    return Promise.resolve({
      read: () => ended.promise,
      write: (data: Uint8Array) => {
        shaking.resolve();
        return Promise.resolve(data.length);
      },
      closeWrite: () => Promise.resolve(),
      close: () => {
        closed++;
        ended.resolve(null);
      },
    });
  };
  await using client = new Client({ dial });
  const ask = () => client.fetch("https://server.test/");
  for (let count = 1; count <= 2; count++) {
    const asked = Promise.all([assertRejects(ask), assertRejects(ask)]);
    await until(() => began.length === count);
    await began[count - 1].promise;
    await time.advance(30_000);
    for (const error of await asked) {
      assertMatch(
        String(error),
        /server\.test:443 did not complete the TLS handshake within 30000 ms/,
      );
    }
    assertGreaterOrEqual(closed, count);
  }
  assertEquals(began.length, 2);
});

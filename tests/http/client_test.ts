/** `Client`: one connection for each origin, and a new one when it is needed. */

import type { Connection } from "../../http/connection.ts";
import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { Client } from "../../http/client/client.ts";
import { serve } from "../../http/server/serve.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { INTERNAL_ERROR, REFUSED_STREAM } from "../../frame/constants.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { memoryPair, type Pair } from "../helpers/connections.ts";
import {
  assertFetchFails,
  nextStream,
  RESPONSE,
  VERSIONS,
} from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";
import { turn } from "../helpers/virtual_time.ts";

for (const version of VERSIONS) {
  Deno.test(`client: one connection for each origin, ${versionName(version)}`, async () => {
    const ports = new Set<number>();
    const options = { hostname: "127.0.0.1", port: 0, version, onListen() {} };
    const handler = (_: Request, info: { remoteAddr: Deno.NetAddr }) => {
      ports.add(info.remoteAddr.port);
      return new Response("x");
    };
    await using one = serve(options, handler);
    await using two = serve(options, handler);
    await using client = new Client({ version });
    for (let i = 0; i < 3; i++) {
      const responses = await Promise.all([
        client.fetch(`http://127.0.0.1:${one.addr.port}/`),
        client.fetch(`http://127.0.0.1:${one.addr.port}/`),
        client.fetch(`http://127.0.0.1:${two.addr.port}/`),
      ]);
      for (const response of responses) await response.text();
    }
    assertEquals(ports.size, 2);
  });
}

Deno.test("client: it fetches an https URL over TLS with ALPN", async () => {
  const { cert, key, caCert } = await makeCertificate();
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    (request) => new Response(request.url),
  );
  await using client = new Client({ tls: { caCerts: [caCert] } });
  const url = `https://localhost:${server.addr.port}/x`;
  assertEquals(await (await client.fetch(url)).text(), url);
});

Deno.test("client: it connects again after the server has left", async () => {
  let port = 0;
  const run = () =>
    serve(
      { hostname: "127.0.0.1", port, onListen() {} },
      () => new Response("x"),
    );
  await using client = new Client();
  for (let i = 0; i < 3; i++) {
    await using server = run();
    port = server.addr.port;
    const response = await client.fetch(`http://127.0.0.1:${port}/`);
    assertEquals(await response.text(), "x");
  }
  await assertFetchFails(
    () => client.fetch(`http://127.0.0.1:${port}/`),
    Deno.errors.ConnectionRefused,
  );
});

/** A client whose connections all lead to this program, where `answer` answers each one. */
function scripted(
  answer: (server: Connection, made: number) => Promise<void>,
  retries?: number,
): { client: Client; pairs: Pair[] } & AsyncDisposable {
  const pairs: Pair[] = [];
  const client = new Client({
    retries,
    // deno-lint-ignore require-await -- a rejection instead of an exception
    connect: async () => {
      const pair = memoryPair();
      pairs.push(pair);
      answer(pair.server, pairs.length).catch(() => {});
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

Deno.test("client: a refused stream is sent again", async () => {
  let refused = 0;
  await using script = scripted(async (server) => {
    for await (const stream of server) {
      if (refused < 2) {
        refused++;
        stream.reset(REFUSED_STREAM);
      } else {
        await stream.reply([...RESPONSE]);
        await stream.readable.pipeTo(stream.writable);
      }
    }
  });
  const response = await script.client.fetch("http://h/", {
    method: "POST",
    body: "again",
  });
  assertEquals(await response.text(), "again");
  assertEquals(refused, 2);
  assertEquals(script.pairs.length, 1);
});

Deno.test("client: it gives up after the set number of retries", async () => {
  let refused = 0;
  await using script = scripted(async (server) => {
    for await (const stream of server) {
      refused++;
      stream.reset(REFUSED_STREAM);
    }
  }, 1);
  await assertFetchFails(
    () => script.client.fetch("http://h/"),
    StreamResetError,
  );
  assertEquals(refused, 2);
});

Deno.test("client: a request that may have been processed is not sent again", async () => {
  let seen = 0;
  await using script = scripted(async (server) => {
    for await (const stream of server) {
      seen++;
      stream.reset(INTERNAL_ERROR);
    }
  });
  await assertFetchFails(
    () => script.client.fetch("http://h/"),
    StreamResetError,
  );
  assertEquals(seen, 1);
  await using dying = scripted(async (server) => {
    await nextStream(server);
    seen++;
    await server.close();
  });
  await assertFetchFails(
    () => dying.client.fetch("http://h/"),
    ConnectionClosedError,
  );
  assertEquals(seen, 2);
});

Deno.test("client: a body that was begun is not sent again", async () => {
  let refused = 0;
  await using script = scripted(async (server) => {
    for await (const stream of server) {
      refused++;
      stream.reset(REFUSED_STREAM);
    }
  });
  const body = ReadableStream.from([new Uint8Array(3)]);
  await assertFetchFails(
    () => script.client.fetch("http://h/", { method: "PUT", body }),
    StreamResetError,
  );
  assertEquals(refused, 1);
});

Deno.test("client: requests above a GOAWAY's last id use a new connection", async () => {
  await using script = scripted(async (server, made) => {
    if (made === 1) return;
    for await (const stream of server) {
      await stream.reply([...RESPONSE, ["x-made", String(made)]], {
        fin: true,
      });
    }
  });
  const ask = async (): Promise<string | null> => {
    const response = await script.client.fetch("http://h/");
    await response.text();
    return response.headers.get("x-made");
  };
  const first = ask();
  // One turn, in which the client connects.
  await Promise.resolve();
  const { server } = script.pairs[0];
  const stream = await nextStream(server);
  // These two requests were sent before the client received GOAWAY.
  server.goaway();
  const crossing = [ask(), ask()];
  await stream.reply([...RESPONSE, ["x-made", "1"]], { fin: true });
  assertEquals(await Promise.all([first, ...crossing]), ["1", "2", "2"]);
  assertEquals(script.pairs.length, 2);
});

Deno.test("client: a signal cancels one request, but not the connecting", async () => {
  const release = Promise.withResolvers<void>();
  const pair = memoryPair();
  await using client = new Client({
    connect: async () => {
      await release.promise;
      return pair.client;
    },
  });
  const abort = new AbortController();
  const first = client.fetch("http://h/", { signal: abort.signal });
  const second = client.fetch("http://h/");
  abort.abort(new Error("not this one"));
  await assertRejects(() => first, Error, "not this one");
  release.resolve();
  const stream = await nextStream(pair.server);
  await stream.reply([...RESPONSE], { fin: true });
  assertEquals((await second).status, 200);
  await (await second).text();
  await pair[Symbol.asyncDispose]();
});

Deno.test("client: calls after close and invalid options are refused", async () => {
  const client = new Client();
  await client.close();
  await assertFetchFails(
    () => client.fetch("http://h/"),
    InvalidArgumentError,
    "the client is closed",
  );
  for (const retries of [-1, 0.5, NaN]) {
    assertThrows(() => new Client({ retries }), InvalidArgumentError);
  }
});

Deno.test("client: close ends open responses", async () => {
  await using script = scripted(async (server) => {
    const stream = await nextStream(server);
    await stream.reply([...RESPONSE]);
  });
  const response = await script.client.fetch("http://h/");
  await script.client.close();
  await assertFetchFails(() => response.text(), ConnectionClosedError);
});

Deno.test("client: close() does not wait for a pending connection", async () => {
  const late = Promise.withResolvers<Connection>();
  const begun = Promise.withResolvers<void>();
  const client = new Client({
    connect: () => {
      begun.resolve();
      return late.promise;
    },
  });
  const asked = [1, 2].map(() => client.fetch("http://h/"));
  const refused = asked.map((each) =>
    assertFetchFails(() => each, InvalidArgumentError, "the client is closed")
  );
  await begun.promise;
  await client.close();
  await Promise.all(refused);
  // If one is opened nevertheless, it is closed.
  await using pair = memoryPair();
  late.resolve(pair.client);
  await pair.client.closed;
  await pair.server.closed;
});

Deno.test("client: close() ends a pending TLS handshake", async () => {
  // A server that accepts connections and sends nothing.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const client = new Client();
  const asked = client.fetch(`https://127.0.0.1:${port}/`);
  const refused = assertFetchFails(() => asked, InvalidArgumentError);
  using conn = await listener.accept();
  await client.close();
  await refused;
  // A part of a TLS hello, then the end.
  const buffer = new Uint8Array(4096);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // Or a reset.
  }
});

Deno.test("client: a connector that aborts the request and then fails causes no unhandled rejection", async () => {
  const controller = new AbortController();
  await using client = new Client({
    connect: () => {
      controller.abort(new Error("no longer wanted"));
      return Promise.reject(new Error("no route"));
    },
  });
  const { signal } = controller;
  await assertRejects(
    () => client.fetch("http://h/", { signal }),
    Error,
    "no longer wanted",
  );
  // Deno reports an unhandled rejection at the end of a turn, and it fails the test.
  await turn();
});

Deno.test("client: a signal ends a wait for a connection and leaves no listener", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => new Response(await request.bytes()),
  );
  await using client = new Client();
  const origin = `http://127.0.0.1:${server.addr.port}/`;
  for (const body of [undefined, "text", "x".repeat(100_000)]) {
    const method = body === undefined ? "GET" : "POST";
    for (let count = 0; count < 5; count++) {
      const response = await client.fetch(origin, { method, body, signal });
      await response.text();
      await response.stream.closed;
    }
  }
  assertEquals(listeners, 0);
  await using stuck = new Client({ connect: () => new Promise(() => {}) });
  const asked = stuck.fetch(origin, { signal });
  const refused = assertRejects(() => asked, Error, "no longer wanted");
  controller.abort(new Error("no longer wanted"));
  await refused;
});

Deno.test("client: a connector whose connections accept no requests is an error, not a loop", async () => {
  await using pair = memoryPair();
  await pair.client.close();
  await using client = new Client({
    connect: () => Promise.resolve(pair.client),
  });
  const error = await assertFetchFails(
    () => client.fetch("http://h/"),
    ConnectionClosedError,
    "accepts no requests",
  );
  assertEquals(error.unprocessed, true);
});

import {
  type AddressInfo,
  connect as netConnect,
  createServer,
  type Socket,
} from "node:net";
import {
  connect as tlsConnect,
  createServer as createTlsServer,
  type TLSSocket,
} from "node:tls";
import {
  accept,
  CANCEL,
  CLIENT,
  connect,
  Connection,
  type ConnectionTuning,
  getNpnProtocols,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SERVER,
  SETTINGS_INITIAL_WINDOW_SIZE,
  type SettingsEntry,
  type Stream,
} from "../../mod.ts";
import { assert, assertEquals, assertGreaterOrEqual, fail } from "../deps.ts";
import { listenWith, makeCertificate } from "../helpers/certificate.ts";
import { Random } from "../helpers/random.ts";
import {
  startTransport,
  type TransportConnection,
  type TransportStream,
  type TransportVersion,
} from "./spdy_transport.ts";

const VERSIONS: readonly (readonly [
  name: string,
  ours: ProtocolVersion,
  theirs: TransportVersion,
])[] = [
  ["SPDY/2", PROTO_SPDY2, 2],
  ["SPDY/3", PROTO_SPDY3, 3],
  ["SPDY/3.1", PROTO_SPDY3_1, 3.1],
];

const WIDE_WINDOW: readonly SettingsEntry[] = [
  [SETTINGS_INITIAL_WINDOW_SIZE, 0, 64 * 1024 * 1024],
];

const BODY_SIZES = [0, 1, 64 * 1024, 5 * 1024 * 1024];

/** A connection between us and spdy-transport, over loopback TCP. */
interface Pair {
  readonly ours: Connection;
  readonly theirs: TransportConnection;
  /** Streams that spdy-transport's side has accepted; only if it is the server. */
  readonly taken: Queue<TransportStream>;
  /** Work that runs beside the test: the test waits for its end, and fails as soon as it fails. */
  meanwhile(work: Promise<void>): void;
}

/** Values from events, for whoever waits for them later. */
class Queue<T> {
  readonly #items: T[] = [];
  #waiting: ((item: T) => void) | undefined;

  push(item: T): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.#waiting = resolve);
  }
}

for (const [name, version, theirVersion] of VERSIONS) {
  for (const size of BODY_SIZES) {
    Deno.test(`${name}: spdy-transport posts ${size} bytes to us and gets them back`, async () => {
      await withTheirClient(
        version,
        theirVersion,
        async ({ ours, theirs, meanwhile }) => {
          meanwhile(serveOne(ours, async (stream) => {
            assertEquals(value(stream.headers, ":method"), "POST");
            assertEquals(value(stream.headers, ":path"), "/echo");
            assertEquals(value(stream.headers, "x-size"), String(size));
            await stream.reply([[":status", "200 OK"], [
              ":version",
              "HTTP/1.1",
            ], ["x-echo", "yes"]]);
            await stream.readable.pipeTo(stream.writable);
          }));
          const body = new Random(size).bytes(size);
          const request = theirs.request({
            method: "POST",
            path: "/echo",
            host: "example.com",
            headers: { "x-size": String(size) },
          });
          const response = responseOf(request);
          const echoed = bodyOf(request);
          request.end(body);
          const { status, headers } = await response;
          assertEquals(status, 200);
          assertEquals(headers["x-echo"], "yes");
          assertEquals(await echoed, body);
        },
      );
    });

    Deno.test(`${name}: we post ${size} bytes to spdy-transport and get them back`, async () => {
      await withTheirServer(
        version,
        theirVersion,
        async ({ ours, taken, meanwhile }) => {
          meanwhile(
            taken.next().then((stream) => {
              assertEquals(stream.method, "POST");
              assertEquals(stream.path, "/echo");
              assertEquals(stream.headers["x-size"], String(size));
              stream.respond(200, { "x-echo": ["a", "b"] });
              stream.pipe(stream);
            }),
          );
          const body = new Random(size).bytes(size);
          const stream = await ours.openStream([
            ...requestTo("POST", "/echo"),
            ["x-size", String(size)],
          ]);
          const sent = send(stream, body);
          const headers = await stream.response;
          assertEquals(value(headers, ":status"), "200 OK");
          assertEquals(
            headers.filter(([name]) => name === "x-echo").map(([, v]) => v),
            ["a", "b"],
          );
          assertEquals(
            new Uint8Array(await new Response(stream.readable).arrayBuffer()),
            body,
          );
          await sent;
        },
      );
    });
  }

  Deno.test(`${name}: spdy-transport sends 50 GETs to us at the same time`, async () => {
    await withTheirClient(
      version,
      theirVersion,
      async ({ ours, theirs, meanwhile }) => {
        meanwhile((async () => {
          let left = 50;
          for await (const stream of ours) {
            const path = value(stream.headers, ":path");
            await stream.reply([[":status", "200 OK"], [
              ":version",
              "HTTP/1.1",
            ]]);
            await send(
              stream,
              new TextEncoder().encode(`you asked for ${path}`),
            );
            if (--left === 0) break;
          }
        })());
        await Promise.all(Array.from({ length: 50 }, async (_, index) => {
          const path = `/item/${index}`;
          const request = theirs.request({ method: "GET", path });
          const body = await bodyOf(request);
          assertEquals(new TextDecoder().decode(body), `you asked for ${path}`);
        }));
      },
    );
  });

  Deno.test(`${name}: we send 50 GETs to spdy-transport at the same time`, async () => {
    await withTheirServer(
      version,
      theirVersion,
      async ({ ours, taken, meanwhile }) => {
        meanwhile((async () => {
          for (let left = 50; left > 0; left--) {
            const stream = await taken.next();
            stream.respond(200, {});
            stream.end(`you asked for ${stream.path}`);
          }
        })());
        await Promise.all(Array.from({ length: 50 }, async (_, index) => {
          const path = `/item/${index}`;
          const stream = await ours.openStream(requestTo("GET", path), {
            fin: true,
          });
          const body = await new Response(stream.readable).text();
          assertEquals(body, `you asked for ${path}`);
        }));
      },
    );
  });

  Deno.test(`${name}: spdy-transport resets one of our streams, and we reset one of its streams`, async () => {
    await withTheirClient(
      version,
      theirVersion,
      async ({ ours, theirs }) => {
        const streams = ours[Symbol.asyncIterator]();
        const cancelled = theirs.request({
          method: "POST",
          path: "/cancelled",
        });
        cancelled.on("error", () => {});
        const first = await next(streams);
        cancelled.abort();
        assertEquals(await first.closed, CANCEL);

        const refused = theirs.request({ method: "POST", path: "/refused" });
        const error = errorOf(refused);
        const second = await next(streams);
        second.reset(3);
        assertEquals((await error).message, "Got RST: REFUSED_STREAM");

        // The connection continues after both.
        const last = theirs.request({ method: "GET", path: "/last" });
        const body = bodyOf(last);
        const third = await next(streams);
        await third.reply([[":status", "200 OK"], [":version", "HTTP/1.1"]]);
        await send(third, Uint8Array.of(7));
        assertEquals(await body, Uint8Array.of(7));
      },
    );
  });

  Deno.test(`${name}: we reset one of spdy-transport's streams, and it resets one of ours`, async () => {
    await withTheirServer(
      version,
      theirVersion,
      async ({ ours, taken }) => {
        const cancelled = await ours.openStream(
          requestTo("POST", "/cancelled"),
        );
        const first = await taken.next();
        const closed = new Promise((resolve) => first.once("close", resolve));
        cancelled.response.catch(() => {});
        cancelled.reset(CANCEL);
        await closed;

        const refused = await ours.openStream(requestTo("POST", "/refused"));
        refused.response.catch(() => {});
        const second = await taken.next();
        second.abort("REFUSED_STREAM");
        assertEquals(await refused.closed, 3);

        const last = await ours.openStream(requestTo("GET", "/last"), {
          fin: true,
        });
        const third = await taken.next();
        third.respond(200, {});
        third.end(Uint8Array.of(7));
        assertEquals(await bytesOf(last), Uint8Array.of(7));
      },
    );
  });

  Deno.test(`${name}: pings work both ways with spdy-transport as client`, async () => {
    await withTheirClient(
      version,
      theirVersion,
      async ({ ours, theirs }) => {
        await new Promise<void>((resolve) => theirs.ping(resolve));
        assertGreaterOrEqual(await ours.ping(), 0);
      },
    );
  });

  Deno.test(`${name}: pings work both ways with spdy-transport as server`, async () => {
    await withTheirServer(
      version,
      theirVersion,
      async ({ ours, theirs }) => {
        assertGreaterOrEqual(await ours.ping(), 0);
        await new Promise<void>((resolve) => theirs.ping(resolve));
      },
    );
  });

  Deno.test(`${name}: we push to spdy-transport`, async () => {
    await withTheirClient(
      version,
      theirVersion,
      async ({ ours, theirs, meanwhile }) => {
        const body = new Random(1).bytes(100_000);
        meanwhile(serveOne(ours, async (stream) => {
          const push = await stream.push([
            ...requestTo("GET", "/pushed"),
            [":status", "200 OK"],
            ["x-pushed", "yes"],
          ]);
          await send(push, body);
          await stream.reply([[":status", "204 No Content"], [
            ":version",
            "HTTP/1.1",
          ]], { fin: true });
        }));
        const request = theirs.request({ method: "GET", path: "/" });
        const response = responseOf(request);
        const pushed = Promise.withResolvers<void>();
        // Its response arrives in the same turn, so the listeners for all of
        // them continue at once.
        request.on("pushPromise", (stream: TransportStream) => {
          const checks = async (): Promise<void> => {
            const pushedResponse = responseOf(stream);
            const pushedBody = bodyOf(stream);
            assertEquals(stream.path, "/pushed");
            assertEquals(stream.headers["x-pushed"], "yes");
            assertEquals((await pushedResponse).status, 200);
            assertEquals(await pushedBody, body);
          };
          checks().then(pushed.resolve, pushed.reject);
        });
        assertEquals((await response).status, 204);
        await pushed.promise;
      },
    );
  });

  Deno.test(`${name}: spdy-transport pushes to us`, async () => {
    await withTheirServer(
      version,
      theirVersion,
      async ({ ours, taken, meanwhile }) => {
        const body = new Random(2).bytes(100_000);
        meanwhile(
          taken.next().then((stream) => {
            stream.pushPromise({
              method: "GET",
              path: "/pushed",
              host: "example.com",
              status: 200,
              response: { "x-pushed": "yes" },
            }, (error, push) => {
              if (error) fail(error.message);
              push.end(body);
            });
            stream.respond(200, {});
            stream.end("page");
          }),
        );
        const stream = await ours.openStream(requestTo("GET", "/"), {
          fin: true,
        });
        const push = await next(ours[Symbol.asyncIterator]());
        assertEquals(push.associatedStreamId, stream.id);
        assertEquals(value(push.headers, ":path"), "/pushed");
        assertEquals(value(push.headers, "x-pushed"), "yes");
        assertEquals(await bytesOf(push), body);
        assertEquals(await new Response(stream.readable).text(), "page");
      },
      { acceptServerStreams: true },
    );
  });
}

Deno.test("TLS: spdy-transport as client and we agree on SPDY/3.1 by ALPN", async () => {
  const certificate = await makeCertificate();
  using listener = listenWith(certificate, getNpnProtocols());
  const socket = tlsConnect({
    host: "127.0.0.1",
    port: listener.addr.port,
    servername: "localhost",
    ca: certificate.caCert,
    ALPNProtocols: ["spdy/3.1", "spdy/3"],
  });
  const [ours] = await Promise.all([
    listener.accept().then((conn) => accept(conn)),
    new Promise<void>((resolve) => socket.once("secureConnect", resolve)),
  ]);
  assertEquals(socket.alpnProtocol, "spdy/3.1");
  assertEquals(ours.version, PROTO_SPDY3_1);
  await run(ours, socket, { isServer: false, version: 3.1 }, async (pair) => {
    pair.meanwhile(serveOne(pair.ours, async (stream) => {
      await stream.reply([[":status", "200 OK"], [":version", "HTTP/1.1"]]);
      await stream.readable.pipeTo(stream.writable);
    }));
    const body = new Random(3).bytes(200_000);
    const request = pair.theirs.request({ method: "POST", path: "/echo" });
    const echoed = bodyOf(request);
    request.end(body);
    assertEquals(await echoed, body);
  });
});

Deno.test("TLS: we and spdy-transport as server agree on SPDY/3 by ALPN", async () => {
  const { cert, key, caCert } = await makeCertificate();
  const listener = createTlsServer({ cert, key, ALPNProtocols: ["spdy/3"] });
  await new Promise<void>((resolve) =>
    listener.listen(0, "127.0.0.1", () => resolve())
  );
  const accepted = new Promise<TLSSocket>((resolve) =>
    listener.once("secureConnection", resolve)
  );
  const { port } = listener.address() as AddressInfo;
  const ours = await connect({ port, tls: { caCerts: [caCert] } });
  const socket = await accepted;
  // It ends with the connection.
  const closed = new Promise((resolve) => listener.close(resolve));
  assertEquals(ours.version, PROTO_SPDY3);
  await run(ours, socket, { isServer: true, version: 3 }, async (pair) => {
    pair.meanwhile(
      pair.taken.next().then((stream) => {
        stream.respond(200, {});
        stream.pipe(stream);
      }),
    );
    const body = new Random(4).bytes(200_000);
    const stream = await pair.ours.openStream(requestTo("POST", "/echo"));
    const sent = send(stream, body);
    assertEquals(await bytesOf(stream), body);
    await sent;
  });
  await closed;
});

Deno.test("SPDY/3.1: after spdy-transport's GOAWAY, open requests finish", async () => {
  await withTheirClient(
    PROTO_SPDY3_1,
    3.1,
    async ({ ours, theirs }) => {
      const streams = ours[Symbol.asyncIterator]();
      const request = theirs.request({ method: "GET", path: "/slow" });
      const body = bodyOf(request);
      const stream = await next(streams);
      theirs.end();
      // Its GOAWAY has arrived when the answer to a later PING arrives.
      await ours.ping();
      await stream.reply([[":status", "200 OK"], [":version", "HTTP/1.1"]]);
      await send(stream, Uint8Array.of(1, 2, 3));
      assertEquals(await body, Uint8Array.of(1, 2, 3));
    },
  );
});

/** spdy-transport is the client: runs `use`, then closes everything. */
async function withTheirClient(
  version: ProtocolVersion,
  theirVersion: TransportVersion,
  use: (pair: Pair) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const socket = netConnect(listener.addr.port, "127.0.0.1");
  const conn = await listener.accept();
  await run(
    new Connection(conn, {
      side: SERVER,
      version,
      // In SPDY/2, it waits for window as well, although there is none.
      settings: version === PROTO_SPDY2 ? WIDE_WINDOW : [],
    }),
    socket,
    {
      isServer: false,
      version: theirVersion,
    },
    use,
  );
}

/** spdy-transport is the server: runs `use`, then closes everything. */
async function withTheirServer(
  version: ProtocolVersion,
  theirVersion: TransportVersion,
  use: (pair: Pair) => Promise<void>,
  tuning: ConnectionTuning = {},
): Promise<void> {
  const listener = createServer();
  await new Promise<void>((resolve) =>
    listener.listen(0, "127.0.0.1", () => resolve())
  );
  const accepted = new Promise<Socket>((resolve) =>
    listener.once("connection", resolve)
  );
  const { port } = listener.address() as AddressInfo;
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const socket = await accepted;
  // It ends with the connection.
  const closed = new Promise((resolve) => listener.close(resolve));
  const ours = new Connection(conn, {
    side: CLIENT,
    version,
    // With windows of this size, no WINDOW_UPDATE arrives for a stream that it
    // has ended.
    settings: WIDE_WINDOW,
    ...tuning,
  });
  if (version === PROTO_SPDY3_1) {
    ours.session.submitWindowUpdate(0, WIDE_WINDOW[0][2]);
  }
  await run(
    ours,
    socket,
    {
      isServer: true,
      version: theirVersion,
    },
    use,
  );
  await closed;
}

async function run(
  ours: Connection,
  socket: Socket,
  their: { readonly isServer: boolean; readonly version: TransportVersion },
  use: (pair: Pair) => Promise<void>,
): Promise<void> {
  const ended = new Promise((resolve) => socket.once("close", resolve));
  const theirs = startTransport(socket, their.isServer, their.version);
  const faults: Error[] = [];
  theirs.on("error", (error) => {
    if (error) faults.push(error);
  });
  const taken = new Queue<TransportStream>();
  theirs.on("stream", (stream) => {
    stream.on("error", () => {});
    taken.push(stream);
  });
  try {
    const jobs: Promise<void>[] = [];
    const failure = Promise.withResolvers<never>();
    const meanwhile = (work: Promise<void>): void => {
      jobs.push(work);
      work.catch(failure.reject);
    };
    const all = use({ ours, theirs, taken, meanwhile })
      .then(() => Promise.all(jobs));
    await within(30_000, Promise.race([all, failure.promise]));
    assertEquals(faults, []);
  } finally {
    socket.destroy();
    await ended;
    await ours.close().catch(() => {});
    await ours.closed.catch(() => {});
  }
}

/** Limits a conversation that has stopped. */
async function within(
  milliseconds: number,
  work: Promise<unknown>,
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`not done after ${milliseconds} ms`)),
      milliseconds,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function serveOne(
  connection: Connection,
  handler: (stream: Stream) => Promise<void>,
): Promise<void> {
  await handler(await next(connection[Symbol.asyncIterator]()));
}

async function next(streams: AsyncIterator<Stream>): Promise<Stream> {
  const { value, done } = await streams.next();
  assert(!done, "the connection ended before a stream was opened");
  return value;
}

async function send(stream: Stream, body: Uint8Array): Promise<void> {
  const writer = stream.writable.getWriter();
  if (body.length > 0) await writer.write(body);
  await writer.close();
}

async function bytesOf(stream: Stream): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream.readable).arrayBuffer());
}

function requestTo(method: string, path: string): NameValue[] {
  return [
    [":method", method],
    [":path", path],
    [":scheme", "http"],
    [":host", "example.com"],
    [":version", "HTTP/1.1"],
  ];
}

function value(
  headers: readonly NameValue[],
  name: string,
): string | undefined {
  return headers.find(([candidate]) => candidate === name)?.[1];
}

function responseOf(
  stream: TransportStream,
): Promise<{ status: number; headers: Record<string, string> }> {
  return new Promise((resolve, reject) => {
    stream.once("response", (status, headers) => resolve({ status, headers }));
    stream.once("error", reject);
  });
}

function bodyOf(stream: TransportStream): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.once("end", async () => {
      resolve(new Uint8Array(await new Blob(chunks).arrayBuffer()));
    });
    stream.once("error", reject);
  });
}

function errorOf(stream: TransportStream): Promise<Error> {
  return new Promise((resolve) => stream.once("error", resolve));
}

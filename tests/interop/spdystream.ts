/**
 * moby/spdystream in both roles.
 *
 * @module
 */

import { assertEquals } from "../deps.ts";
import {
  connect,
  type Connection,
  type NameValue,
  PROTO_SPDY3_1,
  REFUSED_STREAM,
  type Stream,
  StreamResetError,
} from "../../mod.ts";
import { EchoServer } from "./echo_server.ts";
import { digest, patternDigest, patternStream } from "./pattern.ts";
import { Peer, playJson } from "./peers.ts";
import type { PreparedSuite, Scenario, Suite } from "./report.ts";
import { SPDYSTREAM_TUNING } from "./spdystream_tuning.ts";

const BODY = 64 << 20;
const encoder = new TextEncoder();

/** Scenarios of the Go client, in their order. */
const CLIENT_SCENARIOS: readonly (readonly [name: string, text: string])[] = [
  ["many", "200 streams at once"],
  ["headers", "20 HEADERS each way"],
  ["half-close", "answer after the client's FIN"],
  ["refuse", "a stream refused"],
  ["reset", "streams reset by either side"],
  ["ping", "20 PINGs of the client"],
  ["pinged", "a PING of the server"],
  ["priority", "priorities 0 to 7"],
  ["opened", "streams opened by the server"],
  ["upload", "64 MiB up"],
  ["download", "64 MiB down"],
  ["echo", "64 MiB there and back"],
  ["goaway", "GOAWAY of the server"],
];

/** Its client against our server, its server against our client. */
export const spdystreamSuites: readonly Suite[] = [
  { peer: "spdystream client", prepare: prepareClient },
  { peer: "spdystream server", prepare: prepareServer },
];

async function prepareClient(): Promise<PreparedSuite> {
  const { version } = await playJson<{ version: string }>("spdystream", [
    "version",
  ]);
  const server = new EchoServer();
  return {
    version,
    scenarios: CLIENT_SCENARIOS.map(([scenario, name]): Scenario => ({
      name,
      run: async () => {
        await playJson("spdystream", [
          "client",
          "-address",
          server.address,
          "-scenario",
          scenario,
        ]);
      },
    })),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function prepareServer(): Promise<PreparedSuite> {
  const peer = await Peer.start("spdystream", ["server"]);
  const scenario = (
    name: string,
    run: (connection: Connection) => Promise<void>,
  ): Scenario => ({
    name,
    run: async () => {
      await using connection = await connect({
        port: peer.port,
        version: PROTO_SPDY3_1,
        ...SPDYSTREAM_TUNING,
      });
      await run(connection);
    },
  });
  return {
    version: peer.hello.version,
    scenarios: [
      scenario("200 streams at once", manyStreams),
      scenario("20 HEADERS each way", headersBothWays),
      scenario("answer after our FIN", async (connection) => {
        const stream = await open(connection, [["mode", "sink"]]);
        await send(stream, encoder.encode("half"));
        assertEquals(
          await new Response(stream.readable).text(),
          await digest([encoder.encode("half")]),
        );
      }),
      scenario("a stream refused", async (connection) => {
        const stream = await connection.openStream([["mode", "refuse"]]);
        const refusal = await stream.response.catch((error) => error);
        assertEquals(refusal instanceof StreamResetError, true);
        assertEquals(refusal.statusCode, REFUSED_STREAM);
      }),
      scenario("streams reset by either side", async (connection) => {
        const theirs = await open(connection, [["mode", "reset"]]);
        assertEquals(await theirs.closed, 5);
        (await open(connection, [])).reset();
        await manyStreams(connection);
      }),
      scenario("20 PINGs", async (connection) => {
        for (let i = 0; i < 20; i++) await connection.ping();
      }),
      scenario("a PING of the server", async (connection) => {
        assertEquals(await ask(connection, [["mode", "ping"]]), "pong");
      }),
      scenario("priorities 0 to 7", async (connection) => {
        const texts = await Promise.all(
          Array.from({ length: 8 }, async (_, pri) => {
            const stream = await open(connection, [["mode", "echo"]], pri);
            const sent = send(stream, encoder.encode(`${pri}`));
            const text = await new Response(stream.readable).text();
            await sent;
            return text;
          }),
        );
        assertEquals(texts.join(""), "01234567");
      }),
      scenario("streams opened by the server", openedByServer),
      scenario("64 MiB up", async (connection) => {
        const stream = await open(connection, [["mode", "sink"]]);
        await patternStream(BODY).pipeTo(stream.writable);
        assertEquals(
          await new Response(stream.readable).text(),
          await patternDigest(BODY),
        );
      }),
      scenario("64 MiB down", async (connection) => {
        const headers: NameValue[] = [["mode", "source"], ["size", `${BODY}`]];
        const stream = await open(connection, headers);
        assertEquals(await digest(stream.readable), await patternDigest(BODY));
      }),
      scenario("64 MiB there and back", async (connection) => {
        const stream = await open(connection, []);
        const sent = patternStream(BODY).pipeTo(stream.writable);
        assertEquals(await digest(stream.readable), await patternDigest(BODY));
        await sent;
      }),
      scenario("GOAWAY of the server", async (connection) => {
        assertEquals(await ask(connection, [["mode", "goaway"]]), "going");
        await connection.closed;
      }),
    ],
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

/** Opens a stream and waits for the reply, because spdystream drops DATA that arrives before it. */
async function open(
  connection: Connection,
  headers: NameValue[],
  pri = 0,
): Promise<Stream> {
  const stream = await connection.openStream(headers, { pri });
  await stream.response;
  return stream;
}

async function send(stream: Stream, body: Uint8Array): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(body);
  await writer.close();
}

/** Sends nothing but FIN; resolves to the whole answer as text. */
async function ask(
  connection: Connection,
  headers: NameValue[],
): Promise<string> {
  const stream = await open(connection, headers);
  await stream.writable.close();
  return await new Response(stream.readable).text();
}

async function manyStreams(connection: Connection): Promise<void> {
  const texts = await Promise.all(
    Array.from({ length: 200 }, async (_, i) => {
      const stream = await open(connection, [["number", `${i}`]]);
      await send(stream, encoder.encode(`body of stream ${i}`));
      return await new Response(stream.readable).text();
    }),
  );
  texts.forEach((text, i) => assertEquals(text, `body of stream ${i}`));
}

async function headersBothWays(connection: Connection): Promise<void> {
  const stream = await open(connection, [["mode", "headers"]]);
  let arrived = Promise.withResolvers<NameValue[]>();
  stream.onHeaders = (headers) => arrived.resolve(headers);
  for (let i = 0; i < 20; i++) {
    const sent: NameValue[] = [["round", `${i}`], ["twice", "a"], [
      "twice",
      "b",
    ]];
    await stream.sendHeaders(sent);
    assertEquals(await arrived.promise, sent);
    arrived = Promise.withResolvers();
  }
  await stream.writable.close();
}

async function openedByServer(connection: Connection): Promise<void> {
  const echoing = (async () => {
    for await (const stream of connection) {
      await stream.reply([]);
      await stream.readable.pipeTo(stream.writable);
    }
  })().catch(() => {});
  const headers: NameValue[] = [["mode", "open"], ["count", "3"]];
  assertEquals(
    await ask(connection, headers),
    "server-0\nserver-1\nserver-2\n",
  );
  await connection.close();
  await echoing;
}

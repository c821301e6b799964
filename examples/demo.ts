/**
 * SPDY in one process: a server on loopback TCP and a client, once for each version,
 * with a trace of every frame that the client sends and receives. Exits with 0 only
 * if every byte arrived unchanged.
 *
 *     deno task demo
 *
 * @module
 */

import { bold, cyan, dim, green, magenta, red, yellow } from "../deps.ts";
import {
  accept,
  CANCEL,
  connect,
  type Connection,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  type Stream,
} from "../mod.ts";
import { describeFrame } from "./trace.ts";

const VERSIONS: readonly (readonly [name: string, version: ProtocolVersion])[] =
  [
    ["SPDY/2", PROTO_SPDY2],
    ["SPDY/3", PROTO_SPDY3],
    ["SPDY/3.1", PROTO_SPDY3_1],
  ];
const PAGE = new TextEncoder().encode(
  "<!doctype html><link rel=stylesheet href=/style.css><h1>Hello, SPDY</h1>\n",
);
const STYLE = new TextEncoder().encode("h1 { color: rebeccapurple }\n");
/** Larger than the window of 64 KiB, so that sending it needs WINDOW_UPDATEs. */
const UPLOAD = pattern(200_000);

let failures = 0;
const results: string[] = [];

for (const [name, version] of VERSIONS) {
  console.log(bold(`\n${name}`));
  await runVersion(name, version);
}
console.log(`\n${results.join("\n")}`);
console.log(
  failures === 0
    ? green("every byte arrived as it was sent")
    : red(`${failures} checks failed`),
);
Deno.exit(failures === 0 ? 0 : 1);

async function runVersion(
  name: string,
  version: ProtocolVersion,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const cancelled = Promise.withResolvers<number>();
  const served = listener.accept().then(async (conn) =>
    serve(await accept(conn, { version }), cancelled.resolve)
  );

  let frames = 0;
  const failedBefore = failures;
  const client = await connect({
    port,
    version,
    onFrame: (direction, frame) => {
      frames++;
      const arrow = direction === "sent" ? cyan("->") : magenta("<-");
      console.log(`  ${arrow} ${describeFrame(frame)}`);
    },
  });
  const pushes = client[Symbol.asyncIterator]();

  step("GET, with a push");
  const page = await client.openStream(request("GET", "/"), { fin: true });
  const pushed = await pushes.next();
  check("GET answers 200", header(await page.response, ":status") === "200");
  check("GET body", same(await read(page), PAGE));
  check("a stream was pushed", !pushed.done);
  if (!pushed.done) {
    const { value: style } = pushed;
    check("push path", header(style.headers, ":path") === "/style.css");
    check("push belongs to the GET", style.associatedStreamId === page.id);
    check("push body", same(await read(style), STYLE));
  }

  step(`POST of ${UPLOAD.length} bytes, echoed`);
  const post = await client.openStream(request("POST", "/echo"));
  const [echoed] = await Promise.all([read(post), write(post, UPLOAD)]);
  check("POST body returned", same(echoed, UPLOAD));

  step("reset");
  const endless = await client.openStream(request("GET", "/endless"), {
    fin: true,
  });
  await endless.response;
  endless.reset(CANCEL);
  check("server saw CANCEL", await cancelled.promise === CANCEL);

  step("PING");
  const milliseconds = await client.ping();
  check("PING was answered", milliseconds >= 0);
  console.log(dim(`     round trip ${milliseconds.toFixed(2)} ms`));

  step("GOAWAY");
  await client.goaway();
  await served;
  check("both sides ended in order", true);
  const good = failures === failedBefore;
  results.push(
    `${
      good ? green("ok") : red("FAILED")
    } ${name}: GET, push, POST of ${UPLOAD.length} bytes, reset, PING, GOAWAY in ${frames} frames`,
  );
}

async function serve(
  connection: Connection,
  cancelled: (statusCode: number) => void,
): Promise<void> {
  for await (const stream of connection) {
    answer(stream, cancelled).catch((error) =>
      check(`server: ${error.message}`, false)
    );
  }
  await connection.closed;
}

async function answer(
  stream: Stream,
  cancelled: (statusCode: number) => void,
): Promise<void> {
  const reply: NameValue[] = [[":status", "200"], [":version", "HTTP/1.1"]];
  switch (header(stream.headers, ":path")) {
    case "/": {
      const style = await stream.push([
        [":scheme", "http"],
        [":host", "localhost"],
        [":path", "/style.css"],
        ...reply,
      ]);
      await stream.reply(reply);
      await Promise.all([write(style, STYLE), write(stream, PAGE)]);
      break;
    }
    case "/echo":
      await stream.reply(reply);
      await stream.readable.pipeTo(stream.writable);
      break;
    default:
      await stream.reply(reply);
      cancelled(await stream.closed);
  }
}

function request(method: string, path: string): NameValue[] {
  return [
    [":method", method],
    [":path", path],
    [":scheme", "http"],
    [":host", "localhost"],
    [":version", "HTTP/1.1"],
  ];
}

function header(headers: NameValue[], name: string): string | undefined {
  return headers.find(([key]) => key === name)?.[1];
}

async function read(stream: Stream): Promise<Uint8Array> {
  return await new Response(stream.readable).bytes();
}

async function write(stream: Stream, bytes: Uint8Array): Promise<void> {
  const writer = stream.writable.getWriter();
  await writer.write(bytes);
  await writer.close();
}

function same(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length &&
    left.every((byte, index) => byte === right[index]);
}

/** Bytes without a short period, so that a lost or repeated piece is noticed. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let state = 1, index = 0; index < length; index++) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

function step(name: string): void {
  console.log(yellow(`  ${name}`));
}

function check(what: string, good: boolean): void {
  if (!good) failures++;
  console.log(`     ${good ? green("ok") : red("FAILED")} ${what}`);
}

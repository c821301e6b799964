/**
 * Our server, with the behaviour of the Go echo server
 * (`go/spdystream/server.go`): the header `mode` of each stream says how to
 * answer it.
 *
 * @module
 */

import { accept, type Connection, type Stream } from "../../mod.ts";
import { digest, patternStream } from "./pattern.ts";
import { SPDYSTREAM_TUNING } from "./spdystream_tuning.ts";

const encoder = new TextEncoder();

/** Serves until it is disposed of. */
export class EchoServer implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving = new Set<Promise<void>>();
  readonly #connections = new Set<Connection>();
  readonly #accepting = this.#accept();

  /** Its address, `host:port`. */
  get address(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await Promise.all([...this.#connections].map((each) => each.close()));
    await Promise.allSettled(this.#serving);
  }

  async #accept(): Promise<void> {
    for await (const conn of this.#listener) {
      const connection = await accept(conn, SPDYSTREAM_TUNING);
      this.#connections.add(connection);
      const serving = serve(connection).catch(() => {}).finally(() => {
        this.#connections.delete(connection);
        this.#serving.delete(serving);
      });
      this.#serving.add(serving);
    }
  }
}

async function serve(connection: Connection): Promise<void> {
  for await (const stream of connection) {
    // A stream that its client resets is no failure here.
    answer(connection, stream).catch(() => stream.reset());
  }
}

async function answer(connection: Connection, stream: Stream): Promise<void> {
  const headers = new Map(stream.headers);
  const mode = headers.get("mode");
  if (mode === "refuse") {
    stream.reset(3);
    return;
  }
  await stream.reply([...stream.headers, ["priority", `${stream.pri}`]]);
  switch (mode) {
    case "headers":
      stream.onHeaders = (nv) => void stream.sendHeaders(nv);
      await end(stream);
      return;
    case "source":
      await patternStream(Number(headers.get("size"))).pipeTo(stream.writable);
      return;
    case "sink":
      await end(stream, await digest(stream.readable));
      return;
    case "reset":
      stream.reset();
      return;
    case "open":
      await end(stream, await openStreams(connection, headers.get("count")));
      return;
    case "ping":
      await connection.ping();
      await end(stream, "pong");
      return;
    case "goaway":
      await end(stream, "going");
      await connection.goaway();
      return;
    default:
      await stream.readable.pipeTo(stream.writable);
  }
}

/** Reads to the peer's FIN, then writes the last bytes and FIN. */
async function end(stream: Stream, text = ""): Promise<void> {
  if (!stream.readable.locked) {
    await stream.readable.pipeTo(new WritableStream());
  }
  const writer = stream.writable.getWriter();
  if (text !== "") await writer.write(encoder.encode(text));
  await writer.close();
}

async function openStreams(
  connection: Connection,
  count: string | undefined,
): Promise<string> {
  let text = "";
  for (let i = 0; i < Number(count); i++) {
    const name = `server-${i}`;
    const stream = await connection.openStream([["name", name]]);
    await stream.response;
    const writer = stream.writable.getWriter();
    await writer.write(encoder.encode(name));
    await writer.close();
    if (await new Response(stream.readable).text() === name) {
      text += `${name}\n`;
    }
  }
  return text;
}

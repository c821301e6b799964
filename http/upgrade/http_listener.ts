/**
 * HTTP/1.1 on connections that may be upgraded: reads heads, answers what asks
 * for no upgrade, and hands the others over.
 *
 * Not node:http: its servers tell of requests by events, and an event handler
 * that throws, or a socket that fails when nobody listens, ends the process;
 * with pipelining, requests, upgrades and faults come in any order. Here one
 * loop a connection does one thing after the other, and whatever fails ends
 * that loop. What is refused does not depend on the version of Deno either.
 *
 * @module
 */

import { startTimeout, stopTimer } from "../../connection/clock.ts";
import type { ByteConn } from "../../connection/transport.ts";
import { closeQuietly } from "./byte_conn.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { namesUpgrade } from "./upgrade_token.ts";
import {
  answerAndEnd,
  encodeAnswer,
  endConversation,
  mayHaveBody,
} from "./answer.ts";
import { type Framing, framingOf } from "./framing.ts";
import { parseHead, type RequestHead } from "./head.ts";
import { HeadReader } from "./head_reader.ts";
import { RequestRefusal } from "./refusal.ts";
import { RequestBody } from "./request_body.ts";
import { checkUpgrade } from "./upgrade_rules.ts";

/** What a listener is told. */
export interface ListenerOptions {
  /** Whether the connections are TLS: then URLs are of `https:`. */
  readonly secure: boolean;
  /** Longest head of a request, bytes; a longer one is answered 431. */
  readonly maxHeadBytes: number;
  /** Longest wait for a whole head, and for the next bytes of a body either way, ms; 0: for ever. */
  readonly headTimeout: number;
  /** Origins of other hosts whose pages may ask for an upgrade. */
  readonly allowedOrigins?: readonly string[];
  /** Whether this is an upgrade the listener's owner knows, by its `upgrade` header. */
  knows(upgrade: string): boolean;
  /** Answers a request that asks for no upgrade. */
  request(request: Request): Response | Promise<Response>;
  /** Told of requests that were refused here, and of what `request` threw. */
  error(error: unknown): void;
}

/** A request for an upgrade, and the connection behind its head. */
export interface UpgradeCall {
  /** Has no body. */
  readonly request: Request;
  readonly conn: ByteConn;
}

/** The highest bound on heads, bytes. */
export const MOST_HEAD: number = 16 * 1024 * 1024;
/** How much of a body that nobody read is read for the next request's sake, bytes. */
const MAX_SKIPPED = 64 * 1024;
const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");
const CRLF = new TextEncoder().encode("\r\n");
const LAST_CHUNK = new TextEncoder().encode("0\r\n\r\n");

/** Reads requests from connections. */
export class HttpListener {
  readonly #options: ListenerOptions;
  readonly #scheme: string;
  /** Connections that are not upgraded. */
  readonly #open = new Set<ByteConn>();
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#scheme = options.secure ? "https" : "http";
  }

  /**
   * Reads requests from a connection, whose first bytes are `first`, and
   * answers them, one after the other. Resolves to the one that asks for an
   * upgrade, or to `undefined` when there was none and the connection is
   * closed. Never rejects.
   */
  async take(
    conn: ByteConn,
    first?: Uint8Array,
  ): Promise<UpgradeCall | undefined> {
    if (this.#closed) {
      closeQuietly(conn);
      return undefined;
    }
    this.#open.add(conn);
    let call: UpgradeCall | undefined;
    try {
      call = await this.#converse(conn, new HeadReader(conn, first));
    } catch (error) {
      // Anything else is the client's doing or the network's.
      if (error instanceof RequestRefusal) {
        this.#tell(new HttpMessageError(`refused: ${error.message}`));
        await answerAndEnd(conn, error.toResponse());
      }
    }
    this.#open.delete(conn);
    if (call === undefined) closeQuietly(conn);
    return call;
  }

  /** Closes every connection that is not upgraded. */
  close(): void {
    this.#closed = true;
    for (const conn of this.#open) closeQuietly(conn);
  }

  async #converse(
    conn: ByteConn,
    reader: HeadReader,
  ): Promise<UpgradeCall | undefined> {
    for (;;) {
      const { maxHeadBytes } = this.#options;
      const bytes = await this.#inTime(conn, reader.readHead(maxHeadBytes));
      if (bytes === undefined) return undefined;
      const head = parseHead(bytes, this.#scheme);
      const framing = framingOf(head);
      if (this.#asksForUpgrade(head)) {
        const { url, method, headers } = head;
        checkUpgrade({
          method,
          hasBody: framing !== 0,
          host: headers.get("host") ?? url.host,
          origin: headers.get("origin") ?? undefined,
        }, this.#options.allowedOrigins ?? []);
        return {
          request: new Request(url, { method, headers }),
          conn: reader.detach(),
        };
      }
      if (!await this.#answer(conn, reader, head, framing)) {
        await endConversation(conn);
        return undefined;
      }
    }
  }

  /** RFC 9110 7.8: `Connection` names it, and HTTP/1.0 knows none. */
  #asksForUpgrade({ headers, minor }: RequestHead): boolean {
    const upgrade = headers.get("upgrade");
    return upgrade !== null && minor > 0 &&
      namesUpgrade(headers.get("connection") ?? undefined) &&
      this.#options.knows(upgrade);
  }

  /** Answers one request; resolves to whether another one may follow. */
  async #answer(
    conn: ByteConn,
    reader: HeadReader,
    head: RequestHead,
    framing: Framing,
  ): Promise<boolean> {
    const body = new RequestBody(reader, framing);
    await this.#expectation(conn, head, body);
    const response = await this.#ask(head, body, conn);
    const keepAlive = head.minor > 0 && !namesClose(head.headers) &&
      !namesClose(response.headers);
    await this.#send(conn, head, response, keepAlive);
    return keepAlive && !this.#closed &&
      await this.#inTime(conn, body.skip(MAX_SKIPPED));
  }

  /** RFC 9110 10.1.1: of expectations there is but one. */
  async #expectation(
    conn: ByteConn,
    { headers, minor }: RequestHead,
    body: RequestBody,
  ): Promise<void> {
    const expect = headers.get("expect");
    if (expect === null || minor === 0) return;
    if (expect.toLowerCase() !== "100-continue") {
      throw new RequestRefusal(417, "the request expects what nobody knows");
    }
    if (!body.ended) await this.#write(conn, CONTINUE);
  }

  /** The owner's answer, or 500 in place of what it threw. */
  async #ask(
    { method, url, headers }: RequestHead,
    body: RequestBody,
    conn: ByteConn,
  ): Promise<Response> {
    const bodiless = body.ended || method === "GET" || method === "HEAD";
    try {
      const response = await this.#options.request(
        new Request(url, {
          method,
          headers,
          body: bodiless ? undefined : this.#stream(body, conn),
        }),
      );
      if (response.bodyUsed || response.status < 200) {
        throw new TypeError("the response was used before, or is an error");
      }
      return response;
    } catch (error) {
      this.#tell(error);
      return new Response("Internal Server Error\n", { status: 500 });
    }
  }

  #stream(
    body: RequestBody,
    conn: ByteConn,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        const bytes = await this.#inTime(conn, body.read());
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
  }

  async #send(
    conn: ByteConn,
    { method, minor }: RequestHead,
    response: Response,
    keepAlive: boolean,
  ): Promise<void> {
    const { body } = response;
    if (body === null || !mayHaveBody(method, response)) {
      await body?.cancel();
      const length = mayHaveBody(method, response) ? 0 : undefined;
      await this.#write(conn, encodeAnswer(response, { length, keepAlive }));
      return;
    }
    // HTTP/1.0 knows no chunks: there the end of the connection ends the body.
    const chunked = minor > 0;
    const head = encodeAnswer(response, {
      length: chunked ? "chunked" : undefined,
      keepAlive,
    });
    await this.#write(conn, head);
    const chunks = body.getReader();
    try {
      for (;;) {
        const chunk = await this.#nextOf(chunks);
        if (chunk === undefined) break;
        await this.#write(conn, chunked ? asChunk(chunk) : chunk);
      }
    } catch (error) {
      // The client sees a body that is cut, as it should.
      await chunks.cancel(error).catch(() => {});
      throw error;
    }
    if (chunked) await this.#write(conn, LAST_CHUNK);
  }

  /** The next bytes of an answer; its owner is told when there are none for a fault. */
  async #nextOf(
    chunks: ReadableStreamDefaultReader<Uint8Array>,
  ): Promise<Uint8Array | undefined> {
    try {
      for (;;) {
        const { done, value } = await chunks.read();
        if (done) return undefined;
        if (!(value instanceof Uint8Array)) {
          throw new TypeError("the response's body gave what is no Uint8Array");
        }
        if (value.length > 0) return value;
      }
    } catch (error) {
      this.#tell(error);
      throw error;
    }
  }

  /** Writes all of it; each part may take `headTimeout`. */
  async #write(conn: ByteConn, data: Uint8Array): Promise<void> {
    for (let rest = data; rest.length > 0;) {
      rest = rest.subarray(await this.#inTime(conn, conn.write(rest)));
    }
  }

  /** Closes the connection when the work takes longer than `headTimeout`. */
  async #inTime<T>(conn: ByteConn, work: Promise<T>): Promise<T> {
    const timer = startTimeout(
      () => closeQuietly(conn),
      this.#options.headTimeout,
    );
    try {
      return await work;
    } finally {
      stopTimer(timer);
    }
  }

  #tell(error: unknown): void {
    try {
      this.#options.error(error);
    } catch {
      // It is told of faults; there is nobody to tell of its own.
    }
  }
}

function namesClose(headers: Headers): boolean {
  return (headers.get("connection") ?? "").split(",")
    .some((token) => token.trim().toLowerCase() === "close");
}

/** RFC 9112 7.1: size, bytes, each with CR LF behind it. */
function asChunk(bytes: Uint8Array): Uint8Array {
  const size = new TextEncoder().encode(`${bytes.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + bytes.length + CRLF.length);
  chunk.set(size);
  chunk.set(bytes, size.length);
  chunk.set(CRLF, size.length + bytes.length);
  return chunk;
}

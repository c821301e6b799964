/**
 * HTTP/1.1 on connections that may be upgraded: reads requests, answers those that do
 * not ask for an upgrade, and returns the one that does.
 *
 * This is not node:http, because its servers report requests by events. An event
 * handler that throws, or a socket error without a listener, ends the process, and
 * with pipelining the events occur in any order. Here each connection has one loop,
 * and an error ends only that loop. In addition, the answers do not depend on the
 * version of Deno.
 *
 * @module
 */

import { closeQuietly } from "../../connection/transport/byte_conn.ts";
import type { ByteConn } from "../../connection/transport/transport.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { answerAndEnd, dropInput, serverError } from "./answer.ts";
import { type Framing, framingOf } from "./framing.ts";
import { type Http1RequestHead, isHead, parseHead } from "./head.ts";
import { HeadReader } from "./head_reader.ts";
import { RequestRefusal } from "./refusal.ts";
import { RequestBody } from "./request_body.ts";
import { checkAnswer, sendAnswer } from "./send_answer.ts";
import { TimeoutConn } from "./timeout_conn.ts";
import { checkUpgrade } from "./upgrade_rules.ts";
import { namesUpgrade } from "./upgrade_token.ts";
import { Upload } from "./upload.ts";

/** The options of a listener. */
export interface ListenerOptions {
  /** Whether the connections use TLS; decides between `https:` and `http:` in URLs. */
  readonly secure: boolean;
  /** Longest head of a request, bytes; a longer one is answered with 431. */
  readonly maxHeadBytes: number;
  /** Longest wait for a complete head, and longest pause within a body in either direction, ms; 0: no limit. */
  readonly headTimeout: number;
  /** Other origins whose pages may ask for an upgrade. */
  readonly allowedOrigins?: readonly string[];
  /** Whether the owner supports an upgrade with this `upgrade` header. */
  knows(upgrade: string): boolean;
  /** Answers a request that does not ask for an upgrade. */
  request(request: Request): Response | Promise<Response>;
  /** Called for requests that the listener refuses, and for exceptions in `request`. */
  error(error: unknown): void;
}

/** A request for an upgrade. */
export interface UpgradeCall {
  /** Has no body. */
  readonly request: Request;
  /** The connection; the first byte to read is the one after the request. */
  readonly conn: ByteConn;
}

/** Most bytes of an unread body that are read and dropped to reach the next request. */
const MAX_SKIPPED = 64 * 1024;
const CONTINUE = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n");

/** Reads requests from connections. */
export class HttpListener {
  readonly #options: ListenerOptions;
  readonly #scheme: string;
  /** Connections that are not upgraded. */
  readonly #open = new Set<TimeoutConn>();
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#scheme = options.secure ? "https" : "http";
  }

  /**
   * Reads requests from a connection and answers them one after the other. `first`
   * are bytes that were already read. Resolves to the first request that asks for an
   * upgrade; resolves to `undefined` if there was none and the connection is closed.
   * Never rejects.
   */
  async take(
    conn: ByteConn,
    first?: Uint8Array,
  ): Promise<UpgradeCall | undefined> {
    if (this.#closed) {
      closeQuietly(conn);
      return undefined;
    }
    const timed = new TimeoutConn(conn, this.#options.headTimeout);
    this.#open.add(timed);
    let call: UpgradeCall | undefined;
    try {
      call = await this.#converse(timed, new HeadReader(conn, first));
    } catch (error) {
      // Other errors come from the client or the network, and are not reported.
      if (error instanceof RequestRefusal) {
        this.#tell(new HttpMessageError(`refused: ${error.message}`));
        await answerAndEnd(conn, error.toResponse(), {
          isHead: error.isForHead,
        });
      }
    }
    this.#open.delete(timed);
    if (call === undefined) closeQuietly(conn);
    return call;
  }

  /** Closes all connections that were not upgraded. */
  close(): void {
    this.#closed = true;
    for (const conn of this.#open) conn.close();
  }

  async #converse(
    conn: TimeoutConn,
    reader: HeadReader,
  ): Promise<UpgradeCall | undefined> {
    for (;;) {
      const { maxHeadBytes } = this.#options;
      const bytes = await conn.inTime(reader.readHead(maxHeadBytes));
      if (bytes === undefined) return undefined;
      try {
        const call = await this.#process(conn, reader, bytes);
        if (call !== "next") return call;
      } catch (error) {
        if (error instanceof RequestRefusal) error.isForHead = isHead(bytes);
        throw error;
      }
    }
  }

  /** Answers the request with this head; `"next"` if another one may follow. */
  async #process(
    conn: TimeoutConn,
    reader: HeadReader,
    bytes: Uint8Array,
  ): Promise<UpgradeCall | "next" | undefined> {
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
    if (await this.#answer(conn, reader, head, framing)) return "next";
    await dropInput(conn.conn);
    return undefined;
  }

  /** `Connection` must name the upgrade, and HTTP/1.0 has no upgrades (RFC 9110 7.8). */
  #asksForUpgrade({ headers, minor }: Http1RequestHead): boolean {
    const upgrade = headers.get("upgrade");
    return upgrade !== null && minor > 0 &&
      namesUpgrade(headers.get("connection") ?? undefined) &&
      this.#options.knows(upgrade);
  }

  /** Answers one request; resolves to whether another one may follow. */
  async #answer(
    conn: TimeoutConn,
    reader: HeadReader,
    head: Http1RequestHead,
    framing: Framing,
  ): Promise<boolean> {
    const body = new RequestBody(reader, framing);
    const upload = new Upload(conn, body);
    await this.#expectation(conn, head, body);
    const response = await this.#ask(head, body, upload);
    const keepAlive = head.minor > 0 && !namesClose(head.headers) &&
      !namesClose(response.headers);
    const tell = (error: unknown): void => this.#tell(error);
    await sendAnswer(conn, head, response, { keepAlive, tell });
    if (!keepAlive) await conn.inTime(conn.conn.closeWrite());
    // A handler that has begun to read gets all bytes, so skipping has to wait for it.
    await upload.handlerIsDone();
    if (keepAlive && !this.#closed) {
      return await conn.inTime(body.skip(MAX_SKIPPED));
    }
    body.drop();
    return false;
  }

  /** Answers the header `expect`; `100-continue` is its only defined value (RFC 9110 10.1.1). */
  async #expectation(
    conn: TimeoutConn,
    { headers, minor }: Http1RequestHead,
    body: RequestBody,
  ): Promise<void> {
    const expect = headers.get("expect");
    if (expect === null || minor === 0) return;
    if (expect.toLowerCase() !== "100-continue") {
      throw new RequestRefusal(
        417,
        "the header expect has an unknown value: only 100-continue is supported",
      );
    }
    if (!body.ended) await conn.write(CONTINUE);
  }

  /** The owner's response; 500 if the owner throws. */
  async #ask(
    { method, url, headers }: Http1RequestHead,
    body: RequestBody,
    { stream }: Upload,
  ): Promise<Response> {
    const bodiless = body.ended || method === "GET" || method === "HEAD";
    try {
      const response = await this.#options.request(
        new Request(url, {
          method,
          headers,
          body: bodiless ? undefined : stream,
        }),
      );
      return checkAnswer(method, response);
    } catch (error) {
      this.#tell(error);
      return serverError();
    }
  }

  #tell(error: unknown): void {
    try {
      this.#options.error(error);
    } catch {
      // An exception in the error handler cannot be reported.
    }
  }
}

function namesClose(headers: Headers): boolean {
  return (headers.get("connection") ?? "").split(",")
    .some((token) => token.trim().toLowerCase() === "close");
}

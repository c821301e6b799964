/**
 * A process in a container, as the client sees it.
 *
 * @module
 */

import type { RawConnection } from "../connection.ts";
import { handled } from "../connection/deferred.ts";
import { ConnectionClosedError } from "../connection/errors.ts";
import { stateOf, type Stream } from "../connection/stream.ts";
import { InvalidArgumentError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";
import {
  type CommandProtocol,
  type CommandStreamType,
  hasStatus,
} from "./protocol.ts";
import { decodeExit, type ExitStatus, isWholeStatus } from "./status.ts";
import { readableToEnd, readLastWords } from "./streams.ts";

/** Most bytes kept of what the error stream says. */
const MAX_STATUS = 64 * 1024;

/** What a process is made of. */
export interface ProcessParts {
  readonly connection: RawConnection;
  readonly protocol: CommandProtocol;
  readonly streams: ReadonlyMap<CommandStreamType, Stream>;
  readonly signal: AbortSignal | undefined;
}

/** Makes a process of its parts; only `exec` and `attach` do. */
export let createProcess: (parts: ProcessParts) => RemoteProcess;

/**
 * A process in a container: what `exec` and `attach` resolve to.
 *
 * Read {@linkcode stdout} and {@linkcode stderr} to their ends, or cancel them:
 * the connection has one bounded buffer, and output that nobody reads keeps
 * back the exit status behind it. When both have ended and the status is there,
 * the connection closes by itself; to leave earlier, {@linkcode close} it.
 *
 * @example
 * ```ts
 * import { exec, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async exec({ resizes, stdout }) {
 *     const { value } = await resizes.getReader().read();
 *     const text = `${value?.columns} columns`;
 *     await new Blob([text]).stream().pipeTo(stdout);
 *   },
 * });
 * await using process = await exec({
 *   url: `http://127.0.0.1:${server.addr.port}`,
 *   pod: { name: "web" },
 *   command: ["tput", "cols"],
 *   tty: true,
 * });
 * await process.resize(100, 30);
 * assertEquals(await new Response(process.stdout).text(), "100 columns");
 * assertEquals((await process.status).success, true);
 * ```
 */
export class RemoteProcess implements AsyncDisposable {
  readonly #connection: RawConnection;
  readonly #streams: ReadonlyMap<CommandStreamType, Stream>;
  readonly #stdout: ReadableStream<Uint8Array> | undefined;
  readonly #stderr: ReadableStream<Uint8Array> | undefined;
  #resizes: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Outputs and the status: what has to end before the connection may. */
  #pending: number;
  #closing: Promise<void> | undefined;

  /** The sub-protocol the server chose. */
  readonly protocol: CommandProtocol;
  /**
   * How the process ended. Rejects with `RemoteCommandError` when it was not
   * run, with `ConnectionClosedError` when the connection ended first.
   */
  readonly status: Promise<ExitStatus>;

  static {
    createProcess = (parts) => new RemoteProcess(parts);
  }

  private constructor({ connection, protocol, streams, signal }: ProcessParts) {
    this.#connection = connection;
    this.#streams = streams;
    this.protocol = protocol;
    for (const type of ["stdin", "resize"] as const) {
      // What a server says there is nobody's: it must not fill the connection's buffer.
      const stream = streams.get(type);
      if (stream !== undefined) {
        stateOf(stream).dropBody("it is the client that speaks here");
      }
    }
    const outputEnded = this.#once();
    this.#stdout = this.#output("stdout");
    this.#stderr = this.#output("stderr");
    this.#pending = 1 + Number(this.#stdout !== undefined) +
      Number(this.#stderr !== undefined);
    this.status = handled(this.#readStatus().finally(outputEnded));
    const onAbort = (): void => void this.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    handled(
      connection.closed.finally(() =>
        signal?.removeEventListener("abort", onAbort)
      ),
    );
  }

  /**
   * What the process reads. Closing it is the end of its input. Writing fails
   * with `StreamResetError` once the process has ended.
   *
   * Throws `InvalidArgumentError` when stdin was not asked for.
   */
  get stdin(): WritableStream<Uint8Array> {
    return this.#stream("stdin").writable;
  }

  /**
   * What the process writes. It fails with `ConnectionClosedError` when the
   * connection ends before the output does: an output is whole or an error.
   *
   * Throws `InvalidArgumentError` when stdout was not asked for.
   */
  get stdout(): ReadableStream<Uint8Array> {
    return this.#asked("stdout", this.#stdout);
  }

  /**
   * What the process writes to its standard error; the same rules as
   * {@linkcode stdout}.
   *
   * Throws `InvalidArgumentError` when stderr was not asked for; with a
   * terminal there is none.
   */
  get stderr(): ReadableStream<Uint8Array> {
    return this.#asked("stderr", this.#stderr);
  }

  /**
   * Tells the process the size of its terminal, in characters, 1..65535.
   *
   * Rejects with `InvalidArgumentError` for other sizes, and when there is no
   * terminal or the sub-protocol (`v1`, `v2`) cannot resize it.
   */
  async resize(columns: number, rows: number): Promise<void> {
    checkWhole("columns", columns, 1, 0xffff);
    checkWhole("rows", rows, 1, 0xffff);
    this.#resizes ??= this.#stream("resize").writable.getWriter();
    const line = `${JSON.stringify({ Width: columns, Height: rows })}\n`;
    await this.#resizes.write(new TextEncoder().encode(line));
  }

  /** Leaves the process: closes the connection, whatever is under way. Never rejects. */
  close(): Promise<void> {
    return this.#closing ??= this.#connection.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #stream(type: CommandStreamType): Stream {
    return this.#asked(type, this.#streams.get(type));
  }

  #asked<T>(type: CommandStreamType, value: T | undefined): T {
    if (value !== undefined) return value;
    throw new InvalidArgumentError(
      type === "resize"
        ? `there is no terminal to resize (sub-protocol ${this.protocol})`
        : `${type} was not asked for`,
    );
  }

  #output(
    type: "stdout" | "stderr",
  ): ReadableStream<Uint8Array> | undefined {
    const stream = this.#streams.get(type);
    return stream &&
      readableToEnd(stream, this.#once(), (failure) => this.#isWhole(failure));
  }

  async #readStatus(): Promise<ExitStatus> {
    const { text, failure } = await readLastWords(
      this.#stream("error"),
      MAX_STATUS,
    );
    // What came before the connection broke may be all there was to say.
    if (failure !== undefined && !isWholeStatus(this.protocol, text)) {
      throw failure;
    }
    return decodeExit(this.protocol, text);
  }

  /**
   * Whether an output is whole although the connection broke. The CRI streaming
   * server 0.37 writes the status after all output, resets its streams and
   * closes; when it had not read all our input, its kernel resets the connection
   * on the way, and the end of that may not arrive. Output that stands before
   * the status has then arrived all the same.
   */
  async #isWhole(failure: unknown): Promise<boolean> {
    if (!(failure instanceof ConnectionClosedError)) return false;
    if (!hasStatus(this.protocol)) return false;
    return await this.status.then(() => true, () => false);
  }

  /** One of the things that have to end before the connection is closed. */
  #once(): () => void {
    let called = false;
    return () => {
      if (called) return;
      called = true;
      // Not sooner: a frame towards a server that is about to close can cost the end of its output.
      if (--this.#pending === 0) void this.close();
    };
  }
}

/**
 * A process in a container, on the client's side.
 *
 * @module
 */

import { handled } from "../connection/deferred.ts";
import { ConnectionClosedError } from "../connection/errors.ts";
import { InvalidArgumentError } from "../errors.ts";
import { checkWhole } from "../numbers.ts";
import type { ClientChannels } from "./channels.ts";
import { RemoteCommandError } from "./errors.ts";
import {
  collectOutput,
  type CommandOutput,
  type OutputOptions,
} from "./output.ts";
import {
  type CommandProtocol,
  type CommandStreamType,
  traitsOf,
  type Transport,
} from "./protocol.ts";
import { readableToEnd, readErrorText } from "./reading.ts";
import { decodeExit, type ExitStatus, isWholeStatus } from "./status.ts";
import { StatusLimit } from "./status_limit.ts";
import { WebSocketError } from "./websocket/frame.ts";
import { writableWithNotice } from "./writing.ts";

/** Most bytes of the error channel that are kept. */
const MAX_STATUS = 64 * 1024;

/** The parts of a process. */
export interface ProcessParts {
  readonly protocol: CommandProtocol;
  readonly channels: ClientChannels;
  readonly signal: AbortSignal | undefined;
  /** Longest wait for the status after all outputs have ended, ms; 0: no limit; `undefined`: the default. */
  readonly statusTimeout: number | undefined;
}

/** Creates a process from its parts. Only `exec` and `attach` call it. */
export let createProcess: (parts: ProcessParts) => RemoteProcess;

/**
 * A process in a container: the result of `exec` and `attach`.
 *
 * Read {@linkcode stdout} and {@linkcode stderr} to their ends, or cancel them: the
 * connection has one bounded buffer, and the exit status arrives after the output.
 * When both have ended and the status has arrived, the connection closes
 * automatically. To end it earlier, call {@linkcode close}.
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
  readonly #channels: ClientChannels;
  readonly #stdout: ReadableStream<Uint8Array> | undefined;
  readonly #stderr: ReadableStream<Uint8Array> | undefined;
  readonly #stdin: WritableStream<Uint8Array> | undefined;
  readonly #limit: StatusLimit;
  #resizes: WritableStreamDefaultWriter<Uint8Array> | undefined;
  /** Outputs that have not ended. */
  #outputs: number;
  /** The caller has cancelled an output. */
  #hasCancelled = false;
  #statusKnown = false;
  /** The server reported how the command ended, or why it could not be run. */
  #reported = false;
  #closing: Promise<void> | undefined;

  /** The sub-protocol that the server chose. */
  readonly protocol: CommandProtocol;
  /** The transport of the connection. */
  readonly transport: Transport;
  /**
   * How the process ended. Rejects with `RemoteCommandError` if the process was not
   * run or the server did not report its end in time (`statusTimeout`), and with
   * `ConnectionClosedError` if the connection ended first.
   */
  readonly status: Promise<ExitStatus>;

  static {
    createProcess = (parts) => new RemoteProcess(parts);
  }

  private constructor(
    { protocol, channels, signal, statusTimeout }: ProcessParts,
  ) {
    this.#channels = channels;
    this.#limit = new StatusLimit(statusTimeout);
    this.protocol = protocol;
    this.transport = channels.transport;
    this.#outputs = Number(channels.stdout !== undefined) +
      Number(channels.stderr !== undefined);
    this.#limit.late.catch(() => this.close());
    this.status = handled(
      Promise.race([this.#readStatus(), this.#limit.late])
        .finally(() => this.#statusEnded()),
    );
    this.#stdin = channels.stdin === undefined
      ? undefined
      : writableWithNotice(channels.stdin, () => this.#limit.inputTaken());
    this.#stdout = this.#output("stdout", channels.stdout);
    this.#stderr = this.#output("stderr", channels.stderr);
    const onAbort = (): void => void this.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    // The listener is not called for an abort before it was added.
    if (signal?.aborted) onAbort();
    handled(
      channels.closed.finally(() => {
        this.#limit.stop();
        signal?.removeEventListener("abort", onAbort);
      }),
    );
  }

  /**
   * Standard input of the process. Closing it ends the input of the process.
   * Writing fails after the process has ended: with `StreamResetError` over SPDY,
   * with `ConnectionClosedError` over a WebSocket.
   *
   * Throws `InvalidArgumentError` if stdin was not requested.
   */
  get stdin(): WritableStream<Uint8Array> {
    return this.#asked("stdin", this.#stdin);
  }

  /**
   * Standard output of the process. Either it arrives completely, or reading it
   * fails: with `ConnectionClosedError` if the connection ends before the output,
   * and with `RemoteCommandError` if the server ended the output and did not report
   * how the command ended.
   *
   * Throws `InvalidArgumentError` if stdout was not requested.
   */
  get stdout(): ReadableStream<Uint8Array> {
    return this.#asked("stdout", this.#stdout);
  }

  /**
   * Standard error of the process; the same rules as for {@linkcode stdout}.
   *
   * Throws `InvalidArgumentError` if stderr was not requested, and with a terminal,
   * which has only one output.
   */
  get stderr(): ReadableStream<Uint8Array> {
    return this.#asked("stderr", this.#stderr);
  }

  /**
   * Tells the process the size of its terminal, in characters, 1..65535.
   *
   * Rejects with `InvalidArgumentError` for other sizes, if there is no terminal,
   * and if the sub-protocol (`v1` and `v2` over SPDY) cannot resize it.
   */
  async resize(columns: number, rows: number): Promise<void> {
    checkWhole("columns", columns, 1, 0xffff);
    checkWhole("rows", rows, 1, 0xffff);
    this.#resizes ??= this.#asked("resize", this.#channels.resize).getWriter();
    const line = `${JSON.stringify({ Width: columns, Height: rows })}\n`;
    await this.#resizes.write(new TextEncoder().encode(line));
  }

  /**
   * Reads all output of the process and waits for its end, like
   * `Deno.Command.output`. Do not also read {@linkcode stdout} or {@linkcode stderr}.
   *
   * Rejects with `RemoteCommandError` if an output has more than `maxBytes` bytes,
   * and as {@linkcode stdout} and {@linkcode status} do; the connection is then
   * closed. Rejects with `InvalidArgumentError` for an invalid `maxBytes`.
   *
   * @example
   * ```ts
   * import { exec, serveStreaming } from "@spdy/spdy/kubernetes";
   * import { assertEquals } from "jsr:@std/assert@1";
   *
   * await using server = serveStreaming({
   *   async exec({ call, stdout }) {
   *     await new Blob([...call.command]).stream().pipeTo(stdout);
   *     return 3;
   *   },
   * });
   * const process = await exec({
   *   url: `http://127.0.0.1:${server.addr.port}`,
   *   pod: { name: "web" },
   *   command: ["hello"],
   * });
   * const { code, stdout } = await process.output();
   * assertEquals([code, new TextDecoder().decode(stdout)], [3, "hello"]);
   * ```
   */
  output(options: OutputOptions = {}): Promise<CommandOutput> {
    const outputs = { stdout: this.#stdout, stderr: this.#stderr };
    return collectOutput(this, outputs, options);
  }

  /** Closes the connection at once, without waiting for the process. Never rejects. */
  close(): Promise<void> {
    return this.#closing ??= this.#channels.close();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #asked<T>(type: CommandStreamType, value: T | undefined): T {
    if (value !== undefined) return value;
    throw new InvalidArgumentError(
      type === "resize"
        ? `there is no terminal to resize (sub-protocol ${this.protocol})`
        : `${type} was not requested`,
    );
  }

  #output(
    type: "stdout" | "stderr",
    readable: ReadableStream<Uint8Array> | undefined,
  ): ReadableStream<Uint8Array> | undefined {
    if (readable === undefined) return undefined;
    let ended = false;
    const onEnd = (isCancelled: boolean): void => {
      if (ended) return;
      ended = true;
      this.#hasCancelled ||= isCancelled;
      this.#outputEnded();
    };
    return readableToEnd(
      readable,
      onEnd,
      (failure) => this.#judge(type, failure),
    );
  }

  async #readStatus(): Promise<ExitStatus> {
    const { text, failure } = await readErrorText(this.#channels.error, {
      bound: MAX_STATUS,
      isEnd: (error) => this.#channels.isUnprovenEnd(error),
    });
    this.#reported = isWholeStatus(this.protocol, text);
    // The connection may have broken after the last byte of the status.
    if (failure !== undefined && !this.#reported) throw failure;
    return decodeExit(this.protocol, text);
  }

  /**
   * Resolves if an output is complete although reading it failed; otherwise rejects
   * with the error for the reader. A server sends the status after all output: when
   * the status has arrived, so has the output before it. That matters in two cases.
   * The CRI streaming server 0.37 cancels its streams when it has finished, and
   * also when its idle timeout aborts a command. And if it has not read all our
   * input, its kernel resets the connection.
   */
  async #judge(type: "stdout" | "stderr", failure: unknown): Promise<void> {
    const unproven = this.#channels.isUnprovenEnd(failure);
    const broken = failure instanceof ConnectionClosedError ||
      failure instanceof WebSocketError;
    if (!unproven && !broken) throw failure;
    if (!traitsOf(this.protocol).hasStatus) {
      if (unproven) return;
      throw failure;
    }
    await this.status.catch(() => {});
    if (this.#reported) return;
    if (!unproven) throw failure;
    throw new RemoteCommandError(
      `${type} may be cut short: the server ended it, but did not report how the command ended`,
      { cause: failure },
    );
  }

  #outputEnded(): void {
    this.#outputs--;
    if (this.#outputs > 0) return;
    if (this.#statusKnown) {
      // Not before the outputs have ended: a frame to a server that is about to close
      // can make it lose the end of its output.
      void this.close();
      return;
    }
    this.#limit.start(!this.#hasCancelled);
  }

  #statusEnded(): void {
    this.#limit.stop();
    this.#statusKnown = true;
    if (this.#outputs === 0) void this.close();
  }
}

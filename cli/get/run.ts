/**
 * One call of `spdy get`: its requests, times and output.
 *
 * @module
 */

import type { FrameDirection, TracedFrame } from "../../connection/options.ts";
import { frameText } from "../../frame/frame_text.ts";
import { versionTraits } from "../../frame/version.ts";
import type { Connection } from "../../http/connection.ts";
import { MOST_REDIRECTS } from "../../http/message/redirect_rules.ts";
import { reasonOf } from "../command.ts";
import { Progress } from "../progress.ts";
import { authorization } from "../request_headers.ts";
import { type Target, UnreachableError, versionName } from "../target.ts";
import {
  cyan,
  dim,
  fileOut,
  green,
  OutputError,
  payloadIsShown,
  payloadOut,
  print,
  printError,
  show,
  showJson,
  type Shown,
  terminalWidth,
  writeFile,
  writeText,
  yellow,
} from "../terminal.ts";
import { type Timing, waterfallSvg, waterfallText } from "../timing.ts";
import { Connections } from "./connections.ts";
import type { GetOptions } from "./options.ts";
import { type Redirectable, redirected } from "./redirect.ts";
import {
  FIRST_PAUSE,
  isHarmless,
  nextPause,
  pauseAfter,
  pauseUnlessAborted,
  RETRIED,
} from "./retry.ts";
import { writeOut } from "./write_out.ts";

/** The transfer of one URL. */
interface Transfer {
  readonly target: Target;
  readonly timing: Timing;
  /** Resolves when the output before it was written. */
  readonly before: Promise<void>;
  redirects: number;
  /** Method of the last request. */
  method: string;
  /** Where the next attempt begins, if not at `target`. */
  resume:
    | { readonly request: Redirectable; readonly redirects: number }
    | undefined;
  connects: number;
  connected: number | undefined;
  uploaded: number;
  connection: Connection | undefined;
  response: Response | undefined;
}

/** Fetches URLs and writes their bodies. */
export class Run {
  readonly #options: GetOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #progress: Progress;
  readonly #connections: Connections;
  /** The connections that `--verbose` has reported. */
  readonly #announced = new Set<Connection>();
  readonly #begin = performance.now();
  readonly #timings: Timing[] = [];
  /** Bodies are written to standard output one after the other, in the order of the URLs. */
  #output: Promise<void> = Promise.resolve();

  /** The time of `--timeout` starts now. */
  constructor(options: GetOptions) {
    const { timeout, silent, verbose } = options;
    this.#options = options;
    this.#signal = timeout === 0 ? undefined : AbortSignal.timeout(timeout);
    this.#progress = new Progress(!silent && !verbose);
    this.#connections = new Connections(
      options,
      this.#signal,
      () => this.#now(),
      (direction, frame) => {
        if (verbose) this.#showFrame(direction, frame);
      },
    );
  }

  /** Resolves to whether each URL was fetched, in the order of `targets`. */
  async fetchAll(targets: readonly Target[]): Promise<boolean[]> {
    const results = await Promise.all(
      targets.map((target) => this.#fetchOne(target)),
    );
    await this.#connections.close();
    this.#progress.clear();
    if (this.#options.timing) {
      for (const line of waterfallText(this.#timings, terminalWidth(100))) {
        printError(show`${line}`);
      }
    }
    if (this.#options.svg !== undefined) {
      await writeFile(this.#options.svg, waterfallSvg(this.#timings));
    }
    return results;
  }

  async #fetchOne(target: Target): Promise<boolean> {
    const timing: Timing = {
      url: target.url,
      name: target.typed,
      start: this.#now(),
      bytes: 0,
      result: "",
    };
    this.#timings.push(timing);
    const before = this.#output;
    const { promise, resolve: done } = Promise.withResolvers<void>();
    // Each body waits for those before it, even if its own request fails.
    this.#output = promise;
    const transfer: Transfer = {
      target,
      timing,
      before,
      redirects: 0,
      method: this.#options.method,
      resume: undefined,
      connects: 0,
      connected: undefined,
      uploaded: 0,
      connection: undefined,
      response: undefined,
    };
    let error: string | undefined;
    try {
      await this.#tryAll(transfer);
    } catch (reason) {
      error = this.#reasonFor(reason);
      await this.#fail(transfer, error);
    } finally {
      this.#writeOut(transfer, error);
      done();
    }
    const { response } = transfer;
    return error === undefined &&
      !(this.#options.fail && response !== undefined && response.status >= 400);
  }

  /** Tries until it succeeds or the attempts of `--retry` are used up. */
  async #tryAll(transfer: Transfer): Promise<void> {
    const { retry, data } = this.#options;
    let left = retry;
    // Standard input can be read only once.
    const isLast = (): boolean =>
      left === 0 || data === "@-" && transfer.resume === undefined;
    for (let pause = FIRST_PAUSE;; pause = nextPause(pause)) {
      try {
        const response = await this.#follow(transfer);
        if (isLast() || !RETRIED.has(response.status)) {
          await this.#receive(transfer, response);
          return;
        }
        await response.body?.cancel();
        await pauseUnlessAborted(
          pauseAfter(response.headers, pause),
          this.#signal,
        );
      } catch (error) {
        if (isLast() || this.#signal?.aborted || !isHarmless(error)) {
          throw error;
        }
        await pauseUnlessAborted(pause, this.#signal);
      }
      left--;
    }
  }

  /** The response, after redirects with `--location`. */
  async #follow(transfer: Transfer): Promise<Response> {
    const { location } = this.#options;
    let { request, redirects } = transfer.resume ??
      { request: this.#firstRequest(transfer.target), redirects: 0 };
    for (;;) {
      transfer.redirects = redirects;
      transfer.method = request.method;
      transfer.timing.url = request.target.url;
      transfer.timing.name = request.target.typed;
      const response = await this.#request(transfer, request);
      const next = location ? redirected(request, response) : undefined;
      if (next === undefined) return response;
      await response.body?.cancel();
      if (++redirects > MOST_REDIRECTS) {
        throw new Error(`more than ${MOST_REDIRECTS} redirects`);
      }
      // The server has processed a POST whose redirect is followed with a GET, so
      // another attempt must not send the POST again.
      if (next.method !== request.method) {
        transfer.resume = { request: next, redirects };
      }
      request = next;
    }
  }

  #firstRequest(target: Target): Redirectable {
    const { method, headers, data } = this.#options;
    const hasOwn = headers.some(([name]) => /^authorization$/i.test(name));
    return {
      target,
      method,
      headers: [
        ...headers,
        ...hasOwn ? [] : authorization(target.credentials),
      ],
      hasBody: data !== undefined,
    };
  }

  async #request(
    transfer: Transfer,
    { target, method, headers, hasBody }: Redirectable,
  ): Promise<Response> {
    const { timing, before } = transfer;
    const { connection, connected } = await this.#connections.open(target);
    if (transfer.connection !== connection) {
      transfer.connects++;
      transfer.connection = connection;
      transfer.connected = connected;
      if (this.#options.verbose && !this.#announced.has(connection)) {
        this.#announced.add(connection);
        const version = versionName(connection.version);
        printError(dim(`connected to ${target.origin}, ${version}`));
      }
    }
    // Without windows, a body that waits for its turn would be buffered without
    // limit.
    if (!this.#hasWindows(connection)) await before;
    this.#connections.expect(target, timing);
    const response = await connection.fetch(target.url, {
      method,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
      redirect: "manual",
      signal: this.#signal,
      body: hasBody ? await this.#requestBody(transfer) : undefined,
    });
    timing.result = String(response.status);
    transfer.response = response;
    return response;
  }

  async #receive(transfer: Transfer, response: Response): Promise<void> {
    const { timing, before } = transfer;
    await before;
    try {
      await this.#writeBody(transfer, response);
    } catch (error) {
      // The body is not at fault if the output cannot be written.
      throw error instanceof OutputError
        ? error
        : cutShort(this.#reasonFor(error), response, timing.bytes);
    }
    timing.end = this.#now();
    if (this.#options.json) print(responseJson(response, timing));
  }

  #hasWindows(connection: Connection): boolean {
    return this.#options.flowControl &&
      versionTraits(connection.version).windowUpdate;
  }

  /** The message for a failure. */
  #reasonFor(error: unknown): string {
    const { timeout, insecure } = this.#options;
    if (this.#signal?.aborted && isDueTo(error, this.#signal.reason)) {
      return `not finished within ${timeout / 1000} s (--timeout)`;
    }
    // The line already begins with the target.
    const reason = reasonOf(
      error instanceof UnreachableError ? error.cause : error,
    );
    return insecure && /certificate|UnknownIssuer|NotValidForName/i.test(reason)
      ? `${reason}; --insecure: start Deno with --unsafely-ignore-certificate-errors as well`
      : reason;
  }

  /** Reports a URL that was not fetched completely, when it is its turn. */
  async #fail(
    { target, timing, before }: Transfer,
    reason: string,
  ): Promise<void> {
    timing.end = this.#now();
    timing.result = "error";
    this.#progress.clear();
    await before;
    const { url, bytes } = timing;
    if (this.#options.json) print(showJson({ url, bytes, error: reason }));
    printError(show`${yellow(target.typed)}: ${reason}`);
  }

  #writeOut(transfer: Transfer, error: string | undefined): void {
    const format = this.#options.writeOut;
    if (format === undefined) return;
    const { timing, connection, response } = transfer;
    const since = (moment: number | undefined): number | undefined =>
      moment === undefined ? undefined : moment - timing.start;
    const text = writeOut(format, {
      url: timing.url,
      method: transfer.method,
      response,
      version: connection === undefined
        ? ""
        : versionName(connection.version).replace("SPDY/", ""),
      remoteAddr: connection?.remoteAddr,
      localAddr: connection?.localAddr,
      redirects: transfer.redirects,
      connects: transfer.connects,
      sizeUpload: transfer.uploaded,
      sizeDownload: timing.bytes,
      timeConnect: transfer.connected,
      timePretransfer: since(timing.sent),
      timeStarttransfer: since(timing.head),
      timeTotal: since(timing.end) ?? 0,
      error,
    });
    // Written without a line feed, because the format contains its own.
    writeText(text);
  }

  async #requestBody(transfer: Transfer): Promise<BodyInit | undefined> {
    const { data } = this.#options;
    if (data === undefined || !data.startsWith("@")) {
      transfer.uploaded = new TextEncoder().encode(data).length;
      return data;
    }
    transfer.uploaded = 0;
    const source = data === "@-" ? Deno.stdin : await Deno.open(data.slice(1));
    if (source instanceof Deno.FsFile) {
      this.#progress.expect((await source.stat()).size);
    }
    return source.readable.pipeThrough(
      this.#counted((bytes) => transfer.uploaded += bytes),
    );
  }

  async #writeBody(transfer: Transfer, response: Response): Promise<void> {
    const { json, fail, include } = this.#options;
    const { timing } = transfer;
    const output = this.#options.outputFor(transfer.target);
    if (fail && response.status >= 400) {
      await response.body?.cancel();
      return;
    }
    const head = include && !json
      ? headText(response, transfer.connection)
      : undefined;
    const toFile = output !== undefined && output !== "-";
    if (head !== undefined && !toFile) writeText(head);
    const length = response.headers.get("content-length");
    this.#progress.expect(length === null ? undefined : Number(length));
    const body = (response.body ?? new Blob().stream()).pipeThrough(
      this.#counted((bytes) => timing.bytes += bytes),
    );
    if (toFile) {
      const file = await fileOut(output);
      if (head !== undefined) {
        await new Blob([head]).stream().pipeTo(file, { preventClose: true });
      }
      // The stream closes the file when all bytes are written.
      await body.pipeTo(file);
    } else if (output === "-") {
      await body.pipeTo(payloadOut());
    } else if (json) await body.pipeTo(new WritableStream());
    else await this.#showBody(body);
  }

  async #showBody(body: ReadableStream<Uint8Array>): Promise<void> {
    const shown = payloadIsShown() ? body.pipeThrough(textOnly()) : body;
    await shown.pipeTo(payloadOut());
  }

  #counted(
    count: (bytes: number) => void,
  ): TransformStream<Uint8Array, Uint8Array> {
    return new TransformStream({
      transform: (chunk, controller): void => {
        this.#progress.advance(chunk.length);
        count(chunk.length);
        controller.enqueue(chunk);
      },
    });
  }

  #showFrame(direction: FrameDirection, frame: TracedFrame): void {
    const { type, streamId, flags, length, detail, headers } = frameText(frame);
    const arrow = direction === "sent" ? green(">") : cyan("<");
    const time = dim(`${this.#now().toFixed(1).padStart(8)} ms`);
    const stream = streamId === undefined ? "" : ` stream ${streamId}`;
    const fields = ["", ...flags, detail].filter((part, index) =>
      index === 0 || part !== ""
    ).join("  ");
    const size = dim(`${length} bytes`);
    printError(show`${time} ${arrow} ${type}${stream} ${size}${fields}`);
    for (const [name, value] of headers ?? []) {
      printError(show`${" ".repeat(14)}${cyan(name)} ${value}`);
    }
  }

  #now(): number {
    return performance.now() - this.#begin;
  }
}

/** Whether `reason` is the error or one of its causes: a connection wraps the reason of an abort. */
function isDueTo(error: unknown, reason: unknown): boolean {
  for (; error instanceof Error; error = error.cause) {
    if (error === reason) return true;
  }
  return false;
}

/** Status and headers for `--include`. */
function headText(
  response: Response,
  connection: Connection | undefined,
): string {
  const version = connection === undefined
    ? "SPDY"
    : versionName(connection.version);
  const lines = [...response.headers].map(([name, value]) =>
    `${name}: ${value}`
  );
  const status = `${version} ${response.status} ${response.statusText}`.trim();
  return [status, ...lines, "", ""].join("\n");
}

/** Fails at the first zero byte, because a terminal cannot show binary data; curl does the same. */
export function textOnly(): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream({
    transform(chunk, controller): void {
      if (chunk.includes(0)) {
        throw new Error(
          "the body is binary, which a terminal cannot show: save it with -o FILE, or write it to the terminal anyway with -o -",
        );
      }
      controller.enqueue(chunk);
    },
  });
}

/** The error for a body that did not arrive completely, with the number of bytes. */
function cutShort(reason: string, { headers }: Response, bytes: number): Error {
  const length = headers.get("content-length");
  // `bytes` counts decoded bytes, but the header counts encoded ones.
  const all = length === null || headers.has("content-encoding")
    ? ""
    : ` of ${length}`;
  return new Error(
    `the body is incomplete, ${bytes}${all} bytes arrived: ${reason}`,
  );
}

function responseJson(
  response: Response,
  { url, start, sent, head, end, bytes }: Timing,
): Shown {
  return showJson({
    url,
    status: response.status,
    headers: [...response.headers],
    bytes,
    timing: { start, sent, head, end },
  });
}

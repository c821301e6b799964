/**
 * Span and metrics of a request on the server's side.
 *
 * @module
 */

import {
  type Attributes,
  type Context,
  contextWith,
  type Span,
  type Telemetry,
  telemetry,
} from "../../connection/telemetry/telemetry.ts";
import { now } from "../../connection/time/clock.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import {
  defined,
  errorType,
  methodAttributes,
  protocolAttributes,
  type RequestMetrics,
  requestMetrics,
  serverAttributes,
  SPAN_SERVER,
  spanName,
  STATUS_ERROR,
} from "./semantics.ts";
import { readTraceContext } from "./trace_context.ts";

/** A request that arrived. */
interface ServedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly NameValue[];
}

/** The client that sent it. */
interface ServedPeer {
  readonly version: ProtocolVersion;
  readonly remoteAddr: Deno.Addr | undefined;
}

let metrics: RequestMetrics | undefined;

/** Starts the span of a request; `undefined` if telemetry is off. */
export function serverSpan(
  request: ServedRequest,
  peer: ServedPeer,
): ServerSpan | undefined {
  const on = telemetry();
  return on === undefined ? undefined : new ServerSpan(on, request, peer);
}

/** The span of a request. Only the first call of `end` counts. */
export class ServerSpan {
  readonly #telemetry: Telemetry;
  readonly #metrics: RequestMetrics;
  readonly #span: Span;
  readonly #context: Context;
  readonly #common: Attributes;
  readonly #begin = now();
  #status: number | undefined;
  #hasEnded = false;

  constructor(on: Telemetry, request: ServedRequest, peer: ServedPeer) {
    this.#telemetry = on;
    this.#metrics = metrics ??= requestMetrics(on.meter, "server");
    const url = new URL(request.url);
    const method = methodAttributes(request.method);
    this.#common = {
      "http.request.method": method["http.request.method"],
      "url.scheme": url.protocol.slice(0, -1),
      ...protocolAttributes(peer.version),
    };
    const caller = readTraceContext(request.headers);
    this.#span = on.tracer.startSpan(spanName(request.method), {
      kind: SPAN_SERVER,
      attributes: defined({
        ...this.#common as Record<string, string>,
        ...method,
        ...serverAttributes(url),
        ...clientAttributes(peer.remoteAddr),
        "url.path": url.pathname,
        "url.query": url.search.slice(1) || undefined,
        "user_agent.original": request.headers
          .find(([name]) => name === "user-agent")?.[1],
      }),
    }, caller && contextWith(on, { spanContext: () => caller }));
    this.#context = contextWith(on, this.#span);
    this.#metrics.active.add(1, this.#common);
  }

  /** Runs the handler. Spans that it starts become children of this one. */
  run<T>(handler: () => T): T {
    return this.#telemetry.contexts.with(this.#context, handler);
  }

  /** Sets the status of the response. */
  responding(status: number): void {
    this.#status = status;
  }

  /** Ends the span. `error` is the reason if the response was not sent completely. */
  end(error?: unknown): void {
    // A second call would count the request twice, and as one less that is active.
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const status = this.#status;
    const failure = error !== undefined
      ? errorType(error)
      : status !== undefined && status >= 500
      ? String(status)
      : undefined;
    const outcome = defined({
      "http.response.status_code": status,
      "error.type": failure,
    });
    this.#span.setAttributes(outcome);
    // Rule: a 4xx status is not an error of the server (semantic conventions for
    // HTTP spans).
    if (failure !== undefined) {
      const message = error instanceof Error ? error.message : undefined;
      this.#span.setStatus({ code: STATUS_ERROR, message });
    }
    this.#span.end();
    const seconds = (now() - this.#begin) / 1000;
    this.#metrics.duration.record(seconds, { ...this.#common, ...outcome });
    this.#metrics.active.add(-1, this.#common);
  }
}

function clientAttributes(
  addr: Deno.Addr | undefined,
): Record<string, string | number> {
  return addr !== undefined && "hostname" in addr
    ? {
      "client.address": addr.hostname,
      "network.peer.address": addr.hostname,
      "network.peer.port": addr.port,
    }
    : {};
}

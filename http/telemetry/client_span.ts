/**
 * Span and metrics of a request on the client's side.
 *
 * @module
 */

import {
  type Attributes,
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
  SPAN_CLIENT,
  spanName,
  STATUS_ERROR,
} from "./semantics.ts";
import { withTraceContext } from "./trace_context.ts";

/** A request to send. */
interface SentRequest {
  readonly url: string;
  readonly method: string;
  readonly nv: NameValue[];
}

let metrics: RequestMetrics | undefined;

/** Starts the span of a request; `undefined` if telemetry is off. */
export function clientSpan(
  request: SentRequest,
  version: ProtocolVersion,
): ClientSpan | undefined {
  const on = telemetry();
  return on === undefined ? undefined : new ClientSpan(on, request, version);
}

/** The span of a request, which ends with the head of the response. */
export class ClientSpan {
  /** The headers of the request, with the context of the span. */
  readonly nv: NameValue[];
  readonly #metrics: RequestMetrics;
  readonly #span: Span;
  readonly #common: Attributes;
  readonly #begin: number;

  constructor(
    { meter, tracer }: Telemetry,
    request: SentRequest,
    version: ProtocolVersion,
  ) {
    this.#metrics = metrics ??= requestMetrics(meter, "client");
    const url = new URL(request.url);
    const method = methodAttributes(request.method);
    const common = {
      "http.request.method": method["http.request.method"],
      ...serverAttributes(url),
      "url.scheme": url.protocol.slice(0, -1),
      ...protocolAttributes(version),
    };
    this.#common = common;
    this.#begin = now();
    this.#span = tracer.startSpan(spanName(request.method), {
      kind: SPAN_CLIENT,
      attributes: { ...common, ...method, "url.full": withoutUser(url) },
    });
    this.#metrics.active.add(1, common);
    this.nv = withTraceContext(request.nv, this.#span.spanContext());
  }

  /** The head of the response has arrived. */
  received(status: number): void {
    // Rule: for a client, 4xx and 5xx are errors (semantic conventions for HTTP spans).
    const isError = status >= 400;
    if (isError) this.#span.setStatus({ code: STATUS_ERROR });
    this.#end({
      "http.response.status_code": status,
      "error.type": isError ? String(status) : undefined,
    });
  }

  /** There is no response. */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : undefined;
    this.#span.setStatus({ code: STATUS_ERROR, message });
    this.#end({ "error.type": errorType(error) });
  }

  #end(outcome: Record<string, string | number | undefined>): void {
    const attributes = defined(outcome);
    this.#span.setAttributes(attributes);
    this.#span.end();
    const seconds = (now() - this.#begin) / 1000;
    this.#metrics.duration.record(seconds, { ...this.#common, ...attributes });
    this.#metrics.active.add(-1, this.#common);
  }
}

/** Rule: `url.full` contains no user name and no password. */
function withoutUser(url: URL): string {
  const copy = new URL(url);
  copy.username = copy.password = "";
  return copy.href;
}

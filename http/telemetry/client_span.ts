/**
 * Span and metrics of a request on the client's side.
 *
 * @module
 */

import {
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

/**
 * Sends a request in a span, which ends with the head of the response. If telemetry
 * is off, it only calls `send`.
 */
export function traced<
  Request extends SentRequest,
  Received extends { readonly status: number },
>(
  request: Request,
  version: ProtocolVersion,
  send: (request: Request) => Promise<Received>,
): Promise<Received> {
  const on = telemetry();
  return on === undefined
    ? send(request)
    : sendTraced(on, request, version, send);
}

async function sendTraced<
  Request extends SentRequest,
  Received extends { readonly status: number },
>(
  { meter, tracer }: Telemetry,
  request: Request,
  version: ProtocolVersion,
  send: (request: Request) => Promise<Received>,
): Promise<Received> {
  const { duration, active } = metrics ??= requestMetrics(meter, "client");
  const url = new URL(request.url);
  const method = methodAttributes(request.method);
  const common = {
    "http.request.method": method["http.request.method"],
    ...serverAttributes(url),
    "url.scheme": url.protocol.slice(0, -1),
    ...protocolAttributes(version),
  };
  const begin = now();
  const span = tracer.startSpan(spanName(request.method), {
    kind: SPAN_CLIENT,
    attributes: { ...common, ...method, "url.full": withoutUser(url) },
  });
  active.add(1, common);
  let outcome: Record<string, string | number | undefined> = {};
  try {
    const nv = withTraceContext(request.nv, span.spanContext());
    const response = await send({ ...request, nv });
    const { status } = response;
    // Rule: for a client, 4xx and 5xx are errors (semantic conventions for HTTP spans).
    const isError = status >= 400;
    if (isError) span.setStatus({ code: STATUS_ERROR });
    outcome = {
      "http.response.status_code": status,
      "error.type": isError ? String(status) : undefined,
    };
    return response;
  } catch (error) {
    outcome = { "error.type": errorType(error) };
    const message = error instanceof Error ? error.message : undefined;
    span.setStatus({ code: STATUS_ERROR, message });
    throw error;
  } finally {
    const attributes = defined(outcome);
    span.setAttributes(attributes);
    span.end();
    duration.record((now() - begin) / 1000, { ...common, ...attributes });
    active.add(-1, common);
  }
}

/** Rule: `url.full` contains no user name and no password. */
function withoutUser(url: URL): string {
  const copy = new URL(url);
  copy.username = copy.password = "";
  return copy.href;
}

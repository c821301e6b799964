/**
 * What the spans and metrics of client and server share, according to
 * OpenTelemetry's semantic conventions for HTTP.
 *
 * @module
 */

import type {
  Attributes,
  Counter,
  Histogram,
  Meter,
} from "../../connection/telemetry/telemetry.ts";
import { withoutBrackets } from "../../connection/transport/host_name.ts";
import type { ProtocolVersion } from "../../frame/constants.ts";
import { versionTraits } from "../../frame/version.ts";

/** Kinds of spans. */
export const SPAN_SERVER = 1;
export const SPAN_CLIENT = 2;
/** Status of a span that failed. */
export const STATUS_ERROR = 2;

/** Boundaries of the duration histogram, s. */
const SECONDS = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];
/**
 * Methods that appear in metrics. Other names are replaced, because each name would
 * create a new series.
 */
const KNOWN_METHODS: ReadonlySet<string> = new Set([
  "CONNECT",
  "DELETE",
  "GET",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "POST",
  "PUT",
  "TRACE",
]);

/** The instruments for requests of one role. */
export interface RequestMetrics {
  readonly duration: Histogram;
  readonly active: Counter;
}

/**
 * Creates the instruments for requests: `http.server.request.duration` and so on,
 * or `http.client`.
 */
export function requestMetrics(
  meter: Meter,
  role: "server" | "client",
): RequestMetrics {
  return {
    duration: meter.createHistogram(`http.${role}.request.duration`, {
      unit: "s",
      description: `Duration of HTTP ${role} requests`,
      advice: { explicitBucketBoundaries: SECONDS },
    }),
    active: meter.createUpDownCounter(`http.${role}.active_requests`, {
      unit: "{request}",
      description: `Number of active HTTP ${role} requests`,
    }),
  };
}

/** Attributes for the method; if it is unknown, they also contain the original name. */
export function methodAttributes(method: string): Record<string, string> {
  return KNOWN_METHODS.has(method) ? { "http.request.method": method } : {
    "http.request.method": "_OTHER",
    "http.request.method_original": method,
  };
}

/** Name of a span: the method. It must not contain arbitrary text. */
export function spanName(method: string): string {
  return KNOWN_METHODS.has(method) ? method : "HTTP";
}

/** Name and version of the protocol. */
export function protocolAttributes(
  version: ProtocolVersion,
): Record<string, string> {
  return {
    "network.protocol.name": "spdy",
    "network.protocol.version": versionTraits(version).name.slice(
      "SPDY/".length,
    ),
  };
}

/** Attributes for the host and port of a URL, including the default port. */
export function serverAttributes(
  { hostname, port, protocol }: URL,
): Record<string, string | number> {
  return {
    "server.address": withoutBrackets(hostname),
    "server.port": port === ""
      ? (protocol === "https:" ? 443 : 80)
      : Number(port),
  };
}

/** The name of an error in telemetry: its class. */
export function errorType(error: unknown): string {
  return error instanceof Error ? error.name : "_OTHER";
}

/** Removes attributes without a value. */
export function defined(
  attributes: Readonly<Record<string, string | number | undefined>>,
): Attributes {
  const known: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) known[name] = value;
  }
  return known;
}

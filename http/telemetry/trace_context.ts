/**
 * The headers `traceparent` and `tracestate` (W3C Trace Context).
 *
 * @module
 */

import type { SpanContext } from "../../connection/telemetry/telemetry.ts";
import type { NameValue } from "../../frame/types.ts";

const TRACEPARENT =
  /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;

/** The span of the caller; `undefined` unless the headers contain exactly one valid span. */
export function readTraceContext(
  headers: readonly NameValue[],
): SpanContext | undefined {
  let value: string | undefined;
  for (const [name, text] of headers) {
    if (name !== "traceparent") continue;
    if (value !== undefined) return undefined;
    value = text;
  }
  const match = value === undefined ? null : TRACEPARENT.exec(value.trim());
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, more] = match;
  // Rule: version ff and ids of zeros are invalid; version 00 ends after the flags
  // (section 3.2).
  const isValid = version !== "ff" && !ZEROS.test(traceId) &&
    !ZEROS.test(spanId) && (version !== "00" || more === undefined);
  return isValid
    ? { traceId, spanId, traceFlags: parseInt(flags, 16) & 1, isRemote: true }
    : undefined;
}

/** Returns the header list with this span instead of any other. */
export function withTraceContext(
  nv: readonly NameValue[],
  { traceId, spanId, traceFlags, traceState }: SpanContext,
): NameValue[] {
  const flags = traceFlags.toString(16).padStart(2, "0");
  const state = traceState?.serialize() ?? "";
  const others = nv.filter(([name]) =>
    name !== "traceparent" && (name !== "tracestate" || state === "")
  );
  others.push(["traceparent", `00-${traceId}-${spanId}-${flags}`]);
  if (state !== "") others.push(["tracestate", state]);
  return others;
}

/** What the metrics of connections count. */

import type {
  FrameDirection,
  TracedFrame,
} from "../../../connection/options.ts";
import { resolveOptions } from "../../../connection/options.ts";
import { ConnectionMetrics } from "../../../connection/telemetry/connection_metrics.ts";
import type {
  Counter,
  Observable,
  Telemetry,
} from "../../../connection/telemetry/telemetry.ts";
import {
  CLIENT,
  DATA,
  PROTO_SPDY3_1,
  REFUSED_STREAM,
  RST_STREAM,
  SYN_STREAM,
} from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";

/** A meter that writes down what is counted. */
function meterWithLog(): { telemetry: Telemetry; log: string[] } {
  const log: string[] = [];
  const counter = (name: string): Counter => ({
    add: (value, attributes) =>
      log.push(`${name} ${value} ${Object.values(attributes ?? {}).join(" ")}`),
  });
  const observable = (): Observable => ({ addCallback: () => {} });
  const meter = {
    createCounter: counter,
    createObservableCounter: observable,
    createObservableUpDownCounter: observable,
  };
  return { telemetry: { meter } as unknown as Telemetry, log };
}

Deno.test("connection metrics: frames count with their heads, streams and resets by direction and status", () => {
  const { telemetry, log } = meterWithLog();
  const seen: [FrameDirection, number][] = [];
  const options = new ConnectionMetrics(telemetry).observing(resolveOptions({
    side: CLIENT,
    version: PROTO_SPDY3_1,
    onFrame: (direction, { frameType }) => seen.push([direction, frameType]),
  }));
  const trace = (direction: FrameDirection, frame: object): void =>
    options.onFrame?.(direction, frame as TracedFrame);
  trace("sent", { frameType: SYN_STREAM, length: 100 });
  trace("received", { frameType: DATA, length: 0 });
  const reset = {
    frameType: RST_STREAM,
    length: 8,
    statusCode: REFUSED_STREAM,
  };
  trace("received", reset);
  assertEquals(log, [
    "spdy.io 108 client transmit",
    "spdy.streams 1 client transmit",
    "spdy.io 8 client receive",
    "spdy.io 16 client receive",
    "spdy.stream.resets 1 client receive REFUSED_STREAM",
  ]);
  assertEquals(seen, [["sent", SYN_STREAM], ["received", DATA], [
    "received",
    RST_STREAM,
  ]]);
});

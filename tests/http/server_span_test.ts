/** The span of a request on the server's side. */

import type { Telemetry } from "../../connection/telemetry/telemetry.ts";
import { PROTO_SPDY3_1 } from "../../frame/constants.ts";
import { ServerSpan } from "../../http/telemetry/server_span.ts";
import { assertEquals } from "../deps.ts";

/** A telemetry API that counts its calls. */
function counting(): { on: Telemetry; counts: Record<string, number> } {
  const counts = { ended: 0, recorded: 0, active: 0, failed: 0 };
  const context = { setValue: () => context, getValue: () => undefined };
  const on = {
    tracer: {
      startSpan: () => ({
        end: () => counts.ended++,
        setStatus: () => counts.failed++,
        setAttributes() {},
        spanContext: () => ({ traceId: "", spanId: "", traceFlags: 0 }),
      }),
    },
    meter: {
      createHistogram: () => ({ record: () => counts.recorded++ }),
      createUpDownCounter: () => ({
        add: (by: number) => counts.active += by,
      }),
    },
    contexts: {
      active: () => context,
      with: (_: unknown, fn: () => void) => fn(),
    },
  } as unknown as Telemetry;
  return { on, counts };
}

Deno.test("a span ends once, and its request is counted once", () => {
  const { on, counts } = counting();
  const span = new ServerSpan(
    on,
    { method: "GET", url: "http://h/", headers: [] },
    { version: PROTO_SPDY3_1, remoteAddr: undefined },
  );
  assertEquals(counts.active, 1);
  span.responding(200);
  span.end();
  span.end(new Error("too late"));
  assertEquals(counts, { ended: 1, recorded: 1, active: 0, failed: 0 });
});

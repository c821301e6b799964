/** Traces and metrics by Deno's OpenTelemetry, against a collector on loopback. */

import { telemetry } from "../../connection/telemetry/telemetry.ts";
import {
  readTraceContext,
  withTraceContext,
} from "../../http/telemetry/trace_context.ts";
import { assert, assertEquals } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly Attribute[];
  readonly status?: { readonly code?: number };
  readonly scope: string;
}
interface Point {
  readonly attributes?: readonly Attribute[];
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
}

/** Values of OTLP attributes by their name. */
function plain(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      const [plain] = Object.values(value);
      // OTLP may contain whole numbers as strings.
      return [key, "intValue" in value ? Number(plain) : plain];
    }),
  );
}

/** Receives OTLP as JSON; the newest points of each metric count. */
class Collector implements AsyncDisposable {
  readonly spans: Span[] = [];
  readonly metrics = new Map<string, readonly Point[]>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => this.#take(request),
  );

  get endpoint(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Waits until the collector has received something. */
  async until(what: string, found: () => boolean): Promise<void> {
    await waitFor(
      what,
      (async () => {
        while (!found()) await new Promise((done) => setTimeout(done, 20));
      })(),
    );
  }

  async #take(request: Request): Promise<Response> {
    const data = await request.json();
    for (const { scopeSpans } of data.resourceSpans ?? []) {
      for (const { scope, spans } of scopeSpans) {
        for (const span of spans) {
          this.spans.push({ ...span, scope: scope?.name });
        }
      }
    }
    for (const { scopeMetrics } of data.resourceMetrics ?? []) {
      for (const { scope, metrics } of scopeMetrics) {
        if (scope?.name !== "@spdy/spdy") continue;
        for (const { name, sum, histogram, gauge } of metrics) {
          this.metrics.set(name, (sum ?? histogram ?? gauge).dataPoints);
        }
      }
    }
    return Response.json({});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server.shutdown();
  }
}

/** Starts the program with or without telemetry; resolves to its output. */
async function startApp(
  environment: Record<string, string>,
  ...args: string[]
): Promise<{ first: string; end(): Promise<void> }> {
  const script = new URL("../helpers/telemetry_app.ts", import.meta.url);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script.href, ...args],
    env: environment,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await waitFor("the program's line", reader.read());
  const line = new TextDecoder().decode(value).trim();
  return {
    first: line,
    async end() {
      const writer = child.stdin.getWriter();
      await writer.write(new Uint8Array([10]));
      await writer.close();
      while (!(await reader.read()).done);
      const { success } = await waitFor("the program's end", child.status);
      assert(success);
    },
  };
}

Deno.test("spans of client and server are joined over two hops, also with Deno's own", async () => {
  await using collector = new Collector();
  const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const app = await startApp({
    OTEL_DENO: "true",
    OTEL_DENO_CONSOLE: "ignore",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
  }, caller);
  const pointOf = (name: string, wanted: Record<string, unknown>): number => {
    for (const point of collector.metrics.get(name) ?? []) {
      const attributes = plain(point.attributes);
      const matches = Object.entries(wanted)
        .every(([key, value]) => attributes[key] === value);
      const { asInt, asDouble, count } = point;
      if (matches) return Number(asInt ?? asDouble ?? count);
    }
    return NaN;
  };
  const server = { "spdy.side": "server" };
  const client = { "spdy.side": "client" };
  const sent = { "network.io.direction": "transmit" };
  await collector.until(
    "the metrics of the connections",
    () =>
      pointOf("spdy.connections.open", server) === 2 &&
      pointOf("spdy.connections.open", client) === 2 &&
      pointOf("spdy.streams.open", server) >= 0 &&
      pointOf("spdy.window.stalls", client) > 0 &&
      pointOf("spdy.streams", { ...client, ...sent }) >= 8 &&
      pointOf("spdy.io", { ...client, ...sent }) > 1 << 20 &&
      pointOf("spdy.stream.resets", {
          ...client,
          ...sent,
          "spdy.status": "CANCEL",
        }) === 1,
  );
  await collector.until(
    "the metrics of requests",
    () =>
      pointOf("http.server.request.duration", {
          "http.response.status_code": 200,
          "network.protocol.name": "spdy",
          "network.protocol.version": "3.1",
        }) > 0 &&
      pointOf("http.server.request.duration", {
          "http.response.status_code": 503,
          "error.type": "503",
        }) > 0 &&
      pointOf("http.client.request.duration", {
          "http.response.status_code": 500,
        }) === 1 &&
      pointOf("http.client.active_requests", {}) === 0,
  );
  await app.end();

  const [, trace] = app.first.split("-");
  const joined = (): Span[] =>
    collector.spans.filter(({ traceId }) => traceId === trace);
  await collector.until("six spans of one trace", () => joined().length === 6);
  // From the last server to the first: each span is a child of the previous
  // one.
  const chain: string[] = [];
  let next = joined().find(({ scope, kind }) => scope === "deno" && kind === 2);
  while (next !== undefined) {
    chain.push(`${next.scope} ${next.kind === 2 ? "server" : "client"}`);
    const { parentSpanId } = next;
    next = joined().find(({ spanId }) => spanId === parentSpanId);
  }
  assertEquals(chain, [
    "deno server",
    "deno client",
    "@spdy/spdy server",
    "@spdy/spdy client",
    "@spdy/spdy server",
    "@spdy/spdy client",
  ]);

  const ours = joined().filter(({ scope }) => scope === "@spdy/spdy");
  const first = ours.find(({ kind, parentSpanId }) =>
    kind === 3 && !parentSpanId
  );
  const { "server.port": port, "url.full": full, ...rest } = plain(
    first?.attributes,
  );
  assertEquals(full, `http://127.0.0.1:${port}/hop?a=b`);
  assertEquals(rest, {
    "http.request.method": "GET",
    "server.address": "127.0.0.1",
    "url.scheme": "http",
    "network.protocol.name": "spdy",
    "network.protocol.version": "3.1",
    "http.response.status_code": 200,
  });
  const served = ours.find(({ kind, parentSpanId }) =>
    kind === 2 && parentSpanId === first?.spanId
  );
  const attributes = plain(served?.attributes);
  assertEquals(served?.name, "GET");
  assertEquals(attributes["url.path"], "/hop");
  assertEquals(attributes["url.query"], "a=b");
  assertEquals(attributes["client.address"], "127.0.0.1");
  assertEquals(attributes["http.response.status_code"], 200);

  // A foreign client, and requests that fail.
  const foreign = collector.spans.find(({ parentSpanId }) =>
    parentSpanId === "b7ad6b7169203331"
  );
  assertEquals(foreign?.traceId, "0af7651916cd43dd8448eb211c80319c");
  const failed = collector.spans.filter(({ scope, status }) =>
    scope === "@spdy/spdy" && status?.code === 2
  );
  assertEquals(
    failed.map(({ kind, attributes }) =>
      `${kind === 2 ? "server" : "client"} ${plain(attributes)["error.type"]}`
    ).filter((text) => /50[03]/.test(text)).toSorted(),
    [
      "client 500",
      "client 503",
      "client 503",
      "server 500",
      "server 503",
      "server 503",
    ],
  );
  assert(!JSON.stringify(collector.spans).includes("password"));
});

Deno.test("if telemetry is off, nothing is added to requests", async () => {
  const app = await startApp({ OTEL_DENO: "false" });
  assertEquals(app.first, "");
  await app.end();
  assertEquals(telemetry(), undefined);
});

Deno.test("traceparent is read strictly", () => {
  const ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
  const read = (...values: string[]): number | undefined =>
    readTraceContext(values.map((value) => ["traceparent", value]))?.traceFlags;
  assertEquals(read(`00-${ids}-01`), 1);
  assertEquals(read(`00-${ids}-00`), 0);
  assertEquals(read(`00-${ids}-03`), 1);
  assertEquals(read(`cc-${ids}-01-more`), 1);
  for (
    const value of [
      "",
      "stale",
      `00-${ids}`,
      `00-${ids}-01-more`,
      `ff-${ids}-01`,
      `00-${ids.toUpperCase()}-01`,
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`,
    ]
  ) assertEquals(read(value), undefined, value);
  assertEquals(read(`00-${ids}-01`, `00-${ids}-01`), undefined);
});

Deno.test("a header list contains exactly one span", () => {
  const span = {
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    traceFlags: 1,
  };
  assertEquals(
    withTraceContext([["traceparent", "x"], ["a", "b"]], span),
    [["a", "b"], ["traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`]],
  );
  assertEquals(
    withTraceContext([["tracestate", "old"]], {
      ...span,
      traceState: { serialize: () => "new=1" },
    })[1],
    ["tracestate", "new=1"],
  );
});

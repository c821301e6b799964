/** `spdy bench`: its loops and its figures. */

import {
  distribution,
  figuresSvg,
  figuresText,
  Tally,
} from "../../cli/bench/figures.ts";
import { load } from "../../cli/bench/load.ts";
import { type Connection, serve } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLessOrEqual,
  assertMatch,
} from "../deps.ts";
import { run, spawn } from "./process.ts";
import { unixOnly } from "../helpers/unix_only.ts";

const QUIET = { hostname: "127.0.0.1", port: 0, onListen() {} };

Deno.test("bench: the distribution of known times is correct", () => {
  const times = Array.from({ length: 1000 }, (_, index) => index + 1);
  const { sd, ...rest } = distribution(times.toReversed());
  assertEquals(rest, {
    min: 1,
    mean: 500.5,
    p50: 501,
    p90: 901,
    p95: 951,
    p99: 991,
    "p99.9": 1000,
    max: 1000,
  });
  assertEquals(sd.toFixed(3), "288.675");
  assertEquals(distribution([]).max, 0);
});

Deno.test("bench: the figures fit in 60 columns, and the picture contains them", () => {
  const tally = new Tally();
  for (let index = 1; index <= 2000; index++) {
    tally.answered(index % 2 ? 200 : 503, 1e6, 12345.678 * index, 1);
  }
  const figures = tally.figures(12.5, 3);
  for (const line of figuresText(figures)) {
    assert(line.toString().length <= 75, line.toString());
  }
  assertEquals(figures.statuses, { 200: 1000, 503: 1000 });
  assertMatch(figuresSvg(figures), /^<svg .*p99\.9.*<\/svg>\n$/s);
});

Deno.test("bench sends method, headers and body to several URLs in turn, and counts statuses", async () => {
  const seen = new Map<string, number>();
  await using server = serve(QUIET, async (request) => {
    const { pathname } = new URL(request.url);
    const key = `${request.method} ${pathname} ${request.headers.get("x-a")} ${
      request.headers.get("authorization")
    } ${await request.text()}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return new Response("x", { status: pathname === "/b" ? 404 : 200 });
  });
  const base = `spdy://u:p@127.0.0.1:${server.addr.port}`;
  const { code, stdout } = await run([
    ...["bench", "--json", "-n", "20", "-m", "2"],
    ...["-H", "x-a: 1", "-d", "-body", `${base}/a`, `${base}/b`],
  ]);
  const figures = JSON.parse(stdout);
  assertEquals([code, figures.statuses], [1, { 200: 10, 404: 10 }]);
  assertEquals([...seen].sort(), [
    ["POST /a 1 Basic dTpw -body", 10],
    ["POST /b 1 Basic dTpw -body", 10],
  ]);
  const two = await run(["bench", "spdy://a/", "spdy://b/"]);
  assertEquals(two.code, 2);
  assertMatch(two.stderr, /must be of the same server/);
});

Deno.test("bench sends no more requests at once than the server allows, and prints that", async () => {
  let now = 0;
  let most = 0;
  // The first three requests wait for each other.
  const three = Promise.withResolvers<void>();
  await using server = serve(
    { ...QUIET, limits: { maxConcurrentStreams: 3 } },
    async () => {
      most = Math.max(most, ++now);
      if (now === 3) three.resolve();
      await three.promise;
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      return new Response("x");
    },
  );
  const { code, stdout } = await run([
    ...["bench", "-n", "60", "-m", "20"],
    `spdy://127.0.0.1:${server.addr.port}/`,
  ]);
  assertEquals([code, most], [0, 3]);
  assertMatch(stdout, /the server allows 3 streams on a connection/);
});

Deno.test("bench --rate counts latency from the time a request was due, also after a stall", async () => {
  let begin: number | undefined;
  await using server = serve(QUIET, async () => {
    begin ??= performance.now();
    // The server answers no request in its first second and a half.
    const left = begin + 1500 - performance.now();
    if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
    return new Response("x");
  });
  const { stdout } = await run([
    ...["bench", "--json", "--rate", "50", "-D", "3"],
    `spdy://127.0.0.1:${server.addr.port}/`,
  ]);
  const { latency, succeeded } = JSON.parse(stdout);
  assert(succeeded > 60, `${succeeded} answers at 50 a second for 3 s`);
  // About half of the requests were due in the stall.
  assert(latency.max > 1200 && latency.p90 > 600, JSON.stringify(latency));
});

Deno.test("bench ends in time when requests fail at once", async () => {
  const connection = {
    accepting: true,
    fetch: () => Promise.reject(new TypeError("refused here")),
  };
  const { failed, unanswered } = await load(
    // The load uses no other members of a connection.
    [connection as unknown as Connection],
    2,
    {
      urls: ["http://a/"],
      init: {},
      duration: 100,
      warmUp: 0,
      requests: Infinity,
      rate: undefined,
      onProgress() {},
      signal: new AbortController().signal,
    },
  );
  assertGreater(failed, 0);
  assertLessOrEqual(unanswered, 2);
  // Both loops pause after a failure, and notice the end after it.
  await new Promise((resolve) => setTimeout(resolve, 0));
});

unixOnly.test("bench ends on Ctrl-C with its measurements, and a warm-up does not count", async () => {
  // Not a fixed time: a busy machine may need seconds to start the program.
  const warm = Promise.withResolvers<void>();
  let first: number | undefined;
  let late = 0;
  await using server = serve(QUIET, () => {
    first ??= Date.now();
    if (Date.now() - first > 1000 && ++late > 100) warm.resolve();
    return new Response("x");
  });
  const url = `spdy://127.0.0.1:${server.addr.port}/`;
  const process = spawn(
    ["bench", "--json", "-D", "0", "--warm-up", "0.2", url],
  );
  const output = process.output();
  await warm.promise;
  process.kill("SIGINT");
  const { code, stdout } = await output;
  const figures = JSON.parse(new TextDecoder().decode(stdout));
  assertEquals([code, figures.failed], [0, 0]);
  assert(figures.succeeded > 0 && figures.seconds < 60);
  assert(figures.connect.max > 0 && figures.firstByte.p50 > 0);
});

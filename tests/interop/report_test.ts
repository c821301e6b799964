import { assertEquals, stub } from "../deps.ts";
import { type PreparedSuite, runSuites, type Suite } from "./report.ts";

type Work = () => Promise<string | void>;

/** A peer whose scenarios run `works`; counts how often it was started and ended. */
function suiteOf(works: Record<string, Work>): {
  suite: Suite;
  starts: number;
  ends: number;
} {
  const counted = {
    starts: 0,
    ends: 0,
    suite: {
      peer: "peer",
      prepare(): Promise<PreparedSuite> {
        counted.starts++;
        return Promise.resolve({
          version: "1",
          scenarios: Object.entries(works).map(([name, run]) => ({
            name,
            run,
            state: () => `${name} waits`,
          })),
          [Symbol.asyncDispose]() {
            counted.ends++;
            return Promise.resolve();
          },
        });
      },
    },
  };
  return counted;
}

/** Runs suites; resolves to whether they succeeded and to the lines after the heading, spaces joined. */
async function runAll(
  ...suites: Suite[]
): Promise<{ good: boolean; lines: string[] }> {
  const lines: string[] = [];
  using _ = stub(console, "log", (text: string) => {
    lines.push(text.trim().replace(/ +/g, " ").replace(/\d+\.\d s/, "T"));
  });
  const good = await runSuites(suites, { scenarioTimeout: 1 });
  return { good, lines: lines.slice(1) };
}

Deno.test("interop table: scenarios that pass run once", async () => {
  const peer = suiteOf({
    first: () => Promise.resolve(),
    second: () => Promise.resolve("measured"),
  });
  assertEquals(await runAll(peer.suite), {
    good: true,
    lines: [
      "peer 1 first pass T",
      "peer 1 second pass T; measured",
      "interop: 2 passed, 0 failed",
    ],
  });
  assertEquals([peer.starts, peer.ends], [1, 1]);
});

Deno.test("interop table: a scenario that fails does not run again, and the others run", async () => {
  const peer = suiteOf({
    first: () => Promise.reject(new Error("lost")),
    second: () => Promise.resolve(),
  });
  assertEquals(await runAll(peer.suite), {
    good: false,
    lines: [
      "peer 1 first FAIL T; Error: lost",
      "peer 1 second pass T",
      "interop: 1 passed, 1 failed",
    ],
  });
  assertEquals([peer.starts, peer.ends], [1, 1]);
});

Deno.test("interop table: a scenario that twice does not end has failed, and so have those after it", async () => {
  const peer = suiteOf({
    first: () => Promise.resolve(),
    second: () => new Promise(() => {}),
    third: () => Promise.resolve(),
  });
  assertEquals(await runAll(peer.suite), {
    good: false,
    lines: [
      "peer 1 first pass T",
      "peer 1 second retry T; LateError: not done within 0.001 s: second waits",
      "peer 1 second FAIL T; LateError: not done within 0.001 s: second waits",
      "peer 1 third FAIL not run",
      "interop: 1 passed, 2 failed, 1 retried",
    ],
  });
  assertEquals([peer.starts, peer.ends], [2, 2]);
});

Deno.test("interop table: after a scenario that does not end, the others run with a new peer", async () => {
  let runs = 0;
  const peer = suiteOf({
    first: () => ++runs === 1 ? new Promise(() => {}) : Promise.resolve(),
    second: () => Promise.resolve(),
  });
  assertEquals(await runAll(peer.suite), {
    good: true,
    lines: [
      "peer 1 first retry T; LateError: not done within 0.001 s: first waits",
      "peer 1 first pass T",
      "peer 1 second pass T",
      "interop: 2 passed, 0 failed, 1 retried",
    ],
  });
});

Deno.test("interop table: a peer that cannot be started is tried twice", async () => {
  let starts = 0;
  const suite: Suite = {
    peer: "peer",
    prepare: () => Promise.reject(new Error(`start ${++starts}`)),
  };
  assertEquals(await runAll(suite), {
    good: false,
    lines: [
      "peer - (all) retry Error: start 1",
      "peer - (all) FAIL Error: start 2",
      "interop: 0 passed, 1 failed, 1 retried",
    ],
  });
});

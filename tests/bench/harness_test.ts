import { rows as serverRows } from "../../bench/connections.ts";
import {
  bound,
  type Comparison,
  loop,
  median,
  PeerMissing,
  ratios,
  runRow,
  spread,
} from "../../bench/harness.ts";
import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertRejects,
} from "../deps.ts";

const PLAN = { roundMilliseconds: 1, rounds: 3, warmUpMilliseconds: 0 };

/** A subject whose figures are given. */
function fixed(name: string, figures: readonly number[], calls: string[]) {
  let round = 0;
  return {
    name,
    measuresItself: true,
    run: () => {
      calls.push(name);
      return figures[round++];
    },
    close: () => {
      calls.push(`${name} closed`);
    },
  };
}

Deno.test("bench: median and spread are correct", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertAlmostEquals(spread([90, 100, 120]), 0.15);
});

Deno.test("bench: rounds take turns, and ratios are computed for each round", async () => {
  const calls: string[] = [];
  const [comparison] = await runRow({
    name: "row",
    unit: "op/s",
    ours: () => fixed("ours", [10, 20, 30], calls),
    peers: [{ name: "peer", open: () => fixed("peer", [5, 5, 10], calls) }],
  }, PLAN);
  assertEquals(calls, [
    ..."ours,peer,ours,peer,ours,peer".split(","),
    "ours closed",
    "peer closed",
  ]);
  assertEquals(ratios(comparison), [2, 4, 3]);
});

Deno.test("bench: a rate by wall time is converted to CPU time", async () => {
  const waiting = {
    name: "waiting",
    run: async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return 1000;
    },
  };
  // Each round costs one millisecond of CPU time, whatever runs beside this test.
  let cpuMilliseconds = 0;
  const [comparison] = await runRow({
    name: "row",
    unit: "op/s",
    ours: () => waiting,
    peers: [{ name: "peer", open: () => fixed("peer", [1, 1, 1], []) }],
  }, { ...PLAN, cpuTime: () => cpuMilliseconds++ });
  // It worked for 1 ms of 50, so it does 50 times as much in CPU time.
  for (const ratio of ratios(comparison)) assertGreater(ratio, 49_000);
});

Deno.test("bench: fewer bytes are better", () => {
  const comparison: Comparison = {
    row: "row",
    unit: "bytes",
    ours: { name: "ours", figures: [10] },
    peer: { name: "peer", figures: [40] },
  };
  assertEquals(ratios(comparison), [4]);
});

Deno.test("bench: a bound is a peer that always has the same figure", async () => {
  for (const unit of ["bytes", "us"] as const) {
    const peer = bound(100, "100", { aim: 4 });
    assertEquals([peer.name, peer.atLeast, peer.aim], ["bound of 100", 1, 4]);
    const [comparison] = await runRow({
      name: "row",
      unit,
      ours: () => fixed("ours", [50, 100, 200], []),
      peers: [peer],
    }, PLAN);
    // Only a figure up to the bound has the ratio that is required.
    assertEquals(ratios(comparison), [2, 1, 0.5]);
  }
});

Deno.test("bench: server rows are judged by the figures that are required of them", () => {
  const bounds = serverRows.map(({ name, peers }) => [
    name,
    ...peers.filter(({ atLeast }) => atLeast !== undefined)
      .map(({ name, atLeast }) => `${name}: ${atLeast}`),
  ]);
  assertEquals(bounds, [
    ["server memory for a connection, after a request", "bound of 64 KiB: 1"],
    [
      "server memory for a connection, after 1 MiB each way",
      "bound of 64 KiB: 1",
    ],
    [
      "server memory for each of 5,000, after 1 MiB each way",
      "bound of 64 KiB: 1",
    ],
    ["server CPU to accept and answer once", "bound of 600 us: 1"],
    ["server CPU to accept and answer once, TLS", "bound of 1,000 us: 1"],
  ]);
});

Deno.test("bench: a missing peer is reported, and any other failure is an error", async () => {
  const row = (error: Error) => ({
    name: "row",
    unit: "op/s" as const,
    ours: () => fixed("ours", [1, 1, 1], []),
    peers: [{
      name: "peer",
      open: () => {
        throw error;
      },
    }],
  });
  const [comparison] = await runRow(row(new PeerMissing("no Go here")), PLAN);
  assertEquals(comparison.peer, { name: "peer", missing: "no Go here" });
  assertEquals(ratios(comparison), []);
  await assertRejects(() => runRow(row(new Error("broken")), PLAN), "broken");
});

Deno.test("bench: timers fire while a loop in memory is measured", async () => {
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const subject = loop("busy", () => 1);
  await subject.run(250);
  clearInterval(timer);
  assertEquals(ticks > 0, true);
});

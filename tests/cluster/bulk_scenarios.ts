/**
 * Large amounts of data and many commands: nothing may be lost, and no descriptor
 * may stay open.
 *
 * @module
 */

import { assert, assertEquals } from "../deps.ts";
import { digest, patternDigest, patternStream } from "../interop/pattern.ts";
import type { Scenario } from "../interop/report.ts";
import type { Containers, Way } from "./containers.ts";
import { runScript } from "./transports.ts";

const MIB = 1 << 20;
const OUT = 64 * MIB;
const IN = 16 * MIB;
const SEQUENTIAL = 100;
/**
 * Number of commands at once. With more than about 25, containerd 1.6 itself
 * stalls for 40 to 60 s, also with its own `ctr`.
 */
export type Parallel = Readonly<Record<Way["transport"], number>>;

/** Descriptors that a program may open for its own use in the meantime. */
const TOLERANCE = 5;

const decoder = new TextDecoder();

/** The scenarios with large amounts. */
export function bulkScenarios<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  ways: readonly Way[],
  parallel: Parallel,
): Scenario[] {
  return ways.flatMap((way): Scenario[] => {
    const over = `exec over ${way.transport}`;
    return [
      {
        name: `${over}: 64 MiB of stdout`,
        run: () => readMuch(containers, pod, way),
      },
      // Only if the protocol can end standard input.
      ...(way.protocols?.includes("v4.channel.k8s.io") &&
          way.transport === "websocket"
        ? []
        : [{
          name: `${over}: 16 MiB of stdin`,
          run: () => writeMuch(containers, pod, way),
        }]),
      {
        name: `${over}: ${parallel[way.transport]} at once`,
        run: () =>
          keepingDescriptors(containers, async () => {
            const length = parallel[way.transport];
            const numbers = Array.from({ length }, (_, n) => n);
            await Promise.all(
              numbers.map((n) => echo(containers, pod, way, n)),
            );
          }),
      },
      {
        name: `${over}: ${SEQUENTIAL} one after the other`,
        run: () =>
          keepingDescriptors(containers, async () => {
            for (let n = 0; n < SEQUENTIAL; n++) {
              await echo(containers, pod, way, n);
            }
          }),
      },
    ];
  });
}

async function readMuch<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  way: Way,
): Promise<void> {
  const script = `dd if=/dev/zero bs=65536 count=${
    OUT / 65536
  } 2>/dev/null; echo done >&2; exit 7`;
  await using process = await runScript(containers, pod, script, way);
  const errors = new Response(process.stderr).text();
  let size = 0;
  for await (const chunk of process.stdout) size += chunk.length;
  assertEquals([size, await errors], [OUT, "done\n"]);
  assertEquals((await process.status).code, 7);
}

/**
 * The command continues after the input: containerd 1.6 truncates the input of a
 * command that ends immediately after it, with any client.
 */
async function writeMuch<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  way: Way,
): Promise<void> {
  {
    await using process = await runScript(
      containers,
      pod,
      "cat >/tmp/input; true",
      { ...way, stdin: true },
    );
    const sent = patternStream(IN).pipeTo(process.stdin);
    assertEquals((await process.output()).code, 0);
    await sent;
  }
  await using process = await runScript(
    containers,
    pod,
    "cat /tmp/input; rm /tmp/input",
    way,
  );
  const errors = new Response(process.stderr).text();
  assertEquals(await digest(process.stdout), await patternDigest(IN));
  assertEquals([(await process.status).code, await errors], [0, ""]);
}

async function echo<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  way: Way,
  n: number,
): Promise<void> {
  const script = `echo ${n}; exit ${n % 256}`;
  await using process = await runScript(containers, pod, script, way);
  const { code, stdout } = await process.output();
  assertEquals([code, decoder.decode(stdout)], [n % 256, `${n}\n`]);
}

/** After `work`, neither this program nor one of the servers may have more descriptors. */
async function keepingDescriptors<Pod>(
  { processes }: Containers<Pod>,
  work: () => Promise<void>,
): Promise<string> {
  const all: [string, number | "self"][] = [
    ["here", "self"],
    ...Object.entries(processes)
      .map(([name, pid]): [string, number] => [`of ${name}`, pid]),
  ];
  const count = (): Promise<number[]> =>
    Promise.all(all.map(([, pid]) => descriptors(pid)));
  const before = await count();
  await work();
  const bounds = before.map((count) => count + TOLERANCE);
  // The other side of a connection closes it a moment later.
  let after: number[] = [];
  for (let attempt = 0; attempt < 50; attempt++) {
    after = await count();
    if (after.every((count, index) => count <= bounds[index])) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const text = "descriptors " +
    all.map(([name], index) => `${name} ${before[index]}, then ${after[index]}`)
      .join("; ");
  assert(after.every((count, index) => count <= bounds[index]), text);
  return text;
}

async function descriptors(pid: number | "self"): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count++;
  return count;
}

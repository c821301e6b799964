/**
 * Much data and many commands: nothing may be lost, and no descriptor be left.
 *
 * @module
 */

import { assert, assertEquals } from "../deps.ts";
import { digest, patternDigest, patternStream } from "../interop/pattern.ts";
import type { Scenario } from "../interop/report.ts";
import type { Pod, Runtime } from "./runtime.ts";
import { runScript, SPDY, type Way, WAYS } from "./transports.ts";

const MIB = 1 << 20;
const OUT = 64 * MIB;
const IN = 16 * MIB;
const SEQUENTIAL = 100;
/**
 * Commands at once. From somewhere above 25, containerd 1.6 itself stalls for
 * 40 to 60 s, for its own `ctr` as well, so one of the transports has fewer.
 */
const PARALLEL: Readonly<Record<Way["transport"], number>> = {
  spdy: 50,
  websocket: 25,
};
/** Descriptors that a program may open for its own use meanwhile. */
const TOLERANCE = 5;

const decoder = new TextDecoder();

/** What is tried with much. */
export function bulkScenarios(runtime: Runtime, pod: Pod): Scenario[] {
  return [
    ...WAYS.map((way): Scenario => ({
      name: `exec over ${way.transport}: 64 MiB of stdout`,
      run: () => readMuch(runtime, pod, way),
    })),
    {
      name: "exec over spdy: 16 MiB of stdin",
      run: () => writeMuch(runtime, pod),
    },
    ...WAYS.flatMap((way): Scenario[] => [
      {
        name: `exec over ${way.transport}: ${PARALLEL[way.transport]} at once`,
        run: () =>
          keepingDescriptors(runtime, async () => {
            const length = PARALLEL[way.transport];
            const numbers = Array.from({ length }, (_, n) => n);
            await Promise.all(numbers.map((n) => echo(runtime, pod, way, n)));
          }),
      },
      {
        name: `exec over ${way.transport}: ${SEQUENTIAL} one after the other`,
        run: () =>
          keepingDescriptors(runtime, async () => {
            for (let n = 0; n < SEQUENTIAL; n++) {
              await echo(runtime, pod, way, n);
            }
          }),
      },
    ]),
  ];
}

async function readMuch(runtime: Runtime, pod: Pod, way: Way): Promise<void> {
  const script = `dd if=/dev/zero bs=65536 count=${
    OUT / 65536
  } 2>/dev/null; echo done >&2; exit 7`;
  await using process = await runScript(runtime, pod, script, way);
  const errors = new Response(process.stderr).text();
  let size = 0;
  for await (const chunk of process.stdout) size += chunk.length;
  assertEquals([size, await errors], [OUT, "done\n"]);
  assertEquals((await process.status).code, 7);
}

/**
 * The command goes on after the input: containerd 1.6 cuts the input of a
 * command that ends right after it, whatever the client.
 */
async function writeMuch(runtime: Runtime, pod: Pod): Promise<void> {
  {
    await using process = await runScript(
      runtime,
      pod,
      "cat >/tmp/input; true",
      { ...SPDY, streams: "-i" },
    );
    const sent = patternStream(IN).pipeTo(process.stdin);
    assertEquals((await process.output()).code, 0);
    await sent;
  }
  await using process = await runScript(
    runtime,
    pod,
    "cat /tmp/input; rm /tmp/input",
    SPDY,
  );
  const errors = new Response(process.stderr).text();
  assertEquals(await digest(process.stdout), await patternDigest(IN));
  assertEquals([(await process.status).code, await errors], [0, ""]);
}

async function echo(
  runtime: Runtime,
  pod: Pod,
  way: Way,
  n: number,
): Promise<void> {
  const script = `echo ${n}; exit ${n % 256}`;
  await using process = await runScript(runtime, pod, script, way);
  const { code, stdout } = await process.output();
  assertEquals([code, decoder.decode(stdout)], [n % 256, `${n}\n`]);
}

/** Neither this program nor containerd has more descriptors after `work`. */
async function keepingDescriptors(
  { pid }: Runtime,
  work: () => Promise<void>,
): Promise<string> {
  const before = [await descriptors("self"), await descriptors(pid)];
  await work();
  const bounds = before.map((count) => count + TOLERANCE);
  // The other side of a connection is closed a moment after this one.
  let after: number[] = [];
  for (let attempt = 0; attempt < 50; attempt++) {
    after = [await descriptors("self"), await descriptors(pid)];
    if (after.every((count, index) => count <= bounds[index])) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const text = `descriptors here ${before[0]}, then ${after[0]}; ` +
    `of containerd ${before[1]}, then ${after[1]}`;
  assert(after.every((count, index) => count <= bounds[index]), text);
  return text;
}

async function descriptors(pid: number | "self"): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count++;
  return count;
}

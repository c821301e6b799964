/**
 * attach to the main process of a container.
 *
 * @module
 */

import { assert, assertEquals } from "../deps.ts";
import { attach, exec } from "../../kubernetes/mod.ts";
import type { Scenario } from "../interop/report.ts";
import type { Runtime } from "./runtime.ts";
import { readUntil, type Way, WAYS } from "./transports.ts";

const encoder = new TextEncoder();

/** What is tried of attach. */
export function attachScenarios(runtime: Runtime): Scenario[] {
  return WAYS.flatMap((way) => eachWay(runtime, way));
}

function eachWay(runtime: Runtime, way: Way): Scenario[] {
  const over = `attach over ${way.transport}`;
  return [
    {
      name: `${over}: both outputs to their ends`,
      async run() {
        const script = "until [ -e /tmp/go ]; do sleep 0.1; done;" +
          "echo last out; echo last err >&2; exit 6";
        const pod = await runtime.runPod(["/bin/sh", "-c", script]);
        await using process = await attach({
          url: await runtime.attachUrl(pod),
          ...way,
        });
        const outputs = process.output();
        await using touch = await exec({
          url: await runtime.execUrl(pod, ["/bin/touch", "/tmp/go"]),
        });
        await touch.output();
        const { stdout, stderr } = await outputs;
        const decoder = new TextDecoder();
        assertEquals(
          [decoder.decode(stdout), decoder.decode(stderr)],
          ["last out\n", "last err\n"],
        );
      },
    },
    {
      name: `${over}: stdin, twice`,
      async run() {
        const pod = await runtime.runPod(["/bin/cat"], "-i");
        for (const word of ["first", "second"]) {
          await using process = await attach({
            url: await runtime.attachUrl(pod, "-i"),
            stdin: true,
            ...way,
          });
          const writer = process.stdin.getWriter();
          await writer.write(encoder.encode(`${word}\n`));
          const read = await readUntil(process.stdout.getReader(), word);
          assert(read.includes(word));
        }
      },
    },
    {
      name: `${over}: terminal and size`,
      async run() {
        const pod = await runtime.runPod(["/bin/sh"], "-it");
        await using process = await attach({
          url: await runtime.attachUrl(pod, "-it"),
          stdin: true,
          tty: true,
          ...way,
        });
        await process.resize(90, 20);
        const writer = process.stdin.getWriter();
        await writer.write(encoder.encode(
          "until stty size | grep '20 90'; do sleep 0.1; done; exit 9\n",
        ));
        const text = await new Response(process.stdout).text();
        assert(text.includes("\n20 90"), text);
      },
    },
  ];
}

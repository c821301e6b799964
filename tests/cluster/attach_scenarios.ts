/**
 * attach to the main process of a container.
 *
 * @module
 */

import { assert, assertEquals } from "../deps.ts";
import type { Scenario } from "../interop/report.ts";
import type { Containers, Way } from "./containers.ts";
import { readUntil } from "./transports.ts";

const encoder = new TextEncoder();

/** The scenarios of attach. */
export function attachScenarios<Pod>(
  containers: Containers<Pod>,
  ways: readonly Way[],
): Scenario[] {
  return ways.flatMap((way) => eachWay(containers, way));
}

function eachWay<Pod>(containers: Containers<Pod>, way: Way): Scenario[] {
  const over = `attach over ${way.transport}`;
  return [
    {
      name: `${over}: both outputs to their ends`,
      async run() {
        const script = "until [ -e /tmp/go ]; do sleep 0.1; done;" +
          "echo last out; echo last err >&2; exit 6";
        const pod = await containers.runPod(["/bin/sh", "-c", script]);
        await using process = await containers.attach(pod, way);
        const outputs = process.output();
        await using touch = await containers.exec(pod, [
          "/bin/touch",
          "/tmp/go",
        ], way);
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
        const pod = await containers.runPod(["/bin/cat"], "-i");
        for (const word of ["first", "second"]) {
          await using process = await containers.attach(pod, {
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
        const pod = await containers.runPod(["/bin/sh"], "-it");
        await using process = await containers.attach(pod, {
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

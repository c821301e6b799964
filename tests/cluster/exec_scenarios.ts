/**
 * exec in a container: outputs, exit codes, signals, the end of standard input,
 * and terminals.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, delay } from "../deps.ts";
import {
  exec,
  RemoteCommandError,
  StreamingRefusedError,
} from "../../kubernetes/mod.ts";
import type { Scenario } from "../interop/report.ts";
import type { Containers, Way } from "./containers.ts";
import type { Pod, Runtime } from "./runtime.ts";
import { OLD_PROTOCOLS, readUntil, runScript } from "./transports.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The scenarios of exec, over each transport. */
export function execScenarios<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  ways: readonly Way[],
): Scenario[] {
  return ways.flatMap((way) => [
    ...eachWay(containers, pod, way),
    ...(canEndInput(way) ? [endOfInput(containers, pod, way)] : []),
  ]);
}

/** The scenarios of exec with containerd only. */
export function runtimeExecScenarios(runtime: Runtime, pod: Pod): Scenario[] {
  return [
    ...OLD_PROTOCOLS.map((protocol): Scenario => ({
      name: `exec over spdy with ${protocol}`,
      async run() {
        await using process = await runScript(runtime, pod, "echo old", {
          protocols: [protocol],
        });
        assertEquals(process.protocol, protocol);
        const { stdout } = await process.output();
        assertEquals(decoder.decode(stdout), "old\n");
      },
    })),
    {
      name: "exec: a URL is valid for one request",
      async run() {
        const url = await runtime.execUrl(pod, ["/bin/true"]);
        {
          await using process = await exec({ url });
          assertEquals((await process.output()).code, 0);
        }
        await assertRejects(() => exec({ url }), StreamingRefusedError);
      },
    },
  ];
}

/** Whether the protocol can end standard input. */
function canEndInput({ transport, protocols = [] }: Way): boolean {
  return transport === "spdy" || protocols.includes("v5.channel.k8s.io");
}

function endOfInput<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  way: Way,
): Scenario {
  return {
    name: `exec over ${way.transport}: the end of stdin ends cat`,
    async run() {
      await using process = await containers.exec(pod, ["/bin/cat"], {
        stdin: true,
        ...way,
      });
      const sent = new Blob(["hello"]).stream().pipeTo(process.stdin);
      const { code, stdout } = await process.output();
      await sent;
      assertEquals([code, decoder.decode(stdout)], [0, "hello"]);
    },
  };
}

function eachWay<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  way: Way,
): Scenario[] {
  const over = `exec over ${way.transport}`;
  return [
    {
      name: `${over}: both outputs, exit code 3`,
      async run() {
        const script = "echo out; echo err >&2; exit 3";
        await using process = await runScript(containers, pod, script, way);
        assertEquals(process.transport, way.transport);
        const { code, stdout, stderr } = await process.output();
        assertEquals(
          [code, decoder.decode(stdout), decoder.decode(stderr)],
          [3, "out\n", "err\n"],
        );
      },
    },
    {
      name: `${over}: exit codes`,
      async run() {
        for (const expected of [0, 1, 126, 127, 255]) {
          await using process = await runScript(
            containers,
            pod,
            `exit ${expected}`,
            way,
          );
          assertEquals((await process.output()).code, expected);
        }
      },
    },
    {
      name: `${over}: ended by signals`,
      async run() {
        for (const signal of [2, 9, 15]) {
          const script = `kill -${signal} $$; sleep 100`;
          await using process = await runScript(containers, pod, script, way);
          assertEquals((await process.output()).code, 128 + signal);
        }
      },
    },
    {
      name: `${over}: a command that does not exist`,
      async run() {
        await using process = await containers.exec(
          pod,
          ["/no/such/command"],
          way,
        );
        const error = await assertRejects(
          () => process.status,
          RemoteCommandError,
        );
        assert(error.message.includes("/no/such/command"), error.message);
      },
    },
    {
      name: `${over}: stdin without its end`,
      async run() {
        await using process = await runScript(
          containers,
          pod,
          'read line; echo "got $line"',
          { ...way, stdin: true },
        );
        const writer = process.stdin.getWriter();
        await writer.write(encoder.encode("a line\n"));
        const { code, stdout } = await process.output();
        assertEquals([code, decoder.decode(stdout)], [0, "got a line\n"]);
      },
    },
    {
      name: `${over}: terminal, sizes, Ctrl-C`,
      async run() {
        // A size reaches the terminal only after the command has started, so
        // the shell waits for it.
        const script =
          "until stty size | grep -q '33 101'; do sleep 0.1; done;" +
          "echo first size; until stty size | grep -q '22 77'; do sleep 0.1; done;" +
          "echo second size; sleep 100";
        await using process = await runScript(containers, pod, script, {
          ...way,
          stdin: true,
          tty: true,
        });
        const reader = process.stdout.getReader();
        const writer = process.stdin.getWriter();
        await process.resize(101, 33);
        await readUntil(reader, "first size");
        await process.resize(77, 22);
        await readUntil(reader, "second size");
        // The shell answers before sleep replaces it.
        await delay(500);
        await writer.write(new Uint8Array([3]));
        while (!(await reader.read()).done);
        assertEquals((await process.status).code, 130);
      },
    },
  ];
}

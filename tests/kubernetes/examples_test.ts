import { stdFlags } from "../../tools/std.ts";
import { assertEquals, assertStringIncludes } from "../deps.ts";
import { UPGRADE_FLAGS } from "../helpers/deno_version.ts";
import { servePod } from "../../examples/kubernetes_server.ts";
import { parseArguments } from "../../examples/kubernetes_exec.ts";
import { answerRest } from "../../examples/kubernetes_rest.ts";
import { unixOnly } from "../helpers/unix_only.ts";

const PROGRAM =
  new URL("../../examples/kubernetes_exec.ts", import.meta.url).href;

async function run(
  port: number,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", PROGRAM, `http://127.0.0.1:${port}`, "web", ...args],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
  };
}

unixOnly.test("the example client runs a command in the example pod", async () => {
  await using server = servePod(0);
  const { code, stdout, stderr } = await run(
    server.addr.port,
    "--",
    "sh",
    "-c",
    "echo out; echo err >&2; exit 9",
  );
  assertEquals(code, 9);
  assertEquals(stdout, "out\n");
  assertStringIncludes(stderr, "err\n");
});

Deno.test("the example client prints why the server could not run a command", async () => {
  await using server = servePod(0);
  const { code, stderr } = await run(server.addr.port, "--", "/no/such");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "/no/such cannot be run");
});

Deno.test("the example client parses its arguments", () => {
  assertEquals(parseArguments(["http://h", "web", "-i", "--", "ls", "-i"]), {
    server: "http://h",
    pod: "web",
    command: ["ls", "-i"],
    input: true,
  });
  assertEquals(parseArguments(["http://h", "web"]), undefined);
  assertEquals(parseArguments(["http://h", "web", "--"]), undefined);
  assertEquals(parseArguments([]), undefined);
});

Deno.test("the example server answers REST requests", async () => {
  const ask = (path: string): Promise<{ kind?: string }> =>
    answerRest(new Request(`http://127.0.0.1${path}`)).json();
  assertEquals((await ask("/api")).kind, "APIVersions");
  assertEquals((await ask("/apis")).kind, "APIGroupList");
  assertEquals((await ask("/api/v1")).kind, "APIResourceList");
  assertEquals((await ask("/api/v1/namespaces/a/pods/b")).kind, "Pod");
  assertEquals((await ask("/nothing")).kind, "Status");
});

Deno.test("the example server's pod has all fields that the API requires", async () => {
  const url = "http://127.0.0.1/api/v1/namespaces/a/pods/b";
  const pod = await answerRest(new Request(url)).json();
  const [container] = pod.status.containerStatuses;
  for (const field of ["name", "image", "imageID", "ready", "restartCount"]) {
    assertEquals(field in container, true, field);
  }
});

Deno.test("the example of tunnels runs a command and forwards a port", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      ...await stdFlags(),
      "--allow-net",
      ...UPGRADE_FLAGS,
      new URL("../../examples/kubernetes_tunnel.ts", import.meta.url).href,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(
    [code, new TextDecoder().decode(stdout)],
    [0, "ran ls -l\nSuccess\nforwarded\n"],
  );
});

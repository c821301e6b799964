/**
 * Runs examples as processes, as their headers describe, on free ports.
 *
 * @module
 */

import { assertEquals } from "../deps.ts";
import { Lines } from "../helpers/lines.ts";

/** The folder of the examples. */
export const EXAMPLES: URL = new URL("../../examples/", import.meta.url);

/** How to run an example. */
export interface ExampleOptions {
  /** Replaces the port in the example. */
  readonly port?: number;
  /** Arguments of the command line. */
  readonly args?: readonly string[];
}

/** Starts an example; its standard input and output are pipes. */
export async function start(
  name: string,
  { port = 8000, args = [] }: ExampleOptions = {},
): Promise<Deno.ChildProcess> {
  const mod = new URL("../mod.ts", EXAMPLES).href;
  const text = (await Deno.readTextFile(new URL(name, EXAMPLES)))
    .replace('"../mod.ts"', JSON.stringify(mod))
    .replace(/\b(port: |PORT = )(8000|3000)\b/, `$1${port}`);
  const module = `data:text/typescript,${encodeURIComponent(text)}`;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-config", "--no-check", "-A", module, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    env: { NO_COLOR: "1" },
  }).spawn();
}

/** Runs an example to its end and returns what it printed. */
export async function run(
  name: string,
  options?: ExampleOptions,
): Promise<string> {
  const child = await start(name, options);
  await child.stdin.close();
  const { success, stdout } = await child.output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(success, true, text);
  return text;
}

/** Starts an example that is a server, once it listens; it ends with the block. */
export async function startServer(
  name: string,
  options: ExampleOptions,
): Promise<AsyncDisposable> {
  const child = await start(name, options);
  const lines = new Lines(child.stdout);
  await lines.find(/Listening on/);
  return {
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.stdin.abort().catch(() => {});
      await lines[Symbol.asyncDispose]();
      await child.status;
    },
  };
}

/** A TCP port of this machine that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * A peer in a program of its own. It reads a number of milliseconds from each line of
 * its input, works for that time, and prints its figure in units per second of its own
 * CPU time.
 *
 * @module
 */

import { PeerMissing, type Subject } from "../harness.ts";
import { OutputLines } from "./output_lines.ts";

/** Starts the program `program`. */
export function processPeer(
  name: string,
  program: string,
  args: string[],
  env: Record<string, string> = {},
): Subject {
  const process = new Deno.Command(program, {
    args,
    env,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = process.stdin.getWriter();
  const output = new OutputLines(`the peer ${name}`, process.stdout);
  return {
    name,
    measuresItself: true,
    async run(milliseconds: number): Promise<number> {
      await input.write(
        new TextEncoder().encode(`${Math.round(milliseconds)}\n`),
      );
      return Number(await output.next());
    },
    async close(): Promise<void> {
      await input.close();
      await process.status;
      await output.close();
    },
  };
}

/**
 * Builds a peer into a temporary folder, which is removed when this process ends;
 * returns the program's path. Throws {@linkcode PeerMissing} if `compiler` is not
 * installed or fails.
 *
 * @param args The compiler's arguments for the program at the path `program`.
 */
export async function buildPeer(
  compiler: string,
  args: (program: string) => string[],
  cwd?: URL,
): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "bench-peer-" });
  globalThis.addEventListener("unload", () => {
    Deno.removeSync(folder, { recursive: true });
  });
  const program = `${folder}/peer`;
  let result: Deno.CommandOutput;
  try {
    result = await new Deno.Command(compiler, { args: args(program), cwd })
      .output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new PeerMissing(`${compiler} is not installed`);
    }
    throw error;
  }
  if (!result.success) {
    const lines = new TextDecoder().decode(result.stderr).trim().split("\n");
    throw new PeerMissing(`${compiler}: ${lines.at(-1)}`);
  }
  return program;
}

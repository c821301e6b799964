/**
 * The peer moby/spdystream 0.5.1 (Go), built from `bench/go` into a temporary
 * folder. Both of its sides run in one process with GOMAXPROCS=1: one core, as
 * ours have. It gives its figures in CPU time, as the harness does.
 *
 * @module
 */

import { PeerMissing, type Subject } from "../harness.ts";

const sources = new URL("../go/", import.meta.url);
let built: Promise<string> | undefined;

/** Starts the peer; throws {@linkcode PeerMissing} where there is no Go or no module. */
export async function spdystream(
  transport: "memory" | "tcp",
  load: "requests" | "bulk",
): Promise<Subject> {
  const program = await (built ??= build());
  const process = new Deno.Command(program, {
    args: [transport, load],
    env: { GOMAXPROCS: "1" },
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const input = process.stdin.getWriter();
  const output = process.stdout.pipeThrough(new TextDecoderStream())
    .getReader();
  let text = "";
  return {
    name: "spdystream (Go)",
    measuresItself: true,
    async run(milliseconds: number): Promise<number> {
      await input.write(
        new TextEncoder().encode(`${Math.round(milliseconds)}\n`),
      );
      while (!text.includes("\n")) {
        const { value, done } = await output.read();
        if (done) throw new Error("the Go peer ended early");
        text += value;
      }
      const end = text.indexOf("\n");
      const figure = Number(text.slice(0, end));
      text = text.slice(end + 1);
      return figure;
    },
    async close(): Promise<void> {
      await input.close();
      await process.status;
      await output.cancel();
    },
  };
}

/** The version of Go that builds the peer, or why there is none. */
export async function goVersion(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("go", { args: ["version"] })
      .output();
    return new TextDecoder().decode(stdout).trim().split(" ")[2];
  } catch {
    return "none";
  }
}

async function build(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "spdystream-peer-" });
  globalThis.addEventListener("unload", () => {
    Deno.removeSync(folder, { recursive: true });
  });
  const program = `${folder}/peer`;
  let result: Deno.CommandOutput;
  try {
    result = await new Deno.Command("go", {
      args: ["build", "-trimpath", "-o", program, "."],
      cwd: sources,
    }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new PeerMissing("no Go here");
    }
    throw error;
  }
  if (!result.success) {
    const lines = new TextDecoder().decode(result.stderr).trim().split("\n");
    throw new PeerMissing(`go build: ${lines.at(-1)}`);
  }
  return program;
}

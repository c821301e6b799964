/**
 * The peer moby/spdystream 0.5.1 (Go), built from `bench/go`. Both of its sides
 * run in one process with GOMAXPROCS=1, so they use one core, as ours do.
 *
 * @module
 */

import type { Subject } from "../harness.ts";
import { buildPeer, processPeer } from "./process.ts";

const sources = new URL("../go/", import.meta.url);
let built: Promise<string> | undefined;

/** Starts the peer; throws `PeerMissing` if Go or the module is not installed. */
export async function spdystream(
  transport: "memory" | "tcp",
  load: "requests" | "bulk",
): Promise<Subject> {
  const program = await (built ??= buildPeer(
    "go",
    (program) => ["build", "-trimpath", "-o", program, "."],
    sources,
  ));
  return processPeer("spdystream (Go)", program, [transport, load], {
    GOMAXPROCS: "1",
  });
}

/** The version of Go that builds the peer, or why the peer cannot be built. */
export async function goVersion(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("go", { args: ["version"] })
      .output();
    return new TextDecoder().decode(stdout).trim().split(" ")[2];
  } catch {
    return "none";
  }
}

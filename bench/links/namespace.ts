/**
 * A network namespace whose loopback is a link of a given rate and delay. Needs Linux,
 * root, `ip` and `tc`.
 *
 * @module
 */

import type { LinkRow } from "./rows.ts";

/** A network namespace; disposing of it removes it. */
export class Namespace implements AsyncDisposable {
  readonly #name = `spdy-bench-${Deno.pid}`;

  /**
   * Creates the namespace and shapes its loopback. Resolves to false when the kernel
   * has no netem, which adds round trips.
   */
  async open(
    { mbit, queue, roundTrip }: Pick<LinkRow, "mbit" | "queue" | "roundTrip">,
  ): Promise<boolean> {
    await output(["ip", "netns", "add", this.#name]);
    await this.run("ip", "link", "set", "lo", "up", "mtu", "1500");
    if (mbit === undefined) return true;
    const rate = ["rate", `${mbit}mbit`];
    if (roundTrip === undefined) {
      await this.#shape("tbf", ...rate, "burst", "16k", "limit", `${queue}`);
      return true;
    }
    // The queue of netem, in packets: two round trips at the full rate.
    const limit = Math.ceil(mbit * 125 * roundTrip * 2 / 1500);
    const delay = ["delay", `${roundTrip / 2}ms`];
    try {
      await this.#shape("netem", ...delay, ...rate, "limit", `${limit}`);
      return true;
    } catch {
      return false;
    }
  }

  /** The command line that runs `command` inside the namespace. */
  command(command: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.#name, ...command];
  }

  /** Runs a command inside the namespace; resolves to its output. */
  run(...command: readonly string[]): Promise<string> {
    return output(this.command(command));
  }

  #shape(...discipline: readonly string[]): Promise<string> {
    return this.run("tc", "qdisc", "add", "dev", "lo", "root", ...discipline);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await output(["ip", "netns", "del", this.#name]).catch(() => {});
  }
}

async function output(command: readonly string[]): Promise<string> {
  const [program, ...args] = command;
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${command.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/**
 * This terminal while a command in a pod uses it.
 *
 * @module
 */

import type { RemoteProcess } from "../kubernetes/process.ts";

/**
 * This terminal, raw in both directions: each key is passed on, the process is
 * told the size as it changes, and output is shown as it arrives.
 */
export class RawTerminal implements Disposable {
  readonly #tell: () => void;

  /** Makes the terminal raw, until what is returned is disposed of. */
  static async open(process: RemoteProcess): Promise<RawTerminal> {
    const terminal = new RawTerminal(process);
    await passOutput();
    return terminal;
  }

  private constructor(process: RemoteProcess) {
    this.#tell = () => {
      try {
        const size = Deno.consoleSize();
        process.resize(size.columns, size.rows).catch(() => {});
      } catch {
        // Input is a terminal and output is none: it has no size.
      }
    };
    Deno.stdin.setRaw(true);
    this.#tell();
    if (Deno.build.os !== "windows") {
      Deno.addSignalListener("SIGWINCH", this.#tell);
    }
  }

  /** The terminal is as it was before. */
  [Symbol.dispose](): void {
    // All modes as they were, those that stty has set as well.
    Deno.stdin.setRaw(false);
    if (Deno.build.os !== "windows") {
      Deno.removeSignalListener("SIGWINCH", this.#tell);
    }
  }
}

/**
 * Has output passed on unchanged. `setRaw` leaves the terminal's own treatment of
 * output on, which makes CR LF of each LF: an editor that moves the cursor down
 * by LF would find it in the first column. Without stty or the permission to run
 * it, that is how it stays.
 */
async function passOutput(): Promise<void> {
  if (Deno.build.os === "windows") return;
  const { state } = await Deno.permissions.query({
    name: "run",
    command: "stty",
  });
  if (state !== "granted") return;
  await new Deno.Command("stty", {
    args: ["-opost"],
    stdin: "inherit",
    stdout: "null",
    stderr: "null",
  }).output().catch(() => {});
}

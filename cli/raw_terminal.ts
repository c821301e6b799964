/**
 * The local terminal while a command in a pod uses it.
 *
 * @module
 */

import type { RemoteProcess } from "../kubernetes/process.ts";

/**
 * The local terminal in raw mode: each key is sent, the process gets the size when
 * it changes, and output is shown when it arrives.
 */
export class RawTerminal implements Disposable {
  readonly #tell: () => void;

  /** Makes the terminal raw until the result is disposed of. */
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
        // Input is a terminal but output is not, so there is no size.
      }
    };
    Deno.stdin.setRaw(true);
    this.#tell();
    if (Deno.build.os !== "windows") {
      Deno.addSignalListener("SIGWINCH", this.#tell);
    }
  }

  /** Restores the terminal. */
  [Symbol.dispose](): void {
    // Restores all modes, including those that stty has set.
    Deno.stdin.setRaw(false);
    if (Deno.build.os !== "windows") {
      Deno.removeSignalListener("SIGWINCH", this.#tell);
    }
  }
}

/**
 * Turns off output processing. `setRaw` does not, so the terminal would convert
 * each LF to CR LF, and an editor that moves the cursor down with LF would find it
 * in the first column. Without stty, or without the permission to run it, this is
 * not changed.
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

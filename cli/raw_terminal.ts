/**
 * The local terminal while a command in a pod uses it.
 *
 * @module
 */

import type { RemoteProcess } from "../kubernetes/process.ts";

/**
 * Signals that end the process, with their numbers. No `finally` runs when they do, so
 * without a listener the terminal would stay raw. They are the same as in kubectl.
 */
const ENDING = [
  ["SIGHUP", 1],
  ["SIGINT", 2],
  ["SIGQUIT", 3],
  ["SIGTERM", 15],
] as const;

/**
 * The local terminal in raw mode: each key is sent, the process gets the size when
 * it changes, and output is shown when it arrives.
 */
export class RawTerminal implements Disposable {
  readonly #process: RemoteProcess;
  readonly #listeners: (readonly [Deno.Signal, () => void])[] = [];

  /**
   * Makes the terminal raw until the result is disposed of. With `redraw`, a process
   * that knows the size already gets another one first: as in kubectl, it then draws
   * its screen again.
   */
  static async open(
    process: RemoteProcess,
    redraw: boolean,
  ): Promise<RawTerminal> {
    const terminal = new RawTerminal(process, redraw);
    try {
      await passOutput();
    } catch (error) {
      terminal[Symbol.dispose]();
      throw error;
    }
    return terminal;
  }

  private constructor(process: RemoteProcess, redraw: boolean) {
    this.#process = process;
    Deno.stdin.setRaw(true);
    if (redraw) this.#tell(1);
    this.#tell();
    if (Deno.build.os === "windows") return;
    this.#listen("SIGWINCH", () => this.#tell());
    for (const [signal, number] of ENDING) {
      this.#listen(signal, () => {
        this[Symbol.dispose]();
        // The code with which a shell reports an end by this signal.
        Deno.exit(128 + number);
      });
    }
  }

  /** Sends the size, with `more` added. */
  #tell(more = 0): void {
    try {
      const { columns, rows } = Deno.consoleSize();
      // Some terminals do not know their size and report 0.
      if (columns === 0 || rows === 0) return;
      this.#process.resize(columns + more, rows + more).catch(() => {});
    } catch {
      // Input is a terminal but output is not, so there is no size.
    }
  }

  #listen(signal: Deno.Signal, listener: () => void): void {
    Deno.addSignalListener(signal, listener);
    this.#listeners.push([signal, listener]);
  }

  /** Restores the terminal. */
  [Symbol.dispose](): void {
    for (const [signal, listener] of this.#listeners.splice(0)) {
      Deno.removeSignalListener(signal, listener);
    }
    try {
      // Restores all modes, including those that stty has set.
      Deno.stdin.setRaw(false);
    } catch {
      // The terminal no longer exists, as after SIGHUP.
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
  try {
    // Without stty, this throws before there is a promise.
    await new Deno.Command("stty", {
      args: ["-opost"],
      stdin: "inherit",
      stdout: "null",
      stderr: "null",
    }).output();
  } catch {
    // See above.
  }
}

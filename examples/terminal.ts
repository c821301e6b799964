/**
 * A child process in a terminal, for the example server. `script` of util-linux creates
 * the terminal, and `stty` sets its size.
 *
 * @module
 */

import type { ServedProcess, TerminalSize } from "../kubernetes/mod.ts";

/** Runs the command of an exec in a terminal; resolves to its exit code. */
export async function runInTerminal(
  { call, stdin, stdout, resizes, signal }: ServedProcess,
): Promise<number> {
  const folder = await Deno.makeTempDir();
  try {
    const pipe = `${folder}/terminal`;
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    // The shell inside prints the name of the terminal, and is then replaced by the command.
    const words = ["exec", ...call.command.map(quote)].join(" ");
    const command = `tty > ${quote(pipe)}; ${words}`;
    const child = new Deno.Command("script", {
      args: [
        "--quiet",
        "--return",
        "--flush",
        "--command",
        command,
        "/dev/null",
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      signal,
    }).spawn();
    const terminal = (await Deno.readTextFile(pipe)).trim();
    stdin.pipeTo(child.stdin).catch(() => {});
    const sizes = resizes.getReader();
    const resizing = applySizes(sizes, terminal);
    await child.stdout.pipeTo(stdout);
    await sizes.cancel();
    await resizing;
    return (await child.status).code;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function applySizes(
  sizes: ReadableStreamDefaultReader<TerminalSize>,
  terminal: string,
): Promise<void> {
  for (;;) {
    const { done, value } = await sizes.read();
    if (done) return;
    const { columns, rows } = value;
    await new Deno.Command("stty", {
      args: ["-F", terminal, "columns", `${columns}`, "rows", `${rows}`],
    }).output();
  }
}

/** Quotes a word for a shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

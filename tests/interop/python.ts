/**
 * Python programs from PyPI, in an environment of their own in the cache.
 *
 * @module
 */

import { cacheFolder, requireTool } from "./peers.ts";

/** Longest time that pip may take, ms. */
const INSTALL_TIMEOUT = 300_000;

/** Installs packages, such as `"kubernetes==37.0.2"`, once; resolves to the folder of the programs. */
export async function installPythonPackages(
  name: string,
  packages: readonly string[],
): Promise<string> {
  await requireTool("python3", ["-m", "venv", "--help"]);
  const folder = `${cacheFolder()}/spdy-interop/python-${name}`;
  const done = `${folder}/installed`;
  const wanted = packages.join("\n");
  if (await Deno.readTextFile(done).catch(() => "") === wanted) {
    return `${folder}/bin`;
  }
  await run("python3", ["-m", "venv", "--clear", folder]);
  await run(`${folder}/bin/pip`, [
    "install",
    "--quiet",
    "--disable-pip-version-check",
    ...packages,
  ]);
  await Deno.writeTextFile(done, wanted);
  return `${folder}/bin`;
}

async function run(command: string, args: string[]): Promise<void> {
  const { success, code, stderr } = await new Deno.Command(command, {
    args,
    stdout: "null",
    signal: AbortSignal.timeout(INSTALL_TIMEOUT),
  }).output();
  if (success) return;
  const text = new TextDecoder().decode(stderr);
  throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${text}`);
}

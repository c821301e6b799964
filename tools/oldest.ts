/**
 * Runs the test suite on the oldest Deno that the README names, taken from npm:
 *
 *     deno task oldest                     # all tests, types checked
 *     deno task oldest 2.8.0 tests/zlib    # another version, some tests
 *
 * @module
 */

const root = new URL("../", import.meta.url);

/** The version that README.md names. */
export function oldestDeno(readme: string): string {
  const version = readme.match(/\bDeno (\d+\.\d+\.\d+) or later\b/)?.[1];
  if (version === undefined) {
    throw new TypeError(`README.md does not say "Deno X.Y.Z or later"`);
  }
  return version;
}

async function run(
  program: string,
  args: readonly string[],
  cwd: URL | string,
): Promise<boolean> {
  const { success } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    // Older versions bring certificates of their own; the machine's are right.
    env: { DENO_TLS_CA_STORE: "system" },
  }).spawn().status;
  return success;
}

/** Runs the suite on a Deno of its own, with no caches, in a folder that goes away. */
async function suiteOn(version: string, paths: string[]): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    // Its own package.json: npm would look for one further up.
    await Deno.writeTextFile(`${folder}/package.json`, "{}");
    if (!await run("npm", ["install", "--silent", `deno@${version}`], folder)) {
      console.error(`oldest: npm could not install deno@${version}`);
      return false;
    }
    const deno = `${folder}/node_modules/.bin/deno`;
    await run(deno, ["--version"], root);
    const test = ["test", "-A", "--doc", "--parallel", "--quiet", ...paths];
    return await run(deno, ["run", "-A", "tools/std.ts", ...test], root);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

if (import.meta.main) {
  const [
    version = oldestDeno(await Deno.readTextFile(new URL("README.md", root))),
    ...paths
  ] = Deno.args;
  Deno.exit(await suiteOn(version, paths) ? 0 : 1);
}

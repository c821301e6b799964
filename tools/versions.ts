/**
 * Runs the test suite on several versions of Deno, taken from npm: the oldest
 * that the README names, the last of each minor version since, and the newest.
 *
 *     deno task versions                     # the whole suite on each
 *     deno task versions 2.8.0 tests/zlib    # one version, some tests
 *     deno task oldest                       # the oldest only
 *
 * @module
 */

const root = new URL("../", import.meta.url);

/**
 * Versions that are left out, with the reason. Tests that close connections cannot
 * run on them.
 */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "2.8.3":
    "close() of a TCP connection that is being read neither closes it nor ends the read",
};

/** The version that README.md names. */
export function oldestDeno(readme: string): string {
  const version = readme.match(/\bDeno (\d+\.\d+\.\d+) or later\b/)?.[1];
  if (version === undefined) {
    throw new TypeError(`README.md does not say "Deno X.Y.Z or later"`);
  }
  return version;
}

/** The oldest version, then the last release of each minor version from there on that is not left out. */
export function versionsToTest(
  oldest: string,
  published: readonly string[],
): string[] {
  const lastOfMinor = new Map<string, number[]>();
  for (const text of published) {
    if (!/^\d+\.\d+\.\d+$/.test(text) || text in LEFT_OUT) continue;
    const version = text.split(".").map(Number);
    if (compare(version, oldest.split(".").map(Number)) <= 0) continue;
    const minor = version.slice(0, 2).join(".");
    const last = lastOfMinor.get(minor);
    if (last === undefined || compare(version, last) > 0) {
      lastOfMinor.set(minor, version);
    }
  }
  const newer = [...lastOfMinor.values()].sort(compare);
  return [oldest, ...newer.map((version) => version.join("."))];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at < 0 ? 0 : a[at] - b[at];
}

async function run(
  program: string,
  args: readonly string[],
  cwd: URL | string,
): Promise<boolean> {
  const { success } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    // Older versions contain certificates of their own, which may have expired.
    env: { DENO_TLS_CA_STORE: "system" },
  }).spawn().status;
  return success;
}

/** Runs the suite on a Deno of its own, in a folder that is removed afterwards. */
async function suiteOn(version: string, paths: string[]): Promise<boolean> {
  const folder = await Deno.makeTempDir();
  try {
    // With a package.json of its own, npm does not look for one in the folders above.
    await Deno.writeTextFile(`${folder}/package.json`, "{}");
    if (!await run("npm", ["install", "--silent", `deno@${version}`], folder)) {
      console.error(`versions: npm could not install deno@${version}`);
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

async function publishedVersions(): Promise<string[]> {
  const { success, stdout, stderr } = await new Deno.Command("npm", {
    args: ["view", "deno", "versions", "--json"],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

if (import.meta.main) {
  const [choice, ...paths] = Deno.args;
  const oldest = oldestDeno(
    await Deno.readTextFile(new URL("README.md", root)),
  );
  const versions = choice === undefined
    ? versionsToTest(oldest, await publishedVersions())
    : [choice === "oldest" ? oldest : choice];
  for (const [version, reason] of Object.entries(LEFT_OUT)) {
    if (choice === undefined) console.log(`left out: ${version}: ${reason}`);
  }
  const failed: string[] = [];
  for (const version of versions) {
    if (!await suiteOn(version, paths)) failed.push(version);
  }
  for (const version of versions) {
    console.log(`${version}: ${failed.includes(version) ? "FAILED" : "ok"}`);
  }
  Deno.exit(failed.length === 0 ? 0 : 1);
}

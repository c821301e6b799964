/**
 * Prepares a release. Publishing it is left to a person:
 *
 *     deno task release 1.2.3
 *
 * Requires a clean tree, a section for the version in CHANGELOG.md, and a version
 * that is higher than the one in deno.json (or equal, for the first release). Sets
 * the version in deno.json, runs the gate, commits, tags, and prints the command that publishes.
 * If something fails before the commit, deno.json is restored.
 *
 * @module
 */

const root = new URL("../", import.meta.url);
const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*))?$/;

/** The reasons why `version` cannot be released; empty if it can. */
export function objections(
  version: string,
  state: {
    /** The version in deno.json. */
    readonly current: string;
    readonly changelog: string;
    /** The output of `git status --porcelain`. */
    readonly status: string;
    readonly tags: readonly string[];
  },
): string[] {
  if (!VERSION.test(version)) {
    return [`"${version}" is not a version; write it as 1.2.3 or 1.2.3-rc.1`];
  }
  const found: string[] = [];
  if (compareVersions(version, state.current) < 0) {
    found.push(
      `${version} is lower than ${state.current}, the version in deno.json`,
    );
  }
  if (state.tags.includes(`v${version}`)) {
    found.push(`the tag v${version} already exists`);
  }
  if (!hasSection(state.changelog, version)) {
    found.push(`CHANGELOG.md has no section "## ${version}" with text in it`);
  }
  if (state.status.trim() !== "") {
    found.push(`the tree is not clean:\n${state.status.trimEnd()}`);
  }
  return found;
}

/** Less than 0 if `left` is lower than `right` (Semantic Versioning 2.0.0, 11). */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => VERSION.exec(text));
  if (a === null || b === null) throw new TypeError("not a version");
  for (let index = 1; index <= 3; index++) {
    const order = Number(a[index]) - Number(b[index]);
    if (order !== 0) return order;
  }
  return comparePreReleases(a[4], b[4]);
}

/** The text of a deno.json with its version changed and nothing else. */
export function withVersion(config: string, version: string): string {
  const { version: current } = JSON.parse(config);
  const changed = config.replace(
    `"version": "${current}"`,
    `"version": "${version}"`,
  );
  if (JSON.parse(changed).version !== version) {
    throw new TypeError(`the version of deno.json could not be changed`);
  }
  return changed;
}

function comparePreReleases(
  left: string | undefined,
  right: string | undefined,
): number {
  if (left === right) return 0;
  // A release is higher than its pre-releases.
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  const [a, b] = [left.split("."), right.split(".")];
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] === b[index]) continue;
    const [x, y] = [Number(a[index]), Number(b[index])];
    if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
    // Numbers are lower than words.
    if (!Number.isNaN(x)) return -1;
    if (!Number.isNaN(y)) return 1;
    return a[index] < b[index] ? -1 : 1;
  }
  return a.length - b.length;
}

function hasSection(changelog: string, version: string): boolean {
  const section = changelog.split(/^## /m).find((text) =>
    text.split(/\s/, 1)[0] === version
  );
  return section !== undefined && section.slice(version.length).trim() !== "";
}

async function git(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", {
    args,
    cwd: root,
  }).output();
  if (!success) {
    throw new Error(`git ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

async function gateHolds(): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "tools/ok.ts"],
    cwd: root,
  }).spawn().status;
  return success;
}

async function release(version: string): Promise<number> {
  const path = new URL("deno.json", root);
  const config = await Deno.readTextFile(path);
  const found = objections(version, {
    current: JSON.parse(config).version,
    changelog: await Deno.readTextFile(new URL("CHANGELOG.md", root)),
    status: await git("status", "--porcelain"),
    tags: (await git("tag", "--list")).split("\n"),
  });
  if (found.length > 0) {
    for (const objection of found) console.error(`release: ${objection}`);
    return 1;
  }
  const changed = withVersion(config, version);
  await Deno.writeTextFile(path, changed);
  if (!await gateHolds()) {
    await Deno.writeTextFile(path, config);
    console.error("release: the gate failed; nothing was changed");
    return 1;
  }
  if (changed !== config) {
    await git("commit", "--message", `Version ${version}`, "--", "deno.json");
  }
  await git("tag", "--annotate", `v${version}`, "--message", `v${version}`);
  console.log(
    `v${version} is committed and tagged, but nothing was pushed. To publish it:

    git push --follow-tags

Pushing the tag publishes the package: .github/workflows/publish.yml.`,
  );
  return 0;
}

if (import.meta.main) {
  if (Deno.args.length !== 1) {
    console.error("usage: deno task release X.Y.Z");
    Deno.exit(2);
  }
  Deno.exit(await release(Deno.args[0]));
}

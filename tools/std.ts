/**
 * Runs a command of Deno with the standard library from JSR or, if JSR cannot be
 * reached, from its copy on npm.
 *
 *     deno run -A tools/std.ts test -A --doc
 *
 * The copy is used through a second configuration file (`.deno.std.json`, neither
 * committed nor published): `deno.json` with an import map from every full
 * `jsr:@std/...` specifier of the repository to the same module in `deno-std`.
 *
 * The environment variable `SPDY_STD` selects the source without a request to JSR:
 * `jsr`, `npm`, or the path of a checkout of denoland/std. The checkout has types,
 * which the copy on npm lacks.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

const NPM_COPY = "npm:deno-std@1.3.0";
/** The second configuration file, which is neither committed nor published. */
const SECOND_CONFIG = ".deno.std.json";
/** Compiler options under which the standard library does not compile. */
const STRICTER_THAN_STD = ["isolatedDeclarations", "noImplicitReturns"];
const root = new URL("../", import.meta.url);

/** The source of the standard library: `"jsr"`, `"npm"` or the path of a folder. */
export async function stdSource(): Promise<string> {
  const choice = Deno.env.get("SPDY_STD");
  if (choice !== undefined && choice !== "") return choice;
  return await jsrAnswers() ? "jsr" : "npm";
}

/** Flags with which `deno` finds the standard library; none if JSR is used. */
export async function stdFlags(): Promise<string[]> {
  const source = await stdSource();
  if (source === "jsr") return [];
  const config = JSON.parse(
    await Deno.readTextFile(new URL("deno.json", root)),
  );
  if (source === "npm") {
    config.imports = { ...config.imports, ...await npmImports() };
  } else {
    config.links = await packagesOf(source);
    for (const option of STRICTER_THAN_STD) {
      delete config.compilerOptions[option];
    }
  }
  const path = new URL(SECOND_CONFIG, root);
  const text = JSON.stringify(config, null, 2);
  // Other runs at the same time must not read a half-written file.
  const scratch = new URL(`${SECOND_CONFIG}.${Deno.pid}`, root);
  await Deno.writeTextFile(scratch, text);
  await Deno.rename(scratch, path);
  return ["--config", fileURLToPath(path)];
}

/** The packages in a checkout of the standard library, for `links` in the configuration. */
async function packagesOf(checkout: string): Promise<string[]> {
  const folder = await Deno.realPath(checkout).catch(() => {
    throw new Error(
      `SPDY_STD is ${checkout}: expected "jsr", "npm" or a checkout of denoland/std`,
    );
  });
  const packages: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const found = await Deno.stat(`${path}/deno.json`).catch(() => undefined);
    if (found?.isFile) packages.push(path);
  }
  if (packages.length === 0) {
    throw new Error(`SPDY_STD is ${checkout}: no package of std is there`);
  }
  return packages.sort();
}

/** Runs `deno` with {@linkcode stdFlags} after the subcommand; resolves to its exit code. */
export async function runDeno(
  args: string[],
  env: Record<string, string> = {},
): Promise<number> {
  const [subcommand, ...rest] = args;
  const flags = await stdFlags();
  const process = new Deno.Command(Deno.execPath(), {
    args: [subcommand, ...flags, ...rest],
    env: { SPDY_STD: await stdSource(), ...env },
  }).spawn();
  return (await process.status).code;
}

async function jsrAnswers(): Promise<boolean> {
  try {
    const answer = await fetch("https://jsr.io/@std/assert/meta.json", {
      signal: AbortSignal.timeout(3000),
    });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Maps each `jsr:@std/name@version/sub-path` in the sources to `deno-std`'s `name/sub_path.js`. */
async function npmImports(): Promise<Record<string, string>> {
  const imports: Record<string, string> = {};
  for (const file of sources(root)) {
    const text = await Deno.readTextFile(file);
    for (
      const [specifier, name, path] of text.matchAll(
        /jsr:@std\/([a-z-]+)@[\w.^~-]+(?:\/([\w/-]+))?/g,
      )
    ) {
      const module = (path ?? "mod").replaceAll("-", "_");
      imports[specifier] = `${NPM_COPY}/${
        name.replaceAll("-", "_")
      }/${module}.js`;
    }
  }
  return imports;
}

function* sources(folder: URL): Generator<URL> {
  for (const entry of Deno.readDirSync(folder)) {
    if (
      entry.name.startsWith(".") || entry.name === "node_modules" ||
      entry.name === "coverage"
    ) continue;
    if (entry.isDirectory) yield* sources(new URL(`${entry.name}/`, folder));
    else if (/\.(ts|md)$/.test(entry.name)) yield new URL(entry.name, folder);
  }
}

if (import.meta.main) Deno.exit(await runDeno(Deno.args));

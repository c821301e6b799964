/**
 * `serveDir` of the standard library, from wherever the tests have that library;
 * see tools/std.ts.
 *
 * @module
 */

import { cp } from "node:fs/promises";

/** `serveDir`, as far as tests use it. */
export type ServeDir = (
  request: Request,
  options: { fsRoot: string; quiet: boolean; showDirListing?: boolean },
) => Promise<Response>;

/** Not a literal in `import`, which would be looked up before anything runs. */
const ON_JSR = "jsr:@std/http@1/file-server";
const COPY = "deno-std";
const RECURSIVE = { recursive: true } as const;

/** Calls `test` with `serveDir`. */
export async function withServeDir(
  test: (serveDir: ServeDir) => Promise<void>,
): Promise<void> {
  // Where the copy on npm stands in for it, this fails; see `completeCopy`.
  const module = await import(ON_JSR).catch(() => undefined);
  if (module !== undefined) return await test(module.serveDir);
  const folder = await Deno.makeTempDir();
  try {
    const { serveDir } = await import(await completeCopy(folder));
    await test(serveDir);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The headers that `file_server.js` names. */
const HEADERS = [
  "Accept-Ranges",
  "Access-Control-Allow-Headers",
  "Access-Control-Allow-Origin",
  "Content-Length",
  "Content-Range",
  "Content-Type",
  "ETag",
  "If-Modified-Since",
  "If-None-Match",
  "Last-Modified",
  "Range",
];

/** The files that the copy on npm was published without, by their contents. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "http/deno.json": '{"version":"1.0.0"}',
  "http/unstable_header.js": `export const HEADER = ${
    JSON.stringify(
      Object.fromEntries(
        HEADERS.map((name) => [name.replaceAll("-", ""), name]),
      ),
    )
  }`,
  "http/unstable_method.js":
    'export const METHOD = { Get: "GET", Head: "HEAD" }',
  // Only its command line calls it.
  "net/unstable_get_network_address.js":
    "export function getNetworkAddress() {}",
  "package.json": '{"type":"module"}',
};

/**
 * `file_server.js` of the copy on npm imports files that the copy lacks. Puts the
 * copy into the folder, with these files, and returns the URL of its `file_server.js`,
 * which is as it was.
 */
async function completeCopy(folder: string): Promise<string> {
  await cp(await installedCopy(), folder, RECURSIVE);
  await cp(`${folder}/media_types`, `${folder}/media-types`, RECURSIVE);
  for (const [name, text] of Object.entries(LEFT_OUT)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  return new URL(`file://${folder}/http/file_server.js`).href;
}

/** Where Deno keeps the newest copy of those that it has downloaded. */
async function installedCopy(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json"],
  }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const found: string[] = [];
  for await (const { name } of Deno.readDir(npmCache)) {
    const versions = `${npmCache}/${name}/${COPY}`;
    if (!(await Deno.stat(versions).catch(() => undefined))?.isDirectory) {
      continue;
    }
    for await (const version of Deno.readDir(versions)) {
      if (version.isDirectory) found.push(`${versions}/${version.name}`);
    }
  }
  const newest = found.sort().at(-1);
  if (newest === undefined) throw new Error(`${COPY} is not in ${npmCache}`);
  return newest;
}

/**
 * `serveDir` of the standard library, from the source that the tests use; see
 * tools/std.ts.
 *
 * @module
 */

import { cp } from "node:fs/promises";

/** The part of `serveDir` that tests use. */
export type ServeDir = (
  request: Request,
  options: { fsRoot: string; quiet: boolean; showDirListing?: boolean },
) => Promise<Response>;

/** Not a literal in `import`, because that would be resolved before anything runs. */
const ON_JSR = "jsr:@std/http@1/file-server";
const COPY = "deno-std";
const RECURSIVE = { recursive: true } as const;

/** Calls `test` with `serveDir`. */
export async function withServeDir(
  test: (serveDir: ServeDir) => Promise<void>,
): Promise<void> {
  // With the copy on npm, this import fails; see `completeCopy`.
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

/** The files that are missing from the copy on npm, by their contents. */
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
 * `file_server.js` of the copy on npm imports files that the copy does not
 * contain. Puts the copy and these files into the folder, and returns the URL of
 * its unchanged `file_server.js`.
 */
async function completeCopy(folder: string): Promise<string> {
  await cp(await installedCopy(), folder, RECURSIVE);
  await cp(`${folder}/media_types`, `${folder}/media-types`, RECURSIVE);
  for (const [name, text] of Object.entries(LEFT_OUT)) {
    await Deno.writeTextFile(`${folder}/${name}`, text);
  }
  return new URL(`file://${folder}/http/file_server.js`).href;
}

/** The folder in which Deno keeps the newest copy that it has downloaded. */
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

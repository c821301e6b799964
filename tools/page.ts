/**
 * Makes the page of captures: `viewer/page_text.ts`, which `spdy decode --html`
 * loads, and `docs/capture_viewer.html`.
 *
 * @module
 */

const root = new URL("../", import.meta.url);

/** The page, generated from its sources. */
export async function makePage(): Promise<string> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "bundle",
      "--quiet",
      "--platform",
      "browser",
      "--minify",
      "viewer/main.ts",
    ],
    cwd: root,
  }).output();
  if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
  const script = new TextDecoder().decode(output.stdout).trim()
    .replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const style = await readSource("style.css");
  const policy = `default-src 'none'; script-src '${await hash(
    script,
  )}'; style-src '${await hash(
    style,
  )}'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'`;
  const parts: Record<string, string> = {
    '"CSP"': `"${policy}"`,
    ">STYLE<": `>${style}<`,
    ">SCRIPT<": `>${script}<`,
  };
  return (await readSource("page.html")).replace(
    /"CSP"|>(STYLE|SCRIPT)</g,
    (place) => parts[place],
  );
}

/** The sources of the script: files and folders. */
const SOURCES = [
  "bytes.ts",
  "capture",
  "compiled_code.ts",
  "errors.ts",
  "frame",
  "numbers.ts",
  "values.ts",
  "viewer",
  "zlib",
];
/** Files in these folders that are generated or not part of the script. */
const NO_SOURCES = /\.md$|page_text\.ts$|embed\.ts$/;

/**
 * A digest of the sources. The page's module contains it, so that a test can see
 * whether the page is stale without generating it, on any version of Deno.
 */
export async function sourceDigest(): Promise<string> {
  const paths: string[] = [];
  const collect = async (path: string): Promise<void> => {
    if (!(await Deno.stat(new URL(path, root))).isDirectory) {
      if (!NO_SOURCES.test(path)) paths.push(path);
      return;
    }
    for await (const { name } of Deno.readDir(new URL(`${path}/`, root))) {
      await collect(`${path}/${name}`);
    }
  };
  for (const source of SOURCES) await collect(source);
  const texts = await Promise.all(
    paths.sort().map((path) => Deno.readTextFile(new URL(path, root))),
  );
  return await hash(texts.join("\0").replaceAll("\r\n", "\n"));
}

/** The page as a module. */
export function moduleOf(page: string, sources: string): string {
  return `/** The page of captures; made by \`deno task page\`. */\n// Sources: ${sources}\nexport const PAGE: string =\n  ${
    JSON.stringify(page).replace(
      /[\x7f-\uffff]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
  };\n`;
}

async function readSource(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`viewer/${name}`, root));
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(text),
  );
  return `sha256-${new Uint8Array(digest).toBase64()}`;
}

if (import.meta.main) {
  const page = await makePage();
  await Deno.writeTextFile(
    new URL("viewer/page_text.ts", root),
    moduleOf(page, await sourceDigest()),
  );
  await Deno.writeTextFile(new URL("docs/capture_viewer.html", root), page);
}

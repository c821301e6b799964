import { assert, assertEquals } from "./deps.ts";

const root = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));

Deno.test("each example in the README equals its file", async () => {
  const shown = [
    ...readme.matchAll(
      /<!-- (examples\/\S+) -->\n\n```ts ignore\n([\s\S]*?)```/g,
    ),
  ];
  assertEquals(shown.length, 3);
  for (const [, path, code] of shown) {
    const file = await Deno.readTextFile(new URL(path, root));
    assertEquals(code, file.replace(`"../mod.ts"`, `"jsr:@spdy/spdy"`), path);
  }
});

const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "frame/compression/README.md",
];
for await (const entry of Deno.readDir(new URL("docs/", root))) {
  if (entry.name.endsWith(".md")) PAGES.push(`docs/${entry.name}`);
}
/** The pages that say which file of a folder to read first. */
const FOLDER_PAGES: string[] = [];
for await (const { name, isDirectory } of Deno.readDir(root)) {
  const page = `${name}/README.md`;
  if (!isDirectory || name === "docs") continue;
  const found = await Deno.stat(new URL(page, root)).catch(() => undefined);
  if (found !== undefined) FOLDER_PAGES.push(page);
}
PAGES.push(...FOLDER_PAGES);

/** The text of a page without its code blocks, which may have lines that begin with "#". */
async function prose(url: URL): Promise<string> {
  return (await Deno.readTextFile(url)).replaceAll(/^```[\s\S]*?^```/gm, "");
}

/** The anchors that GitHub generates for a page's headings. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replaceAll(/[^\w\- ]/g, "").replaceAll(" ", "-")
  );
}

Deno.test("every heading to which a page links exists", async () => {
  for (const page of PAGES) {
    const url = new URL(page, root);
    for (
      const [, target, anchor] of (await prose(url)).matchAll(
        /\]\(([^)#\s]*)#([^)\s]+)\)/g,
      )
    ) {
      if (/^[a-z]+:/.test(target)) continue;
      const found = anchors(await prose(new URL(target, url)));
      assert(found.includes(anchor), `${page} links to ${target}#${anchor}`);
    }
  }
});

Deno.test("every file that a page names in code style exists", async () => {
  const name =
    /`((?:cli|connection|docs|examples|frame|http|kubernetes|session|tests|tools|zlib)\/[\w./-]+\.(?:ts|md|json))`/g;
  for (const page of PAGES) {
    for (const [, path] of (await prose(new URL(page, root))).matchAll(name)) {
      // The lists of steps contain placeholders such as cli/NAME.ts.
      if (path.includes("NAME")) continue;
      const found = await Deno.stat(new URL(path, root)).then(
        () => true,
        () => false,
      );
      assert(found, `${page} names ${path}`);
    }
  }
});

Deno.test("every file and folder that the page of a folder names exists", async () => {
  for (const page of FOLDER_PAGES) {
    const url = new URL(page, root);
    const text = await prose(url);
    const named = [...text.matchAll(/`([\w./-]+(?:\.(?:ts|md)|\/))`/g)];
    for (const [, path] of named) {
      // A path starts in the folder of the page, or in that of the repository.
      const found = await Promise.all(
        [url, root].map((from) =>
          Deno.stat(new URL(path, from)).then(() => true, () => false)
        ),
      );
      assert(found.includes(true), `${page} names ${path}`);
    }
  }
});

Deno.test("every page to which a page links exists", async () => {
  for (const page of PAGES) {
    const url = new URL(page, root);
    for (
      const [, target] of (await Deno.readTextFile(url)).matchAll(
        /\]\(([^)#\s]+)[^)]*\)/g,
      )
    ) {
      if (/^[a-z]+:/.test(target)) continue;
      const found = await Deno.stat(new URL(target, url)).then(
        () => true,
        () => false,
      );
      assert(found, `${page} links to ${target}`);
    }
  }
});

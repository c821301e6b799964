import { assert, assertEquals } from "./deps.ts";

const root = new URL("../", import.meta.url);
const readme = await Deno.readTextFile(new URL("README.md", root));

Deno.test("what the README shows of an example is the example", async () => {
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

Deno.test("every page that a page links to is there", async () => {
  const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
  for await (const entry of Deno.readDir(new URL("docs/", root))) {
    if (entry.name.endsWith(".md")) pages.push(`docs/${entry.name}`);
  }
  for (const page of pages) {
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

import { basename } from "node:path";
import { decode } from "../../cli/decode.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { moduleOf, sourceDigest } from "../../tools/page.ts";
import { embed } from "../../viewer/embed.ts";
import { PAGE } from "../../viewer/page_text.ts";

const root = new URL("../../", import.meta.url);

Deno.test("page: both copies are generated from the current sources", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(path, root));
  const sources = await sourceDigest();
  // No comparison that prints both texts, because the page is long.
  assert(
    await read("viewer/page_text.ts") === moduleOf(PAGE, sources),
    "viewer/page_text.ts is stale: run `deno task page`",
  );
  assert(await read("docs/capture_viewer.html") === PAGE, "run deno task page");
});

Deno.test("page: the policy forbids network access and markup made of text", () => {
  const policy = PAGE.match(/Content-Security-Policy" content="([^"]*)"/)![1];
  assert(policy.startsWith("default-src 'none'; script-src 'sha256-"));
  assertStringIncludes(policy, "require-trusted-types-for 'script'");
  assertStringIncludes(policy, "trusted-types 'none'");
  assert(!policy.includes("unsafe") && !policy.includes("http"));
  // Except for code that reads the URLs of captured requests.
  assertEquals(PAGE.match(/https?:\/\/[\w.-]+/g), null);
});

Deno.test("page: its sources never create markup from text", async () => {
  for await (const { name } of Deno.readDir(new URL("viewer", root))) {
    if (!name.endsWith(".ts") || name === "page_text.ts") continue;
    const source = await Deno.readTextFile(new URL(`viewer/${name}`, root));
    assertEquals(
      source.match(
        /\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|setHTML\w*|srcdoc|DOMParser|createContextualFragment|eval|Function)\b/g,
      ),
      null,
      name,
    );
  }
});

Deno.test("page: neither a file name nor its content can end the embedded data", () => {
  const name = "</script><img src=x onerror=alert(1)><!--<script>";
  const bytes = new TextEncoder().encode("</script><b>");
  const page = embed(PAGE, [{ name, bytes }]);
  assertEquals(page.match(/<\/script/g)!.length, 2);
  const json = page.match(/id="capture">([^<]*)<\/script>/)![1];
  assertEquals(JSON.parse(json), [{ name, base64: bytes.toBase64() }]);
});

Deno.test("decode: --html writes the page with the bytes of the capture", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bytes = Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1);
    await Deno.writeFile(`${folder}/a.bin`, bytes);
    const name = `${folder}/a.bin`;
    assertEquals(await decode.run(["--html", `${folder}/a.html`, name]), 0);
    const page = await Deno.readTextFile(`${folder}/a.html`);
    assertEquals(page, embed(PAGE, [{ name: "a.bin", bytes }]));
    const names = [name, `${folder}/../${basename(folder)}/a.bin`];
    // On Windows, only an administrator may create links.
    if (Deno.build.os !== "windows") {
      await Deno.symlink(name, `${folder}/link`);
      names.push(`${folder}/link`);
    }
    for (const same of names) {
      await assertRejects(
        () => decode.run(["--html", same, name]),
        Error,
        "would replace the capture",
      );
    }
    assertEquals(await Deno.readFile(name), bytes);
    await assertRejects(
      () => decode.run(["--html", `${folder}/b.html`, "--json", name]),
      Error,
      "--html takes no other option",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

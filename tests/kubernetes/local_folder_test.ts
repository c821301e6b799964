import { LocalFolder } from "../../kubernetes/copy/local_folder.ts";
import { assertEquals, assertRejects, stub } from "../deps.ts";
import { withFolder } from "../helpers/folder.ts";

const ATTRIBUTES = { mode: 0o644, mtime: 1000 };

/** A body of one chunk. */
function bodyOf(text: string): () => Promise<Uint8Array | undefined> {
  const chunks = [new TextEncoder().encode(text)];
  return () => Promise.resolve(chunks.shift());
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

Deno.test("a file may have the longest name that the system permits", async () => {
  await withFolder({}, async (folder) => {
    const local = await LocalFolder.open(folder, ".", true);
    const names = [241, 242, 255].map((length) => "n".repeat(length));
    for (const name of names) {
      await local.addFile([name], ATTRIBUTES, bodyOf(name));
    }
    assertEquals(await namesIn(folder), names);
    for (const name of names) {
      assertEquals(await Deno.readTextFile(`${folder}/${name}`), name);
    }
  });
});

Deno.test("a file that fails leaves no part of itself", async () => {
  await withFolder({ a: "before" }, async (folder) => {
    const local = await LocalFolder.open(folder, ".", true);
    const parts = [new Uint8Array(9)];
    const body = (): Promise<Uint8Array | undefined> => {
      const part = parts.shift();
      return part === undefined
        ? Promise.reject(new Error("the body failed"))
        : Promise.resolve(part);
    };
    await assertRejects(
      () => local.addFile(["a"], ATTRIBUTES, body),
      Error,
      "the body failed",
    );
    assertEquals(await namesIn(folder), ["a"]);
    assertEquals(await Deno.readTextFile(`${folder}/a`), "before");
  });
});

Deno.test("the error is that of the file, even if its part cannot be removed", async () => {
  await withFolder({}, async (folder) => {
    const local = await LocalFolder.open(folder, ".", true);
    using _ = stub(
      Deno,
      "remove",
      () => Promise.reject(new Error("it cannot be removed")),
    );
    await assertRejects(
      () =>
        local.addFile(
          ["a"],
          ATTRIBUTES,
          () => Promise.reject(new Error("the body failed")),
        ),
      Error,
      "the body failed",
    );
  });
});

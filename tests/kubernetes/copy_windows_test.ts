/** What a copy from a pod does on Windows. */

import { LocalFolder } from "../../kubernetes/copy/local_folder.ts";
import { assertEquals, assertSpyCall, assertSpyCalls, stub } from "../deps.ts";
import { asWindows } from "../helpers/as_windows.ts";
import { withFolder } from "../helpers/folder.ts";

Deno.test("on Windows, a link has the kind of its target, seen from the link, and backslashes", async () => {
  await withFolder({ "data/in/file": "" }, async (folder) => {
    const local = await LocalFolder.open(`${folder}/data`, ".", false);
    assertEquals(local.addLink(["in", "a"], "../in"), true);
    assertEquals(local.addLink(["b"], "in/file"), true);
    assertEquals(local.addLink(["c"], "none"), true);
    using _windows = asWindows();
    using symlink = stub(Deno, "symlink", () => Promise.resolve());
    await local.finish();
    const links: [name: string[], target: string, type: "dir" | "file"][] = [
      [["in", "a"], "..\\in", "dir"],
      [["b"], "in\\file", "file"],
      [["c"], "none", "file"],
    ];
    for (const [index, [name, target, type]] of links.entries()) {
      assertSpyCall(symlink, index, {
        args: [target, local.pathOf(name), { type }],
      });
    }
    assertSpyCalls(symlink, 3);
  });
});

Deno.test("on Windows, the kind of a link is found through links that are created after it", async () => {
  await withFolder({
    "data/v2/in/file": "",
    // An earlier copy: the link of this name will lead to a folder.
    "data/stale": "",
  }, async (folder) => {
    const local = await LocalFolder.open(`${folder}/data`, ".", false);
    const links: [name: string, target: string, type: "dir" | "file"][] = [
      ["current", "latest", "dir"],
      ["inside", "latest/in", "dir"],
      ["file", "inside/file", "file"],
      ["old", "stale", "dir"],
      ["stale", "v2", "dir"],
      ["latest", "./v2", "dir"],
      ["a", "b", "file"],
      ["b", "a/c", "file"],
      ["self", "self", "file"],
      ["last", "link39", "dir"],
      ["beyond", "link40", "file"],
      ...Array.from({ length: 41 }, (_, index): [string, string, "dir"] => [
        `link${index}`,
        index === 0 ? "v2" : `link${index - 1}`,
        "dir",
      ]),
    ];
    for (const [name, target] of links) {
      assertEquals(local.addLink([name], target), true);
    }
    using _windows = asWindows();
    using symlink = stub(Deno, "symlink", () => Promise.resolve());
    await local.finish();
    for (const [index, [name, target, type]] of links.entries()) {
      const args = [target.replaceAll("/", "\\"), local.pathOf([name]), {
        type,
      }];
      assertSpyCall(symlink, index, { args });
    }
    assertSpyCalls(symlink, links.length);
  });
});

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

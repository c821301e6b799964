/** What `spdy serve` must not read on Windows. */

import { staticFiles } from "../../cli/static_files.ts";
import { assertEquals } from "../deps.ts";
import { asWindows } from "../helpers/as_windows.ts";
import { withFolder } from "../helpers/folder.ts";
import { unixOnly } from "../helpers/unix_only.ts";

// On Unix, such names are files, so a request that is not refused finds one.
unixOnly.test("on Windows, a path with a backslash or a colon is missing", async () => {
  const names = ["a\\b", "a:b", "a.txt::$DATA", "C:"];
  const files = Object.fromEntries(names.map((name) => [name, "text"]));
  await withFolder({ "plain": "text", ...files }, async (folder) => {
    const get = await staticFiles(folder);
    const statusOf = async (name: string): Promise<number> => {
      const url = `http://host/${encodeURIComponent(name)}`;
      const response = await get(new Request(url));
      await response.body?.cancel();
      return response.status;
    };
    for (const name of names) assertEquals(await statusOf(name), 200, name);
    using _windows = asWindows();
    for (const name of names) assertEquals(await statusOf(name), 404, name);
    assertEquals(await statusOf("plain"), 200);
  });
});

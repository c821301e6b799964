/** `serveDir` of the standard library as a handler, unchanged: the same as under `Deno.serve`. */

import { connect } from "../../http/connect.ts";
import { serve } from "../../http/server/serve.ts";
import { assertEquals } from "../deps.ts";
import { isDenoBefore } from "../helpers/deno_version.ts";
import { withFolder } from "../helpers/folder.ts";
import { withServeDir } from "../helpers/serve_dir.ts";

const HOST = { hostname: "127.0.0.1", port: 0, onListen() {} };
const TEXT = "0123456789".repeat(30_000);

/** Headers that both servers must send with the same values. */
const COMPARED = [
  "accept-ranges",
  "content-length",
  "content-range",
  "content-type",
  "etag",
  "last-modified",
  "location",
];

interface Asked {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const ASKED: readonly Asked[] = [
  { path: "/text.txt" },
  { path: "/text.txt", method: "HEAD" },
  { path: "/text.txt", headers: { range: "bytes=5-14" } },
  { path: "/text.txt", headers: { range: "bytes=-4" } },
  { path: "/text.txt", headers: { range: "bytes=900000-" } },
  { path: "/text.txt", method: "POST" },
  { path: "/page/" },
  { path: "/page" },
  { path: "/list/" },
  { path: "/none" },
  { path: "/%2e%2e/secret" },
  { path: "/bad%" },
  { path: "/empty.json" },
];

Deno.test("serveDir of the standard library works as a handler, as under Deno.serve", async () => {
  const files = {
    "text.txt": TEXT,
    "empty.json": "",
    "page/index.html": "<p>page</p>",
    "list/a.css": "a {}",
  };
  await withServeDir((serveDir) =>
    withFolder(files, async (fsRoot) => {
      const handler = (request: Request): Promise<Response> =>
        serveDir(request, { fsRoot, quiet: true, showDirListing: true });
      await using ours = serve(HOST, handler);
      await using theirs = Deno.serve(HOST, handler);
      await using connection = await connect({ port: ours.addr.port });
      const origin = `http://127.0.0.1:${theirs.addr.port}`;
      const ask = async ({ path, method, headers }: Asked): Promise<void> => {
        const init = { method, headers, redirect: "manual" } as const;
        const [answer, expected] = [
          await connection.fetch(path, init),
          await fetch(origin + path, init),
        ];
        const what = `${method ?? "GET"} ${path}`;
        assertEquals(answer.status, expected.status, what);
        // Before Deno 2.9, Deno.serve compressed text without being asked,
        // which changes the ETag, and its fetch removed the length.
        const isChanged = isDenoBefore("2.9.0") &&
          answer.headers.has("content-length") &&
          !expected.headers.has("content-length");
        for (const name of COMPARED) {
          if (isChanged && /^(content-length|etag)$/.test(name)) continue;
          assertEquals(
            answer.headers.get(name)?.replace(`:${ours.addr.port}`, ""),
            expected.headers.get(name)?.replace(`:${theirs.addr.port}`, ""),
            `${what}: ${name}`,
          );
        }
        assertEquals(await answer.text(), await expected.text(), what);
      };
      for (const each of ASKED) await ask(each);
      const first = await connection.fetch("/text.txt");
      assertEquals((await first.text()).length, TEXT.length);
      const etag = first.headers.get("etag") ?? "";
      await ask({ path: "/text.txt", headers: { "if-none-match": etag } });
      const again = await connection.fetch("/text.txt", {
        headers: { "if-none-match": etag },
      });
      assertEquals([again.status, await again.text()], [304, ""]);
    })
  );
});

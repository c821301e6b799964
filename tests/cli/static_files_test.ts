import { assertEquals, assertMatch, assertStringIncludes } from "../deps.ts";
import { type FileHandler, staticFiles } from "../../cli/static_files.ts";

async function withFiles(
  test: (get: FileHandler, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/public/sub`, { recursive: true });
    await Deno.writeTextFile(`${folder}/secret.txt`, "secret");
    await Deno.writeTextFile(`${folder}/public/a.txt`, "0123456789");
    await Deno.writeTextFile(`${folder}/public/empty`, "");
    await Deno.writeTextFile(`${folder}/public/sub/<b>.html`, "<p>b");
    await Deno.symlink(`${folder}/secret.txt`, `${folder}/public/link.txt`);
    await test(await staticFiles(`${folder}/public`), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function request(
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Request {
  return new Request(`http://host${path}`, { headers, method });
}

Deno.test("a file comes with its type, length and tag; unchanged it is 304", async () => {
  await withFiles(async (get) => {
    const response = await get(request("/a.txt"));
    assertEquals(response.status, 200);
    assertEquals(
      response.headers.get("content-type"),
      "text/plain; charset=UTF-8",
    );
    assertEquals(response.headers.get("content-length"), "10");
    assertEquals(await response.text(), "0123456789");
    const tag = response.headers.get("etag") ?? "";
    assertMatch(tag, /^W\/"/);
    assertEquals(
      (await get(request("/a.txt", { "if-none-match": tag }))).status,
      304,
    );
    const modified = response.headers.get("last-modified") ?? "";
    assertEquals(
      (await get(request("/a.txt", { "if-modified-since": modified }))).status,
      304,
    );
    const old = await get(
      request("/a.txt", {
        "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT",
      }),
    );
    assertEquals(await old.text(), "0123456789");
    assertEquals(await (await get(request("/empty"))).text(), "");
  });
});

Deno.test("ranges", async () => {
  await withFiles(async (get) => {
    const cases: [
      range: string,
      status: number,
      contentRange: string | null,
      body: string,
    ][] = [
      ["bytes=2-4", 206, "bytes 2-4/10", "234"],
      ["bytes=7-", 206, "bytes 7-9/10", "789"],
      ["bytes=-3", 206, "bytes 7-9/10", "789"],
      ["bytes=-99", 206, "bytes 0-9/10", "0123456789"],
      ["bytes=0-99", 206, "bytes 0-9/10", "0123456789"],
      ["bytes=10-", 416, "bytes */10", ""],
      ["bytes=5-2", 200, null, "0123456789"],
      ["bytes=0-1,4-5", 200, null, "0123456789"],
      ["lines=1-2", 200, null, "0123456789"],
    ];
    for (const [range, status, contentRange, body] of cases) {
      const response = await get(request("/a.txt", { range }));
      assertEquals(response.status, status, range);
      assertEquals(response.headers.get("content-range"), contentRange, range);
      assertEquals(await response.text(), body, range);
    }
  });
});

Deno.test("nothing outside the directory is read", async () => {
  await withFiles(async (get) => {
    const paths = [
      "/../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/sub/..%2f..%2fsecret.txt",
      "/%2e%2e%5csecret.txt",
      "/a.txt%00.html",
      "/link.txt",
      "/%ff",
      "/missing",
    ];
    for (const path of paths) {
      const response = await get(request(path));
      assertEquals(response.status, 404, path);
      await response.body?.cancel();
    }
  });
});

Deno.test("a directory is listed with its names escaped, or answered with its index.html", async () => {
  await withFiles(async (get, folder) => {
    const redirect = await get(request("/sub?x=1"));
    assertEquals([redirect.status, redirect.headers.get("location")], [
      301,
      "/sub/?x=1",
    ]);
    const text = await (await get(request("/sub/"))).text();
    assertStringIncludes(text, `<a href="./%3Cb%3E.html">&lt;b&gt;.html</a>`);
    assertStringIncludes(text, `<a href="../">`);
    await Deno.writeTextFile(`${folder}/public/sub/index.html`, "index");
    assertEquals(await (await get(request("/sub/"))).text(), "index");
  });
});

Deno.test("HEAD has no body, other methods are refused", async () => {
  await withFiles(async (get) => {
    const head = await get(request("/a.txt", {}, "HEAD"));
    assertEquals([head.headers.get("content-length"), head.body], ["10", null]);
    const post = await get(request("/a.txt", {}, "POST"));
    assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
    await post.body?.cancel();
  });
});

import { MOST_ENTRIES, PAGE_ENTRIES } from "../../cli/listing.ts";
import { type FileHandler, staticFiles } from "../../cli/static_files.ts";
import { stdFlags } from "../../tools/std.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { linuxOnly, onlyIf, unixOnly } from "../helpers/unix_only.ts";

/** A name that a listing has to escape; Windows allows no `<`. */
const [ODD_NAME, ODD_LINK, ODD_TEXT] = Deno.build.os === "windows"
  ? ["b&b.html", "b%26b.html", "b&amp;b.html"]
  : ["<b>.html", "%3Cb%3E.html", "&lt;b&gt;.html"];

async function withFiles(
  test: (get: FileHandler, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/public/sub`, { recursive: true });
    await Deno.writeTextFile(`${folder}/secret.txt`, "secret");
    await Deno.writeTextFile(`${folder}/public/a.txt`, "0123456789");
    await Deno.writeTextFile(`${folder}/public/empty`, "");
    await Deno.writeTextFile(`${folder}/public/sub/${ODD_NAME}`, "<p>b");
    // On Windows, only an administrator may create links.
    if (Deno.build.os !== "windows") {
      await Deno.symlink(`${folder}/secret.txt`, `${folder}/public/link.txt`);
    }
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

Deno.test("a file has its type, length and tag, and 304 if it is unchanged", async () => {
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

Deno.test("a path of slashes only, encoded or not, is the root", async () => {
  await withFiles(async (get) => {
    const root = await (await get(request("/"))).text();
    for (
      const path of [
        "//",
        "/%2F",
        "/%2f%2F",
        "//%2F",
        "/%2F/",
        "/%2e%2f",
        "/%2F?a",
      ]
    ) {
      const response = await get(request(path));
      assertEquals(
        [response.status, await response.text()],
        [200, root],
        path,
      );
    }
    for (const path of ["/%2Fsub", "/sub%2F", "//sub", "/sub%2F."]) {
      const { status, headers } = await get(request(path));
      assertEquals([status, headers.get("location")], [301, "/sub/"], path);
    }
  });
});

Deno.test("a request for another version than the current one is answered with 412", async () => {
  await withFiles(async (get, folder) => {
    const path = `${folder}/public/a.txt`;
    await Deno.utime(path, 0, new Date("2024-05-06T07:08:09.500Z"));
    const tag = (await get(request("/a.txt", {}, "HEAD"))).headers.get("etag");
    const now = "Mon, 06 May 2024 07:08:09 GMT";
    const before = "Mon, 06 May 2024 07:08:08 GMT";
    const cases: [headers: Record<string, string>, status: number][] = [
      [{ "if-unmodified-since": now }, 206],
      [{ "if-unmodified-since": before }, 412],
      [{ "if-unmodified-since": "yesterday" }, 206],
      [{ "if-match": "*" }, 206],
      [{ "if-match": `"other"` }, 412],
      // If-Match matches no weak tag.
      [{ "if-match": `${tag}` }, 412],
      [{ "if-match": " * ", "if-unmodified-since": before }, 206],
      [{ "if-match": `"other"`, "if-none-match": `${tag}` }, 412],
      [{ "if-unmodified-since": now, "if-none-match": `${tag}` }, 304],
    ];
    for (const [headers, status] of cases) {
      const asked = request("/a.txt", { ...headers, range: "bytes=2-4" });
      const response = await get(asked);
      const text = status === 206 ? "234" : "";
      assertEquals(
        [response.status, await response.text()],
        [status, text],
        JSON.stringify(headers),
      );
    }
  });
});

Deno.test("range requests are answered", async () => {
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
      ["Bytes=2-4", 206, "bytes 2-4/10", "234"],
      ["bytes=0-99", 206, "bytes 0-9/10", "0123456789"],
      ["bytes=10-", 416, "bytes */10", ""],
      ["bytes=5-2", 200, null, "0123456789"],
      ["bytes=4-5,20-", 206, "bytes 4-5/10", "45"],
      ["bytes=0-5,4-9", 200, null, "0123456789"],
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

Deno.test("a request for several ranges gets them in the parts of one body", async () => {
  await withFiles(async (get, folder) => {
    // The second range is read in several pieces.
    const content = "0123456789".repeat(20_000);
    await Deno.writeTextFile(`${folder}/public/long.txt`, content);
    const headers = { range: "bytes=3-4,1000-199000,-2" };
    const response = await get(request("/long.txt", headers));
    assertEquals(
      [response.status, response.headers.get("content-range")],
      [206, null],
    );
    const type = response.headers.get("content-type") ?? "";
    assertMatch(type, /^multipart\/byteranges; boundary=[\w-]{36}$/);
    const boundary = type.split("=")[1];
    const text = await response.text();
    assertEquals(response.headers.get("content-length"), `${text.length}`);
    const parts = text.split(`--${boundary}`).map((part) =>
      part.split("\r\n\r\n")
    );
    assertEquals(parts.map(([, body]) => body?.trimEnd()), [
      undefined,
      content.slice(3, 5),
      content.slice(1000, 199001),
      content.slice(-2),
      undefined,
    ]);
    assertMatch(parts[2][0], /^\r\ncontent-type: text\/plain; charset=UTF-8\r/);
    assertMatch(parts[2][0], /\r\ncontent-range: bytes 1000-199000\/200000$/);
  });
});

Deno.test("HEAD has no ranges: the answer is about the whole file", async () => {
  await withFiles(async (get) => {
    for (const range of ["bytes=2-4", "bytes=0-1,4-5", "bytes=10-"]) {
      const { status, headers } = await get(
        request("/a.txt", { range }, "HEAD"),
      );
      assertEquals(
        [
          status,
          headers.get("content-length"),
          headers.get("content-range"),
          headers.get("content-type"),
          headers.get("accept-ranges"),
        ],
        [200, "10", null, "text/plain; charset=UTF-8", "bytes"],
        range,
      );
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
    assertStringIncludes(text, `<a href="./${ODD_LINK}">${ODD_TEXT}</a>`);
    assertStringIncludes(text, `<a href="../">`);
    await Deno.writeTextFile(`${folder}/public/sub/index.html`, "index");
    assertEquals(await (await get(request("/sub/"))).text(), "index");
  });
});

Deno.test("HEAD of a listing has the length of the listing", async () => {
  await withFiles(async (get) => {
    const listing = await get(request("/sub/"));
    const { length } = await listing.bytes();
    assertGreater(length, 0);
    for (const answer of [listing, await get(request("/sub/", {}, "HEAD"))]) {
      assertEquals(answer.headers.get("content-length"), String(length));
    }
  });
});

Deno.test("HEAD has no body, and other methods are refused", async () => {
  await withFiles(async (get) => {
    const head = await get(request("/a.txt", {}, "HEAD"));
    assertEquals([head.headers.get("content-length"), head.body], ["10", null]);
    const post = await get(request("/a.txt", {}, "POST"));
    assertEquals([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
    await post.body?.cancel();
  });
});

Deno.test("a redirect stays on this server, however many slashes the path has", async () => {
  await withFiles(async (get) => {
    for (const path of ["//sub", "///sub", "/.//sub", "/%2f/sub", "/./sub"]) {
      const { status, headers } = await get(request(path));
      assertEquals([status, headers.get("location")], [301, "/sub/"], path);
    }
  });
});

Deno.test("a name with a slash after it is not a file", async () => {
  await withFiles(async (get) => {
    for (const path of ["/a.txt/", "/a.txt//", "/a.txt/.", "/a.txt/x"]) {
      const response = await get(request(path));
      assertEquals(response.status, 404, path);
      await response.text();
    }
  });
});

unixOnly.test("a listing reveals nothing about the targets of links that lead outside", async () => {
  await withFiles(async (get, folder) => {
    await Deno.writeTextFile(`${folder}/secret.txt`, "x".repeat(4321));
    await Deno.symlink("a.txt", `${folder}/public/inside.txt`);
    const text = await (await get(request("/"))).text();
    assertMatch(text, /<a href=".\/link.txt">link.txt<\/a><td>\n/);
    assertMatch(text, /<a href=".\/inside.txt">inside.txt<\/a><td>10 B\n/);
    assertEquals(
      await (await get(request("/inside.txt"))).text(),
      "0123456789",
    );
  });
});

unixOnly.test("a listing escapes control and format characters in names", async () => {
  await withFiles(async (get, folder) => {
    await Deno.writeTextFile(`${folder}/public/\x1b]0;x\x07\u202e.exe`, "");
    const text = await (await get(request("/"))).text();
    assertStringIncludes(text, ">\\x1b]0;x\\x07\\u{202e}.exe</a>");
    assertStringIncludes(text, `href="./%1B%5D0%3Bx%07%E2%80%AE.exe"`);
  });
});

unixOnly.test(
  "every name that is listed can be asked for, also one with a backslash",
  async () => {
    await withFiles(async (get, folder) => {
      const names = ["back\\slash.txt", "\ufffd.txt", "per%cent", "a b?#.txt"];
      await Deno.mkdir(`${folder}/public/in\\side`);
      for (const name of names) {
        await Deno.writeTextFile(`${folder}/public/in\\side/${name}`, name);
      }
      const text = await (await get(request("/in%5Cside/"))).text();
      const links = [...text.matchAll(/<a href="\.\/([^"]+)"/g)];
      const bodies = await Promise.all(
        links.map(async ([, link]) =>
          await (await get(request(`/in%5Cside/${link}`))).text()
        ),
      );
      assertEquals(bodies.sort(), names.sort());
      assertStringIncludes(
        await (await get(request("/"))).text(),
        `href="./in%5Cside/"`,
      );
    });
  },
);

linuxOnly.test(
  "a listing leaves out what no URL can ask for: names that are no UTF-8",
  async () => {
    await withFiles(async (get, folder) => {
      const { success } = await new Deno.Command("sh", {
        args: [
          "-c",
          `cd "$1" && touch "$(printf 'f\\377')" && mkdir "$(printf 'd\\377')" && ln -s a.txt "$(printf 'l\\377')"`,
          "sh",
          `${folder}/public`,
        ],
      }).output();
      assert(success);
      const text = await (await get(request("/"))).text();
      assertEquals(text.includes("\ufffd"), false);
      assertStringIncludes(text, "./a.txt");
    });
  },
);

unixOnly.test(
  "a directory with a backslash in its name does not give access to its neighbours",
  async () => {
    const folder = await Deno.makeTempDir();
    try {
      await Deno.mkdir(`${folder}/in\\`);
      await Deno.writeTextFile(`${folder}/in\\/own`, "own");
      await Deno.writeTextFile(`${folder}/in\\secret`, "secret");
      await Deno.symlink(`${folder}/in\\secret`, `${folder}/in\\/link`);
      const get = await staticFiles(`${folder}/in\\`);
      assertEquals(await (await get(request("/own"))).text(), "own");
      assertEquals(await (await get(request("/link"))).text(), "not found\n");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("a long listing has pages", async () => {
  await withFiles(async (get, folder) => {
    await Deno.mkdir(`${folder}/public/many`);
    const count = 2 * PAGE_ENTRIES + 1;
    for (let i = 0; i < count; i++) {
      await Deno.writeTextFile(`${folder}/public/many/f${10000 + i}`, "");
    }
    const names = async (page: string): Promise<string[]> => {
      const response = await get(request(`/many/${page}`));
      assertEquals(response.status, 200, page);
      const text = await response.text();
      return [...text.matchAll(/<a href="\.\/(f\d+)"/g)].map((each) => each[1]);
    };
    const pages = [
      await names(""),
      await names("?page=2"),
      await names("?page=3"),
    ];
    assertEquals(pages.map((page) => page.length), [
      PAGE_ENTRIES,
      PAGE_ENTRIES,
      1,
    ]);
    assertEquals(
      pages.flat(),
      Array.from({ length: count }, (_, i) => `f${10000 + i}`),
    );
    const first = await (await get(request("/many/"))).text();
    assertStringIncludes(first, `<a href="?page=2">next</a>`);
    for (const page of ["0", "4", "-1", "x", "1e3", "9".repeat(400)]) {
      const response = await get(request(`/many/?page=${page}`));
      assertEquals(response.status, 404, page);
      await response.text();
    }
    assertGreaterOrEqual(MOST_ENTRIES, 20_000);
  });
});

Deno.test("simultaneous requests share one reading of a listing, which then shows new files", async () => {
  await withFiles(async (get, folder) => {
    const read = (): Promise<string> =>
      get(request("/sub/")).then((response) => response.text());
    const [first, second] = await Promise.all([read(), read()]);
    assertEquals(first, second);
    await Deno.writeTextFile(`${folder}/public/sub/new`, "");
    assertStringIncludes(await read(), "./new");
  });
});

unixOnly.test("anything but a regular file is missing, and delays nothing", async () => {
  await withFiles(async (get, folder) => {
    await fifo(`${folder}/public/pipe`);
    await fifo(`${folder}/public/sub/index.html`);
    const response = await get(request("/pipe"));
    assertEquals([response.status, await response.text()], [
      404,
      "not found\n",
    ]);
    assertStringIncludes(await (await get(request("/sub/"))).text(), "b");
  });
});

async function fifo(path: string): Promise<void> {
  const { success } = await new Deno.Command("mkfifo", { args: [path] })
    .output();
  assert(success);
}

onlyIf(
  Deno.build.os !== "windows" && Deno.uid() !== 0,
  "Unix only, not as root",
).test("a file without read permission is forbidden", async () => {
  await withFiles(async (get, folder) => {
    await Deno.chmod(`${folder}/public/a.txt`, 0);
    const response = await get(request("/a.txt"));
    assertEquals([response.status, await response.text()], [
      403,
      "forbidden\n",
    ]);
  });
});

Deno.test("a file may grow, disappear or shrink while it is served", async () => {
  await withFiles(async (get, folder) => {
    const path = `${folder}/public/big`;
    const big = new Uint8Array(300_000).fill(7);
    await Deno.writeFile(path, big);
    const begun = async (): Promise<
      ReadableStreamDefaultReader<Uint8Array>
    > => {
      const reader = (await get(request("/big"))).body!.getReader();
      await reader.read();
      return reader;
    };
    const rest = async (
      reader: ReadableStreamDefaultReader<Uint8Array>,
    ): Promise<number> => {
      let size = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return size;
        size += value.length;
      }
    };
    const grows = await begun();
    await Deno.writeFile(path, big, { append: true });
    assertEquals(await rest(grows), 300_000 - 65536);
    const goes = await begun();
    await Deno.remove(path);
    assertEquals(await rest(goes), 600_000 - 65536);
    await Deno.writeFile(path, big);
    const shrinks = await begun();
    await Deno.truncate(path, 70_000);
    await assertRejects(
      () => rest(shrinks),
      Error,
      "only 70000 bytes could be read",
    );
    const given = await begun();
    await given.cancel();
  });
});

Deno.test("a precompressed file is sent to clients that accept its coding", async () => {
  await withFiles(async (get, folder) => {
    await Deno.writeTextFile(`${folder}/public/a.txt.gz`, "gzipped");
    await Deno.writeTextFile(`${folder}/public/a.txt.br`, "brotli");
    await Deno.mkdir(`${folder}/public/empty.gz`);
    if (Deno.build.os !== "windows") {
      await Deno.symlink(`${folder}/secret.txt`, `${folder}/public/empty.br`);
    }
    const cases: [accept: string, coding: string | null, text: string][] = [
      ["gzip, br", "br", "brotli"],
      ["gzip", "gzip", "gzipped"],
      ["br;q=0, gzip", "gzip", "gzipped"],
      ["gzip;q=0.5, br;q=0.1", "gzip", "gzipped"],
      ["gzip;q=0.5, br;q=0.5", "br", "brotli"],
      ["br;q=0, *", "gzip", "gzipped"],
      ["*;q=0", null, "0123456789"],
      ["identity, gzip;q=0.5", null, "0123456789"],
      ["identity;q=0, GZIP ; q=0.001", "gzip", "gzipped"],
      ["gzip;q=2, br;q=", null, "0123456789"],
      ["deflate", null, "0123456789"],
      ["", null, "0123456789"],
    ];
    for (const [accept, coding, text] of cases) {
      const asked = request("/a.txt", { "accept-encoding": accept });
      const { headers, ...response } = await read(get, asked);
      assertEquals(response.text, text, accept);
      assertEquals([
        headers.get("content-encoding"),
        headers.get("content-type"),
        headers.get("content-length"),
        headers.get("vary"),
      ], [
        coding,
        "text/plain; charset=UTF-8",
        String(text.length),
        "accept-encoding",
      ], accept);
    }
    const none = await read(get, request("/a.txt"));
    assertEquals(none.text, "0123456789");
    const range = await read(
      get,
      request("/a.txt", { "accept-encoding": "gzip", range: "bytes=0-2" }),
    );
    assertEquals([range.status, range.text], [206, "gzi"]);
    // A client that decodes the body must not find text between its ranges.
    const several = await read(
      get,
      request("/a.txt", { "accept-encoding": "gzip", range: "bytes=0-2,4-5" }),
    );
    assertEquals([
      several.status,
      several.text,
      several.headers.get("content-encoding"),
    ], [200, "gzipped", "gzip"]);
    const uncoded = await read(
      get,
      request("/a.txt", { "accept-encoding": "", range: "bytes=0-2,4-5" }),
    );
    assertEquals(uncoded.status, 206);
    assertMatch(uncoded.text, /\r\n\r\n012\r\n--.*\r\n\r\n45\r\n--/s);
    const empty = await read(
      get,
      request("/empty", { "accept-encoding": "gzip, br" }),
    );
    assertEquals([empty.text, empty.headers.get("vary")], ["", null]);
  });
});

unixOnly.test({
  name: "a request that fails because too many files are open leaves none open",
  // Windows has no such limit.
  async fn(): Promise<void> {
    await withFiles(async (_, folder) => {
      await Deno.writeTextFile(`${folder}/public/a.txt.gz`, "gzipped");
      const module = new URL("../../cli/static_files.ts", import.meta.url);
      const program = `
        import { staticFiles } from ${JSON.stringify(module)};
        const get = await staticFiles(Deno.args[0]);
        const asked = new Request("http://host/a.txt");
        // Loads everything that a request needs.
        await (await get(asked)).text();
        // Deno opens a pipe for signals the first time, and panics if it cannot.
        Deno.addSignalListener("SIGUSR2", () => {});
        const taken = [];
        try {
          for (;;) taken.push(await Deno.open("/dev/null"));
        } catch { /* No more can be opened. */ }
        // One file can be opened: the requested one, but no precompressed one.
        taken.pop().close();
        for (let count = 0; count < 3; count++) {
          console.log(await get(asked).then(() => "answer", ({ code }) => code));
        }
        (await Deno.open("/dev/null")).close();
        Deno.exit();
      `;
      // More files than Deno itself has open.
      const limit = 'ulimit -n 100 && exec "$0" "$@"';
      const { stdout, stderr } = await new Deno.Command("sh", {
        args: [
          ...["-c", limit, Deno.execPath(), "eval", "--no-check", "--quiet"],
          ...await stdFlags(),
          program,
          `${folder}/public`,
        ],
      }).output();
      const decoder = new TextDecoder();
      assertEquals([decoder.decode(stdout), decoder.decode(stderr)], [
        "EMFILE\nEMFILE\nEMFILE\n",
        "",
      ]);
    });
  },
});

async function read(
  get: FileHandler,
  asked: Request,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await get(asked);
  const { status, headers } = response;
  return { status, headers, text: await response.text() };
}

Deno.test("the time to read accept-encoding grows linearly with its length", async () => {
  await withFiles(async (get, folder) => {
    await Deno.writeTextFile(`${folder}/public/a.txt.gz`, "gzipped");
    const accept = Array.from({ length: 8000 }, (_, n) => `x${n};q=0.5`);
    const begin = performance.now();
    const asked = request("/a.txt", {
      "accept-encoding": `${accept.join(",")},gzip`,
    });
    assertEquals((await read(get, asked)).text, "gzipped");
    assertLess(performance.now() - begin, 5000);
  });
});

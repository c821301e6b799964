/**
 * Containers whose tar belongs to an attacker: the faults that `kubectl cp` had,
 * and similar ones. Nothing outside the destination may be written or changed.
 */

import {
  encodeHeader,
  padded,
  type TarHeader,
  TYPE,
} from "../../kubernetes/copy/tar/header.ts";
import { staysInside } from "../../kubernetes/copy/paths.ts";
import {
  CopyError,
  copyFrom,
  type CopyResult,
  serveStreaming,
} from "../../kubernetes/mod.ts";
import { assert, assertEquals, assertRejects, concat } from "../deps.ts";
import { withFolder } from "../helpers/folder.ts";
import { unixOnly } from "../helpers/unix_only.ts";

type Entry = Partial<TarHeader> & {
  readonly name: string;
  readonly body?: string;
};

function pack(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  return concat([
    ...entries.flatMap(({ body = "", ...header }) => {
      const content = new Uint8Array(padded(body.length));
      content.set(new TextEncoder().encode(body));
      return [
        ...encodeHeader({
          type: TYPE.file,
          size: body.length,
          mode: 0o777,
          mtime: 0,
          link: "",
          ...header,
        }),
        content,
      ];
    }),
    new Uint8Array(1024),
  ]);
}

/** Copies what a container sends as `data` to `root/dest`; checks that nothing beside it changed. */
async function attack(
  entries: readonly Entry[],
  prepare: (root: string) => void = () => {},
  check: (root: string, copy: () => Promise<CopyResult>) => Promise<void>,
): Promise<void> {
  await withFolder(
    { "outside/secret": "untouched", "dest/.keep": "" },
    async (root) => {
      prepare(root);
      await using server = serveStreaming({
        async exec({ stdout }) {
          await new Blob([pack(entries)]).stream().pipeTo(stdout);
        },
      });
      await check(root, () =>
        copyFrom({
          url: `http://127.0.0.1:${server.addr.port}`,
          pod: { name: "evil" },
          remote: "/srv/data",
          local: `${root}/dest`,
          retries: 0,
        }));
      assertEquals(
        await Deno.readTextFile(`${root}/outside/secret`),
        "untouched",
      );
      const names = [];
      for await (const { name } of Deno.readDir(`${root}/outside`)) {
        names.push(name);
      }
      assertEquals(names, ["secret"]);
      const beside = [];
      for await (const { name } of Deno.readDir(root)) beside.push(name);
      assertEquals(beside.sort(), ["dest", "outside"]);
    },
  );
}

/** The copy ends with an error. */
async function refused(
  entries: readonly Entry[],
  message: string,
  prepare?: (root: string) => void,
): Promise<void> {
  await attack(entries, prepare, async (_root, copy) => {
    await assertRejects(copy, CopyError, message);
  });
}

const OUTSIDE = "not below the requested path";

Deno.test("CVE-2018-1002100: names with .. and absolute names do not leave the destination", async () => {
  for (
    const name of [
      "../outside/secret",
      "data/../../outside/secret",
      "data/../../../../../../../../tmp/x",
      "data/..",
      "..",
      "/etc/passwd",
      "//etc/passwd",
      "data/x/../../../outside/new",
      "./data/./../../outside/new",
    ]
  ) {
    await refused([{ name, body: "evil" }], OUTSIDE);
    await refused([{ name, type: TYPE.folder }], OUTSIDE);
    await refused([{ name, type: TYPE.symlink, link: "x" }], OUTSIDE);
  }
});

Deno.test("CVE-2019-1002101: nothing is written through a symbolic link of the archive", async () => {
  await attack(
    [
      { name: "data/", type: TYPE.folder },
      { name: "data/link", type: TYPE.symlink, link: "../../outside" },
      { name: "data/link/secret", body: "evil" },
      { name: "data/link/new", body: "evil" },
    ],
    undefined,
    async (root, copy) => {
      // The link is left out, and an ordinary folder gets its name.
      const { skipped } = await copy();
      assertEquals(skipped.map(({ path }) => path), ["link"]);
      const info = await Deno.lstat(`${root}/dest/data/link`);
      assert(info.isDirectory && !info.isSymlink);
    },
  );
});

Deno.test("CVE-2019-11246: a link that stays inside is created last, so that nothing is written through it", async () => {
  await refused(
    [
      { name: "data/", type: TYPE.folder },
      { name: "data/inner", type: TYPE.folder },
      { name: "data/link", type: TYPE.symlink, link: "inner" },
      { name: "data/link/file", body: "x" },
    ],
    "there is a folder of this name already",
  );
});

Deno.test("CVE-2019-11249: only the requested files are written, whatever else the container sends", async () => {
  for (
    const name of [
      "other",
      "database",
      "dat",
      "data2/x",
      ".ssh/authorized_keys",
      "",
    ]
  ) {
    await refused([{ name, body: "evil" }], OUTSIDE);
  }
});

unixOnly.test("CVE-2019-11251: two links in combination do not lead outside", async () => {
  await attack(
    [
      { name: "data/", type: TYPE.folder },
      { name: "data/a", type: TYPE.symlink, link: "." },
      { name: "data/b", type: TYPE.symlink, link: "a/../.." },
      { name: "data/c", type: TYPE.symlink, link: "b/../outside" },
      { name: "data/d/e", type: TYPE.symlink, link: ".." },
      { name: "data/f", type: TYPE.symlink, link: "d/e/../../outside" },
    ],
    undefined,
    async (root, copy) => {
      const { links, skipped } = await copy();
      assertEquals(links, 2);
      assertEquals(skipped.map(({ path }) => path), ["b", "c", "f"]);
      const real = await Deno.realPath(`${root}/dest/data/d/e`);
      assertEquals(real, await Deno.realPath(`${root}/dest/data`));
    },
  );
});

unixOnly.test("a link that an earlier copy or a user left in the destination is not followed", async () => {
  const link = (path: string) => (root: string): void => {
    Deno.mkdirSync(`${root}/dest/data`, { recursive: true });
    Deno.removeSync(`${root}/dest/data`);
    if (path !== "") Deno.mkdirSync(`${root}/dest/data`);
    Deno.symlinkSync(`${root}/outside`, `${root}/dest/data${path}`);
  };
  await refused(
    [{ name: "data/", type: TYPE.folder }, {
      name: "data/secret",
      body: "evil",
    }],
    "this is a symbolic link",
    link(""),
  );
  await refused(
    [{ name: "data/sub/secret", body: "evil" }],
    "this is a symbolic link",
    link("/sub"),
  );
  // A file replaces the link; nothing is written through it.
  await attack(
    [{ name: "data/file", body: "new" }],
    (root) => {
      Deno.mkdirSync(`${root}/dest/data`);
      Deno.symlinkSync(`${root}/outside/secret`, `${root}/dest/data/file`);
    },
    async (root, copy) => {
      await copy();
      assertEquals(await Deno.readTextFile(`${root}/dest/data/file`), "new");
      assert((await Deno.lstat(`${root}/dest/data/file`)).isFile);
    },
  );
});

Deno.test("hard links lead only to files of the same archive", async () => {
  for (
    const target of [
      "../outside/secret",
      "/etc/passwd",
      "data/../../outside/secret",
    ]
  ) {
    await refused(
      [{ name: "data/x", type: TYPE.hardLink, link: target }],
      OUTSIDE,
    );
  }
  await refused(
    [{ name: "data/x", type: TYPE.hardLink, link: "data/.keep" }],
    "which it had not sent before",
    (root) => {
      Deno.mkdirSync(`${root}/dest/data`);
      Deno.writeTextFileSync(`${root}/dest/data/.keep`, "of the user");
    },
  );
  await attack(
    [
      { name: "data/a", body: "text" },
      { name: "data/b", type: TYPE.hardLink, link: "data/a" },
    ],
    undefined,
    async (root, copy) => {
      assertEquals((await copy()).files, 2);
      assertEquals(await Deno.readTextFile(`${root}/dest/data/b`), "text");
    },
  );
});

unixOnly.test("devices are skipped, and no file becomes setuid", async () => {
  await attack(
    [
      { name: "data/null", type: "3" },
      { name: "data/pipe", type: "6" },
      { name: "data/program", body: "#!/bin/sh", mode: 0o6755 },
    ],
    undefined,
    async (root, copy) => {
      const { skipped } = await copy();
      assertEquals(skipped.map(({ path }) => path), ["null", "pipe"]);
      const { mode } = await Deno.stat(`${root}/dest/data/program`);
      assertEquals((mode ?? 0) & 0o7777, 0o755);
    },
  );
});

Deno.test("an invalid archive, or one that ends early, is an error", async () => {
  const cut = pack([{ name: "data/a", body: "x".repeat(5000) }]);
  for (
    const [bytes, message] of [
      [
        new TextEncoder().encode("tar: command not found\n".repeat(100)),
        "checksum",
      ],
      [cut.subarray(0, 2000), "the archive ended early, after 2000 bytes"],
      [new Uint8Array(0), "the archive ended early, after 0 bytes"],
    ] as const
  ) {
    await withFolder({ "dest/.keep": "" }, async (root) => {
      await using server = serveStreaming({
        async exec({ stdout }) {
          await new Blob([bytes]).stream().pipeTo(stdout);
        },
      });
      await assertRejects(
        () =>
          copyFrom({
            url: `http://127.0.0.1:${server.addr.port}`,
            pod: { name: "evil" },
            remote: "data",
            local: `${root}/dest`,
            retries: 0,
          }),
        CopyError,
        message,
      );
    });
  }
});

Deno.test("links may lead only to places inside", () => {
  const cases: [path: string, target: string, inside: boolean][] = [
    ["a", "b", true],
    ["a", "./b/c", true],
    ["a", ".", true],
    ["d/a", "../b", true],
    ["d/a", "..", true],
    ["d/e/a", "../../b", true],
    ["a", "..", false],
    ["a", "../b", false],
    ["d/a", "../../b", false],
    ["a", "/b", false],
    ["a", "", false],
    ["a", "b/../c", false],
    ["d/a", "../b/..", false],
    ["a", "b\\..\\c", false],
    ["a", "b\0c", false],
    ["", "b", false],
  ];
  for (const [path, target, inside] of cases) {
    const parts = path === "" ? [] : path.split("/");
    assertEquals(staysInside(parts, target), inside, `${path} -> ${target}`);
  }
});

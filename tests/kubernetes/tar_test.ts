import {
  encodeHeader,
  padded,
  type TarHeader,
  TYPE,
} from "../../kubernetes/copy/tar/header.ts";
import { TarReader } from "../../kubernetes/copy/tar/read.ts";
import { CopyError } from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects, concat } from "../deps.ts";
import { withFolder } from "../helpers/folder.ts";
import { linuxOnly, unixOnly } from "../helpers/unix_only.ts";

const END = new Uint8Array(1024);

interface Entry extends TarHeader {
  readonly body: string;
}

function entry(name: string, parts: Partial<Entry> = {}): Entry {
  const body = parts.body ?? "";
  return {
    name,
    type: TYPE.file,
    size: body.length,
    mode: 0o644,
    mtime: 1000,
    link: "",
    body,
    ...parts,
  };
}

function pack(...entries: Entry[]): Uint8Array<ArrayBuffer> {
  return concat([
    ...entries.flatMap((each) => {
      const body = new Uint8Array(padded(each.body.length));
      body.set(new TextEncoder().encode(each.body));
      return [...encodeHeader(each), body];
    }),
    END,
  ]);
}

/** Reads an archive in pieces of this many bytes. */
async function unpack(bytes: Uint8Array, size: number): Promise<Entry[]> {
  let at = 0;
  const reader = new TarReader({
    read: () => {
      if (at >= bytes.length) return Promise.resolve(undefined);
      const part = bytes.subarray(at, at + size);
      at += size;
      return Promise.resolve(part);
    },
  });
  const entries: Entry[] = [];
  for (;;) {
    const header = await reader.next();
    if (header === undefined) return entries;
    let body = "";
    for (;;) {
      const chunk = await reader.readBody();
      if (chunk === undefined) break;
      body += new TextDecoder().decode(chunk);
    }
    entries.push({ ...header, body });
  }
}

const ENTRIES = [
  entry("a", { body: "x".repeat(513) }),
  entry("folder/", { type: TYPE.folder, mode: 0o755 }),
  entry(`${"d".repeat(90)}/${"f".repeat(90)}`, { body: "split" }),
  entry(`${"d".repeat(90)}/${"n".repeat(250)}`, { body: "long" }),
  entry("link", { type: TYPE.symlink, link: "t".repeat(200) }),
  entry("n\u00e4me", { body: "" }),
];

Deno.test("a written archive can be read, whole and in pieces of any size", async () => {
  const bytes = pack(...ENTRIES);
  for (const size of [bytes.length, 1, 511, 512, 513, 4096]) {
    assertEquals(await unpack(bytes, size), ENTRIES, `pieces of ${size}`);
  }
});

Deno.test("an archive that is cut at any byte before its end is an error", async () => {
  const bytes = pack(...ENTRIES.slice(0, 3));
  for (let length = 0; length <= bytes.length - END.length; length += 37) {
    await assertRejects(
      () => unpack(bytes.subarray(0, length), 4096),
      CopyError,
      "ends too early",
    );
  }
});

Deno.test("a header with any byte changed is an error", async () => {
  const bytes = pack(ENTRIES[0]);
  for (let at = 0; at < 512; at++) {
    const changed = bytes.slice();
    changed[at] ^= 1;
    // The checksum itself may be written in other ways.
    if (at >= 148 && at < 156) continue;
    await assertRejects(() => unpack(changed, 4096), CopyError, "checksum");
  }
});

linuxOnly.test("archives of the system's tar are read, in the formats of GNU and of pax", async () => {
  const long = `${"d".repeat(120)}/${"f".repeat(120)}`;
  await withFolder(
    { [`base/${long}`]: "deep", "base/a": "text" },
    async (folder) => {
      await Deno.symlink("a", `${folder}/base/link`);
      await Deno.link(`${folder}/base/a`, `${folder}/base/z`);
      for (const format of ["gnu", "pax"]) {
        const { stdout, success } = await new Deno.Command("tar", {
          args: [
            "-c",
            `--format=${format}`,
            "--sort=name",
            "-C",
            folder,
            "base",
          ],
        }).output();
        if (!success) throw new Error(format);
        const entries = await unpack(stdout, 700);
        assertEquals(
          entries.map(({ name, type, body, link }) => [name, type, body, link]),
          [
            ["base/", "5", "", ""],
            ["base/a", "0", "text", ""],
            [`base/${"d".repeat(120)}/`, "5", "", ""],
            [`base/${long}`, "0", "deep", ""],
            ["base/link", "2", "", "a"],
            ["base/z", "1", "", "base/a"],
          ],
        );
      }
    },
  );
});

unixOnly.test("the system's tar reads archives that were written here", async () => {
  await withFolder({}, async (folder) => {
    const child = new Deno.Command("tar", {
      args: ["-xf", "-", "-C", folder],
      stdin: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(pack(...ENTRIES));
    await writer.close();
    assertEquals((await child.status).success, true);
    for (const { name, type, body } of ENTRIES) {
      if (type !== TYPE.file) continue;
      assertEquals(await Deno.readTextFile(`${folder}/${name}`), body);
    }
    assertEquals(await Deno.readLink(`${folder}/link`), "t".repeat(200));
  });
});

Deno.test("a file above 8 GiB keeps its size", async () => {
  const size = 2 ** 40 + 5;
  const [block] = encodeHeader(entry("big", { size }));
  const reader = new TarReader({ read: () => Promise.resolve(block.slice()) });
  assertEquals((await reader.next())?.size, size);
});

Deno.test("an invalid archive is refused and not held in memory", async () => {
  const cases: [entry: Entry, message: string][] = [
    [
      entry("x", { type: TYPE.longName, size: 2 ** 33 }),
      "a name is too long: it has 8589934592 bytes",
    ],
    [entry("x", { type: "S" }), "sparse files"],
    [entry("x", { type: TYPE.pax, body: "9 size=-1\n" }), "invalid pax fields"],
    [
      entry("x", { type: TYPE.pax, body: "11 size=-1\n" }),
      'an invalid size: "-1"',
    ],
    [entry("x", { type: TYPE.pax, body: "0 a=b\n" }), "invalid pax fields"],
    [entry("x", { type: TYPE.pax, body: "nothing" }), "invalid pax fields"],
    [entry("x", { type: TYPE.pax, body: "99 a=b\n" }), "invalid pax fields"],
  ];
  for (const [each, message] of cases) {
    await assertRejects(
      () => unpack(pack(each, entry("y")), 4096),
      CopyError,
      message,
    );
  }
});

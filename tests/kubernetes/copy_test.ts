import {
  CopyError,
  copyFrom,
  type CopyProgress,
  copyTo,
} from "../../kubernetes/mod.ts";
import { RemoteCommandError } from "../../kubernetes/errors.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { withFolder } from "../helpers/folder.ts";
import {
  type Intercept,
  runOnHost,
  serveHost,
} from "../helpers/host_container.ts";
import { linuxOnly } from "../helpers/unix_only.ts";

const BIG = "0123456789abcdef".repeat(40_000);
const FILES = {
  "pod/data/a.txt": "hello",
  "pod/data/empty": "",
  "pod/data/deep/er/b.bin": BIG,
  "pod/data/-rf": "a name like an option",
  "pod/data/sp ace\u00e4": "x",
  "here/.keep": "",
};

/** The folder in which the simulated container runs now. */
let cwd = "";

/** A pod whose root is `pod` in a folder, with `here` next to it. */
async function withPod(
  test: (
    pod: { url: string; pod: { name: string } },
    folder: string,
  ) => Promise<void>,
  intercept?: Intercept,
): Promise<void> {
  await withFolder(FILES, async (folder) => {
    cwd = `${folder}/pod`;
    await using server = serveHost(cwd, intercept);
    const url = `http://127.0.0.1:${server.addr.port}`;
    await test({ url, pod: { name: "web" } }, folder);
  });
}

/** All files, folders and links below, as one text each. */
async function snapshot(folder: string, path = ""): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name } of Deno.readDir(`${folder}/${path}`)) {
    const below = path === "" ? name : `${path}/${name}`;
    const info = await Deno.lstat(`${folder}/${below}`);
    const mode = ((info.mode ?? 0) & 0o777).toString(8);
    const time = Math.floor((info.mtime?.getTime() ?? 0) / 1000);
    if (info.isSymlink) {
      lines.push(`${below} -> ${await Deno.readLink(`${folder}/${below}`)}`);
    } else if (info.isDirectory) {
      lines.push(`${below}/ ${mode} ${time}`, ...await snapshot(folder, below));
    } else {
      const text = await Deno.readTextFile(`${folder}/${below}`);
      lines.push(
        `${below} ${mode} ${time} ${text.length} ${text.slice(0, 30)}`,
      );
    }
  }
  return lines.sort();
}

async function setAttributes(folder: string): Promise<void> {
  await Deno.chmod(`${folder}/a.txt`, 0o750);
  await Deno.utime(`${folder}/a.txt`, 1000, 1000);
  await Deno.symlink("a.txt", `${folder}/link`);
  await Deno.symlink("../a.txt", `${folder}/deep/up`);
  await Deno.utime(`${folder}/deep`, 2000, 2000);
}

linuxOnly.test("a folder is copied from a pod with modes, times and inner links", async () => {
  await withPod(async (pod, folder) => {
    await setAttributes(`${folder}/pod/data`);
    const seen: CopyProgress[] = [];
    const result = await copyFrom({
      ...pod,
      remote: "data/",
      local: `${folder}/here`,
      verify: true,
      onProgress: (progress) => seen.push(progress),
    });
    assertEquals(
      await snapshot(`${folder}/here/data`),
      await snapshot(`${folder}/pod/data`),
    );
    const bytes = BIG.length + 5 + 21 + 1;
    assertEquals(result, {
      files: 5,
      folders: 3,
      links: 2,
      bytes,
      skipped: [],
    });
    assertEquals(seen.at(-1)?.bytes, bytes);
    const big = seen.filter(({ path }) => path === "deep/er/b.bin");
    assertEquals(
      [big.at(-1)?.done, big.at(-1)?.size],
      [BIG.length, BIG.length],
    );
  });
});

linuxOnly.test("a folder is copied to a pod with modes, times and inner links", async () => {
  await withPod(async (pod, folder) => {
    await setAttributes(`${folder}/pod/data`);
    await Deno.mkdir(`${folder}/pod/there`);
    const result = await copyTo({
      ...pod,
      local: `${folder}/pod/data`,
      remote: "there",
      verify: true,
    });
    assertEquals(
      await snapshot(`${folder}/pod/there/data`),
      await snapshot(`${folder}/pod/data`),
    );
    assertEquals([result.files, result.folders, result.links], [5, 3, 2]);
    // Under another name, and only the contents.
    await copyTo({ ...pod, local: `${folder}/pod/data`, remote: "renamed" });
    await Deno.mkdir(`${folder}/pod/content`);
    await copyTo({ ...pod, local: `${folder}/pod/data/.`, remote: "content" });
    const want = await snapshot(`${folder}/pod/data`);
    assertEquals(await snapshot(`${folder}/pod/renamed`), want);
    assertEquals(await snapshot(`${folder}/pod/content`), want);
  });
});

linuxOnly.test("single files are copied under their own name or a new one", async () => {
  await withPod(async (pod, folder) => {
    const here = `${folder}/here`;
    await copyFrom({ ...pod, remote: "data/a.txt", local: here });
    await copyFrom({
      ...pod,
      remote: `${folder}/pod/data/a.txt`,
      local: `${here}/new`,
    });
    await copyFrom({ ...pod, remote: "data/-rf", local: `${here}/new` });
    assertEquals(await Deno.readTextFile(`${here}/a.txt`), "hello");
    assertEquals(
      await Deno.readTextFile(`${here}/new`),
      "a name like an option",
    );
    await copyTo({ ...pod, local: `${here}/a.txt`, remote: "data" });
    await copyTo({ ...pod, local: `${here}/a.txt`, remote: "data/-new" });
    await copyTo({
      ...pod,
      local: `${here}/a.txt`,
      remote: `${folder}/pod/top`,
    });
    for (const name of ["data/a.txt", "data/-new", "top"]) {
      assertEquals(await Deno.readTextFile(`${folder}/pod/${name}`), "hello");
    }
  });
});

linuxOnly.test("without preserve, the time of a file is that of its copy", async () => {
  await withPod(async (pod, folder) => {
    await Deno.utime(`${folder}/pod/data/a.txt`, 1000, 1000);
    const options = { ...pod, preserve: false };
    await copyFrom({
      ...options,
      remote: "data/a.txt",
      local: `${folder}/here/a`,
    });
    await Deno.utime(`${folder}/here/a`, 1000, 1000);
    await copyTo({ ...options, local: `${folder}/here/a`, remote: "b" });
    for (const path of ["pod/b"]) {
      const { mtime } = await Deno.stat(`${folder}/${path}`);
      assert((mtime?.getTime() ?? 0) > 1e12, path);
    }
  });
});

linuxOnly.test("a source that is itself a link is an error, and can be followed", async () => {
  await withPod(async (pod, folder) => {
    await Deno.symlink("data", `${folder}/pod/current`);
    await Deno.symlink("pod/data/a.txt", `${folder}/file`);
    await Deno.symlink("pod/data", `${folder}/current`);
    for (const name of ["file", "current"]) {
      const local = `${folder}/${name}`;
      const error = await assertRejects(
        () => copyTo({ ...pod, local, remote: `to-${name}` }),
        CopyError,
        `${local}: nothing was copied: a symbolic link to "pod/data`,
      );
      assertEquals(error.initiator, "local");
      await copyTo({ ...pod, local, remote: `to-${name}`, dereference: true });
    }
    assertEquals(await Deno.readTextFile(`${folder}/pod/to-file`), "hello");
    await assertRejects(
      () => copyFrom({ ...pod, remote: "current", local: `${folder}/here/c` }),
      CopyError,
      'current: nothing was copied: a symbolic link to "data", which',
    );
    const whole = await snapshot(`${folder}/pod/data`);
    for (const end of ["/", "/."]) {
      const local = `${folder}/current${end}`;
      await copyTo({ ...pod, local, remote: `slash${end.length}` });
      const copied = await snapshot(`${folder}/pod/slash${end.length}`);
      assertEquals(copied, whole);
    }
    const local = `${folder}/here/contents`;
    await copyFrom({ ...pod, remote: "current/.", local });
    assertEquals(await snapshot(local), whole);
  });
});

linuxOnly.test("a source that is a device is an error, and tar's complaint is one line", async () => {
  await withPod(async (pod, folder) => {
    await assertRejects(
      () => copyTo({ ...pod, local: "/dev/null", remote: "null" }),
      CopyError,
      "/dev/null: nothing was copied: it is neither a file nor a folder",
    );
    const error = await assertRejects(
      () => copyFrom({ ...pod, remote: "none", local: `${folder}/here/n` }),
      CopyError,
      "ended with exit code",
    );
    assertEquals(error.message.includes("\n"), false);
  });
});

linuxOnly.test("links that lead outside are skipped and reported, and can be followed instead", async () => {
  await withPod(async (pod, folder) => {
    const data = `${folder}/pod/data`;
    await Deno.symlink("/etc/hostname", `${data}/absolute`);
    await Deno.symlink("../../here", `${data}/up`);
    await Deno.symlink(".", `${data}/self`);
    await Deno.symlink("self/../../..", `${data}/sly`);
    const skipped = ["absolute", "sly", "up"];
    const from = await copyFrom({
      ...pod,
      remote: "data",
      local: `${folder}/here`,
    });
    assertEquals(from.skipped.map(({ path }) => path).sort(), skipped);
    assertEquals(await Deno.readLink(`${folder}/here/data/self`), ".");
    const to = await copyTo({ ...pod, local: data, remote: "copy" });
    assertEquals(to.skipped.map(({ path }) => path).sort(), skipped);
    for (const name of ["absolute", "sly", "up", "self"]) {
      await Deno.remove(`${data}/${name}`);
    }
    await Deno.symlink("../../here/data/a.txt", `${data}/followed`);
    await copyTo({
      ...pod,
      local: data,
      remote: "deref",
      dereference: true,
      verify: true,
    });
    assertEquals(
      await Deno.readTextFile(`${folder}/pod/deref/followed`),
      "hello",
    );
    await copyFrom({
      ...pod,
      remote: "data",
      local: `${folder}/here/d`,
      dereference: true,
      verify: true,
    });
    assertEquals(await Deno.readTextFile(`${folder}/here/d/followed`), "hello");
  });
});

linuxOnly.test("the error for a missing file names its side", async () => {
  await withPod(async (pod, folder) => {
    const missing = await assertRejects(
      () => copyFrom({ ...pod, remote: "data/none", local: `${folder}/here` }),
      CopyError,
    );
    assertStringIncludes(missing.message, "No such file or directory");
    await assertRejects(
      () => copyTo({ ...pod, local: `${folder}/none`, remote: "x" }),
      Deno.errors.NotFound,
    );
    const nowhere = await assertRejects(
      () =>
        copyTo({ ...pod, local: `${folder}/here`, remote: "no/such/folder" }),
      CopyError,
    );
    assertStringIncludes(nowhere.message, "No such file or directory");
    await assertRejects(
      () => copyFrom({ ...pod, remote: "data", local: `${folder}/no/where` }),
      Deno.errors.NotFound,
    );
  });
  await withPod(async (pod, folder) => {
    const error = await assertRejects(
      () => copyFrom({ ...pod, remote: "data", local: `${folder}/here` }),
      CopyError,
    );
    assertStringIncludes(error.message, "no tar here");
  }, () => Promise.reject(new RemoteCommandError("no tar here")));
});

linuxOnly.test("an archive that ends early is continued, and its files are compared", async () => {
  const starts: string[] = [];
  await withPod(async (pod, folder) => {
    const { files } = await copyFrom({
      ...pod,
      remote: "data",
      local: `${folder}/here`,
    });
    assertEquals(files, 5);
    assertEquals(
      await snapshot(`${folder}/here/data`),
      await snapshot(`${folder}/pod/data`),
    );
    assertEquals(starts, ["tar", "sh", "sh", "find"]);
  }, (process) => {
    const [program] = process.call.command;
    starts.push(program);
    // Truncated twice without an error, as if the archive were complete.
    return starts.length > 2 ? undefined : runOnHost(process, cwd, 200_000);
  });
});

linuxOnly.test("an archive that ends early repeatedly is an error, and leaves no part of a file", async () => {
  await withPod(async (pod, folder) => {
    const error = await assertRejects(
      () =>
        copyFrom({
          ...pod,
          remote: "data/deep/er/b.bin",
          local: `${folder}/here`,
          retries: 1,
        }),
      CopyError,
      "the archive ended early, after",
    );
    assertStringIncludes(error.message, "after 1 retries");
    const left = await snapshot(`${folder}/here`);
    assertEquals(left.map((line) => line.split(" ")[0]), [".keep"]);
  }, (process) => runOnHost(process, cwd, 100_000));
});

linuxOnly.test("files that change between two attempts are detected", async () => {
  let tries = 0;
  await withPod(async (pod, folder) => {
    await assertRejects(
      () =>
        copyFrom({
          ...pod,
          remote: "data/deep/er/b.bin",
          local: `${folder}/here`,
        }),
      CopyError,
      "SHA-256",
    );
  }, (process) => {
    if (tries++ > 0) {
      Deno.writeTextFileSync(
        `${cwd}/data/deep/er/b.bin`,
        BIG.replaceAll("0", "x"),
      );
      return undefined;
    }
    return runOnHost(process, cwd, 100_000);
  });
});

linuxOnly.test("truncated input is detected, even if tar ends with 0", async () => {
  await withPod(async (pod, folder) => {
    const error = await assertRejects(
      () => copyTo({ ...pod, local: `${folder}/pod/data`, remote: "copy" }),
      CopyError,
    );
    assertStringIncludes(error.message, "reported 2 of 8 entries");
  }, ({ call, stdin, stdout }) => {
    if (call.command[0] !== "tar") return Promise.resolve(1);
    return (async () => {
      await stdin.pipeTo(new WritableStream());
      await new Blob(["one\ntwo\n"]).stream().pipeTo(stdout);
    })();
  });
  await withPod(async (pod, folder) => {
    const error = await assertRejects(
      () => copyTo({ ...pod, local: `${folder}/pod/data`, remote: "copy" }),
      CopyError,
    );
    assertStringIncludes(error.message, "exit code 2: disk full");
  }, ({ call, stderr }) => {
    if (call.command[0] !== "tar") return Promise.resolve(1);
    return new Blob(["disk full\n"]).stream().pipeTo(stderr).then(() => 2);
  });
});

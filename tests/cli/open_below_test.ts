import { assertEquals } from "../deps.ts";
import { isDirectlyBelow } from "../../cli/open_below.ts";
import { extension, staticFiles } from "../../cli/static_files.ts";
import { unixOnly } from "../helpers/unix_only.ts";

/**
 * In another thread, replaces a file with a link outside and with a FIFO, and a
 * directory with a link outside, as fast as it can. In the end, everything is as
 * before.
 */
const SWAPPER = `
onmessage = ({ data: { folder, rounds } }) => {
  const inside = folder + "/public/";
  const put = (name, make) => {
    make(inside + ".next");
    Deno.renameSync(inside + ".next", inside + name);
  };
  const settle = () => { for (let i = 0; i < 20; i++) Deno.lstatSync(inside); };
  for (let round = 0; round < rounds; round++) {
    put("file", (path) => Deno.symlinkSync(folder + "/outside/file", path));
    Deno.renameSync(inside + "dir", inside + ".real");
    Deno.symlinkSync(folder + "/outside", inside + "dir");
    settle();
    put("file", (path) => Deno.linkSync(folder + "/pipe", path));
    Deno.removeSync(inside + "dir");
    Deno.renameSync(inside + ".real", inside + "dir");
    // Otherwise, a listing would be returned again without reading the
    // directory.
    Deno.writeTextFileSync(inside + "dir/new", "");
    Deno.removeSync(inside + "dir/new");
    put("file", (path) => Deno.writeTextFileSync(path, "inside"));
    settle();
  }
  postMessage("done");
  close();
};
postMessage("ready");
`;
const ROUNDS = 1000;

async function race(): Promise<void> {
  const folder = await Deno.makeTempDir();
  for (const name of ["public", "public/dir", "outside"]) {
    await Deno.mkdir(`${folder}/${name}`);
  }
  await Deno.writeTextFile(`${folder}/outside/file`, "outside");
  await Deno.writeTextFile(`${folder}/outside/only-outside`, "outside");
  await Deno.writeTextFile(`${folder}/public/file`, "inside");
  await Deno.writeTextFile(`${folder}/public/dir/file`, "inside");
  await new Deno.Command("mkfifo", { args: [`${folder}/pipe`] }).output();
  const get = await staticFiles(`${folder}/public`);
  const worker = new Worker(
    `data:text/javascript,${encodeURIComponent(SWAPPER)}`,
    { type: "module" },
  );
  const nextMessage = (): Promise<unknown> =>
    new Promise((resolve) => worker.onmessage = resolve);
  await nextMessage();
  let done = false;
  worker.postMessage({ folder, rounds: ROUNDS });
  nextMessage().then(() => done = true);
  const ask = async (path: string): Promise<string> => {
    const response = await get(new Request(`http://host${path}`));
    return await response.text();
  };
  const paths = ["/file", "/dir/file", "/dir/"];
  let leaks = 0;
  while (!done) {
    for (const path of paths) {
      if ((await ask(path)).includes("outside")) leaks++;
    }
  }
  assertEquals(leaks, 0);
  assertEquals([await ask("/file"), await ask("/dir/file")], [
    "inside",
    "inside",
  ]);
  await Deno.remove(folder, { recursive: true });
}

unixOnly.test(
  "static files: a link or FIFO that replaces a file while it is opened reveals nothing outside of the directory",
  race,
);

unixOnly.test(
  "static files: without /proc, a link or FIFO that replaces a file while it is opened reveals nothing outside of the directory",
  { permissions: { read: true, write: true, run: true, sys: true } },
  race,
);

Deno.test("isDirectlyBelow: a file in a folder of the root is not, with slashes and with backslashes", () => {
  for (
    const [root, path, separator, expected] of [
      ["/www", "/www/a", "/", true],
      ["/www", "/www/a\\b", "/", true],
      ["/www", "/www/a/b", "/", false],
      ["/", "/a", "/", true],
      ["/", "/a/b", "/", false],
      ["C:\\www", "C:\\www\\a", "\\", true],
      ["C:\\www", "C:\\www\\a\\b", "\\", false],
      ["C:\\", "C:\\a", "\\", true],
      ["C:\\", "C:\\a\\b", "\\", false],
    ] as const
  ) assertEquals(isDirectlyBelow(root, path, separator), expected, path);
});

Deno.test("extension: a dot in the name of a folder does not begin one, with slashes and with backslashes", () => {
  for (
    const [path, separator, expected] of [
      ["/v1.2/page.html", "/", ".html"],
      ["/v1.2/LICENSE", "/", ""],
      ["/a.b\\c", "/", ".b\\c"],
      ["C:\\v1.2\\page.html", "\\", ".html"],
      ["C:\\v1.2\\LICENSE", "\\", ""],
      ["C:\\x.html\\LICENSE", "\\", ""],
    ] as const
  ) assertEquals(extension(path, separator), expected, path);
});

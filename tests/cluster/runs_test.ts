import { assertEquals, assertRejects } from "../deps.ts";
import { stdFlags } from "../../tools/std.ts";
import { linuxOnly } from "../helpers/unix_only.ts";
import { identify, Run, type RunRecord } from "./runs.ts";

linuxOnly.test({
  name: "a run reverts what it has started and created",
  async fn() {
    await using records = await temporaryFolder();
    const run = await Run.begin(records.path);
    const sleep = await run.start("sleep", ["1000"]);
    await run.rememberFolders([`${records.path}/outside`]);
    await Deno.mkdir(`${records.path}/outside`);
    await run[Symbol.asyncDispose]();
    assertEquals((await sleep.status).signal, "SIGKILL");
    assertEquals(await namesIn(records.path), []);
    await assertRejects(() => Deno.stat(run.folder), Deno.errors.NotFound);
  },
});

linuxOnly.test({
  name: "the next run reverts what a killed one has left, and nothing else",
  async fn() {
    await using records = await temporaryFolder();
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        "--quiet",
        ...await stdFlags(),
        LEAVE_PROGRAM,
        records.path,
      ],
      stdin: "null",
      stdout: "piped",
    });
    const { stdout } = await child.output();
    const left: RunRecord = JSON.parse(new TextDecoder().decode(stdout));
    const [sleep] = left.processes;
    assertEquals((await identify(sleep.pid)).startTime, sleep.startTime);
    // Another process has its id by now.
    await using other = sleeping();
    await writeRecord(records.path, "reused", {
      ...left,
      processes: [{ pid: other.pid, startTime: "1" }],
    });
    // The process that owns it is still running.
    await using living = sleeping();
    await writeRecord(records.path, "living", {
      ...left,
      runner: await identify(Deno.pid),
      processes: [await identify(living.pid)],
    });

    await using run = await Run.begin(records.path);

    assertEquals((await identify(sleep.pid)).startTime, "");
    await assertRejects(() => Deno.stat(left.folder), Deno.errors.NotFound);
    for (const { pid } of [other, living]) {
      assertEquals((await identify(pid)).startTime !== "", true);
    }
    assertEquals(
      await namesIn(records.path),
      ["living.json", `${run.cgroup}.json`],
    );
  },
});

linuxOnly.test({
  name: "folders that two runs use are removed with the later one",
  async fn() {
    await using records = await temporaryFolder();
    const outside = `${records.path}/outside`;
    const first = await Run.begin(records.path);
    await first.rememberFolders([outside]);
    await Deno.mkdir(outside);
    {
      await using second = await Run.begin(records.path);
      await second.rememberFolders([outside]);
      await Deno.symlink(`${second.folder}/log`, `${outside}/second`);
      await Deno.symlink(`${first.folder}/log`, `${outside}/first`);
      await first[Symbol.asyncDispose]();
      assertEquals(await namesIn(outside), ["second"]);
    }
    await assertRejects(() => Deno.stat(outside), Deno.errors.NotFound);
  },
});

/** Begins a run, starts a program, prints the record, and is killed. */
const LEAVE_PROGRAM = `
import { Run } from "${new URL("runs.ts", import.meta.url)}";
const [records] = Deno.args;
const run = await Run.begin(records);
await run.start("sleep", ["1000"]);
console.log(await Deno.readTextFile(records + "/" + run.cgroup + ".json"));
Deno.kill(Deno.pid, "SIGKILL");
`;

function sleeping(): AsyncDisposable & { readonly pid: number } {
  const process = new Deno.Command("sleep", { args: ["1000"], stdin: "null" })
    .spawn();
  return {
    pid: process.pid,
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.status;
    },
  };
}

async function writeRecord(
  folder: string,
  name: string,
  record: RunRecord,
): Promise<void> {
  const file = `${folder}/${name}.json`;
  await Deno.writeTextFile(
    file,
    JSON.stringify({ ...record, folder: `${folder}/none`, cgroup: "none" }),
  );
}

async function namesIn(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) names.push(name);
  return names.sort();
}

async function temporaryFolder(): Promise<
  AsyncDisposable & { readonly path: string }
> {
  const path = await Deno.makeTempDir();
  return {
    path,
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}

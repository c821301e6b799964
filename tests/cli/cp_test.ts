import { readPlace } from "../../cli/cp.ts";
import { UsageError } from "../../cli/command.ts";
import {
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";
import { FakeCluster, makePod } from "../helpers/fake_cluster.ts";
import { withFolder } from "../helpers/folder.ts";
import { runOnHost } from "../helpers/host_container.ts";
import { run } from "./process.ts";
import { linuxOnly } from "../helpers/unix_only.ts";

linuxOnly.test("cp copies both ways with only a kubeconfig, and lists what it skips", async () => {
  await withFolder(
    { "pod/data/a": "hello", "pod/data/b/c": "deep", "here/.keep": "" },
    async (folder) => {
      await Deno.symlink("/etc", `${folder}/pod/data/etc`);
      const seen: string[] = [];
      await using cluster = await FakeCluster.start({
        exec: (process) => runOnHost(process, `${folder}/pod`),
        resolve: (call) => {
          seen.push(`${call.namespace} ${call.pod} ${call.container}`);
          if (call.container !== "") return call;
          return Response.json({
            message: "a container name must be specified for pod web",
          }, { status: 400 });
        },
      });
      cluster.objects.set("/api/v1/namespaces/other/pods/web", makePod("web"));
      await Deno.writeTextFile(`${folder}/config`, cluster.kubeconfig());
      const env = { KUBECONFIG: `${folder}/config` };
      const from = await run(
        ["cp", "--verify", "-c", "main", "web:data", `${folder}/here`],
        { env },
      );
      assertEquals(
        [from.code, from.stdout, from.stderr],
        [
          0,
          "",
          'left out: etc: a symbolic link to "/etc", which is or may be outside\n',
        ],
      );
      assertEquals(await Deno.readTextFile(`${folder}/here/data/b/c`), "deep");
      const to = await run(
        ["cp", "--silent", `${folder}/here/data/.`, "other/web:new"],
        { env },
      );
      assertEquals([to.code, to.stderr], [
        0,
        'Defaulted container "main" out of: main\n',
      ]);
      assertEquals(await Deno.readTextFile(`${folder}/pod/new/b/c`), "deep");
      assertEquals(
        new Set(seen),
        new Set(["shop web main", "other web ", "other web main"]),
      );
      const missing = await run(["cp", "-c", "main", "web:none", folder], {
        env,
      });
      assertEquals(missing.code, 1);
      assertMatch(
        missing.stderr,
        /tar in the container ended with exit code 2: .*none.*No such file/,
      );
    },
  );
});

linuxOnly.test("cp: a path that ends with a slash names a folder; a file is not replaced by a folder", async () => {
  await withFolder(
    { "pod/data/a": "hello", "here/x": "local" },
    async (folder) => {
      await using cluster = await FakeCluster.start({
        exec: (process) => runOnHost(process, `${folder}/pod`),
      });
      await Deno.writeTextFile(`${folder}/config`, cluster.kubeconfig());
      const env = { KUBECONFIG: `${folder}/config` };
      const copy = async (from: string, to: string): Promise<string> => {
        const args = ["cp", "-c", "main", from, to];
        const { code, stderr } = await run(args, { env });
        return `${code} ${stderr.replaceAll(folder, "")}`.trim();
      };
      assertEquals(
        await copy("web:data/a", `${folder}/none/`),
        "1 spdy: /none/: there is no such folder",
      );
      assertEquals(
        await copy(`${folder}/here/x`, "web:data/none/"),
        "1 spdy: data/none/: there is no such folder in the container",
      );
      assertEquals(
        await copy(`${folder}/here`, "web:data/a"),
        "1 spdy: data/a: there is a file where a folder is needed",
      );
      assertEquals(await Deno.readTextFile(`${folder}/pod/data/a`), "hello");
      const names = async (path: string): Promise<string[]> => {
        const found: string[] = [];
        for await (const { name } of Deno.readDir(folder + path)) {
          found.push(name);
        }
        return found.sort();
      };
      assertEquals(await names(""), ["config", "here", "pod"]);
      assertEquals(await names("/pod/data"), ["a"]);
      // A folder is created under the name, with or without the slash.
      assertEquals(await copy("web:data", `${folder}/new/`), "0");
      assertEquals(await copy(`${folder}/here`, "web:data/new/"), "0");
      assertEquals(await names("/new"), ["a"]);
      assertEquals(await names("/pod/data/new"), ["x"]);
      assertEquals(await copy("web:data/a", `${folder}/new/`), "0");
    },
  );
});

Deno.test("cp: its arguments are parsed", async () => {
  assertEquals(readPlace("web:/tmp/a:b"), {
    namespace: undefined,
    pod: "web",
    path: "/tmp/a:b",
  });
  assertEquals(readPlace("shop/web:a"), {
    namespace: "shop",
    pod: "web",
    path: "a",
  });
  for (const path of ["a", "./web:a", "/tmp/a:b", "../x:y"]) {
    assertEquals(readPlace(path), { path });
  }
  for (const text of [":a", "web:", "a/b/c:d", "/:", ""]) {
    if (text === "/:") continue;
    assertThrows(() => readPlace(text), UsageError);
  }
  const cases: [args: string[], message: string][] = [
    [["a"], "cp needs SOURCE and DESTINATION"],
    [["a", "b"], "one of SOURCE and DESTINATION"],
    [["web:a", "web:b"], "one of SOURCE and DESTINATION"],
    [
      ["--retries", "x", "web:a", "b"],
      "--retries x: it must be a number from 0 to 1000",
    ],
  ];
  for (const [args, message] of cases) {
    const { code, stderr } = await run(["cp", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  }
});

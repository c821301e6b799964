import type { ServedProcess } from "../../kubernetes/mod.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../deps.ts";
import { FakeCluster, makePod } from "../helpers/fake_cluster.ts";
import { withFolder } from "../helpers/folder.ts";
import { type Finished, run } from "./process.ts";

const NOWHERE = { KUBECONFIG: "/nowhere/config", HOME: "/nowhere" };

/** Writes the command to standard output. */
async function echoCall({ call, stdout }: ServedProcess): Promise<void> {
  const { namespace, pod, container, command } = call;
  const text = [namespace, pod, container, ...command].join(" ");
  await new Blob([text]).stream().pipeTo(stdout);
}

/** Runs the command line with the cluster's kubeconfig in KUBECONFIG. */
async function runIn(
  cluster: FakeCluster,
  args: string[],
  kubeconfig: string = cluster.kubeconfig(),
): Promise<Finished> {
  let finished: Finished | undefined;
  await withFolder({ config: kubeconfig }, async (folder) => {
    finished = await run(args, {
      env: { ...NOWHERE, KUBECONFIG: `${folder}/config` },
    });
  });
  return finished as Finished;
}

Deno.test("exec and attach need only a kubeconfig", async () => {
  await using cluster = await FakeCluster.start({
    exec: echoCall,
    attach: echoCall,
  });
  const exec = await runIn(cluster, [
    "exec",
    "web",
    "--",
    "df",
    "-h",
    "--help",
  ]);
  assertEquals(
    [exec.code, exec.stdout, exec.stderr],
    [0, "shop web  df -h --help", ""],
  );
  const attach = await runIn(cluster, ["attach", "-nother", "web", "-c", "db"]);
  assertEquals([attach.code, attach.stdout], [0, "other web db"]);
  const [first] = cluster.requests;
  assertEquals(first.headers.get("authorization"), "Bearer secret");
});

Deno.test("an option with an empty value counts as absent, as in kubectl", async () => {
  await using cluster = await FakeCluster.start({ exec: echoCall });
  const empty = ["namespace", "container", "kubeconfig", "context", "cluster"]
    .concat("user", "as", "as-uid", "token", "ca", "cert", "key")
    .concat("tls-server-name", "request-timeout", "server")
    .map((name) => `--${name}=`);
  const { code, stdout, stderr } = await runIn(
    cluster,
    ["exec", ...empty, "web", "--", "ls"],
  );
  assertEquals([code, stdout, stderr], [0, "shop web  ls", ""]);
});

Deno.test("options replace values of the kubeconfig", async () => {
  const lines: string[] = [];
  await using cluster = await FakeCluster.start({
    exec: echoCall,
    resolve: (call) => {
      for (const [name, value] of call.request.headers) {
        if (/^(impersonate-|authorization)/.test(name)) {
          lines.push(`${name}: ${value}`);
        }
      }
      return call;
    },
  });
  await withFolder({
    config: cluster.kubeconfig({ exec: { apiVersion: "none", command: "x" } }),
    token: "from a file\n",
  }, async (folder) => {
    const common = ["exec", "--kubeconfig", `${folder}/config`];
    for (
      const options of [
        ["--token", "typed", "--as=jane", "--as-group=a", "--as-group", "b"],
        ["--token", `${folder}/token`, "--as", "jane", "--as-uid", "7"],
      ]
    ) {
      const finished = await run([...common, ...options, "web", "--", "ls"], {
        env: NOWHERE,
      });
      assertEquals([finished.code, finished.stderr], [0, ""]);
    }
  });
  assertEquals(
    lines.filter((line) => !line.startsWith("impersonate-group")).sort(),
    [
      "authorization: Bearer from a file",
      "authorization: Bearer typed",
      "impersonate-uid: 7",
      "impersonate-user: jane",
      "impersonate-user: jane",
    ],
  );
  assertEquals(
    lines.join("\n").match(/impersonate-group: (a|b|a, b)$/gm) !== null,
    true,
  );
});

Deno.test("--as, --as-group and --as-uid replace single fields of the kubeconfig, as in kubectl", async () => {
  const seen: string[][] = [];
  await using cluster = await FakeCluster.start({
    exec: echoCall,
    resolve: (call) => {
      const { headers } = call.request;
      seen.push(
        ["user", "uid", "group", "extra-reason"]
          .map((name) => headers.get(`impersonate-${name}`) ?? ""),
      );
      return call;
    },
  });
  const config = cluster.kubeconfig({
    token: "secret",
    as: "jane",
    "as-uid": "7",
    "as-groups": ["devs"],
    "as-user-extra": { reason: ["test"] },
  });
  await withFolder({ config }, async (folder) => {
    for (const options of [["--as", "bob"], ["--as-group", "ops"]]) {
      const common = ["exec", "--kubeconfig", `${folder}/config`, ...options];
      const { code, stderr } = await run([...common, "web", "--", "ls"], {
        env: NOWHERE,
      });
      assertEquals([code, stderr], [0, ""]);
    }
  });
  assertEquals(seen, [
    ["bob", "7", "devs", "test"],
    ["jane", "7", "ops", "test"],
  ]);
});

Deno.test("TYPE/NAME finds a pod of a deployment or a service", async () => {
  await using cluster = await FakeCluster.start({ exec: echoCall });
  const deployment = {
    spec: {
      selector: {
        matchLabels: { app: "web" },
        matchExpressions: [{ key: "tier", operator: "In", values: ["a", "b"] }],
      },
    },
  };
  cluster.objects.set(
    "/apis/apps/v1/namespaces/shop/deployments/web",
    deployment,
  );
  cluster.objects.set("/api/v1/namespaces/shop/services/web", {
    spec: { selector: { app: "web" } },
  });
  cluster.objects.set("/api/v1/namespaces/shop/pods", {
    items: [
      makePod("leaving", { metadata: { deletionTimestamp: "2026-01-01" } }),
      makePod("pending", { status: { phase: "Pending" } }),
      makePod("unready", { status: { conditions: [] } }),
      makePod("young", {
        metadata: { creationTimestamp: "2026-02-01T00:00:00Z" },
      }),
      makePod("best"),
    ],
  });
  for (const name of ["deploy/web", "deployment.apps/web", "svc/web"]) {
    const { code, stdout, stderr } = await runIn(cluster, [
      "exec",
      name,
      "--",
      "ls",
    ]);
    assertEquals([code, stdout], [0, "shop best  ls"], stderr);
  }
  const query = cluster.requests.find(({ path }) =>
    path.includes("labelSelector")
  );
  assertEquals(
    new URL(query?.path ?? "", cluster.url).searchParams.get("labelSelector"),
    "app=web,tier in (a,b)",
  );
  const missing = await runIn(cluster, ["exec", "deploy/none", "--", "ls"]);
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "deployments/none not found");
  const unknown = await runIn(cluster, ["exec", "cronjob/x", "--", "ls"]);
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.stderr, '"cronjob/x" is not NAME or TYPE/NAME');
});

Deno.test("the default container of a pod with several containers is used and printed", async () => {
  await using cluster = await FakeCluster.start({
    exec: echoCall,
    resolve: (call) =>
      call.container !== "" ? call : Response.json({
        message:
          "a container name must be specified for pod web, choose one of: [a b]",
      }, { status: 400 }),
  });
  const spec = { containers: [{ name: "a" }, { name: "b" }] };
  const path = "/api/v1/namespaces/shop/pods/web";
  cluster.objects.set(path, makePod("web", { spec }));
  const first = await runIn(cluster, ["exec", "web", "--", "ls"]);
  assertEquals(
    [first.code, first.stdout, first.stderr],
    [0, "shop web a ls", 'Defaulted container "a" out of: a, b\n'],
  );
  const quiet = await runIn(cluster, ["exec", "-q", "web", "--", "ls"]);
  assertEquals([quiet.stdout, quiet.stderr], ["shop web a ls", ""]);
  const annotations = { "kubectl.kubernetes.io/default-container": "b" };
  cluster.objects.set(
    path,
    makePod("web", { spec, metadata: { annotations } }),
  );
  const second = await runIn(cluster, ["exec", "web", "--", "ls"]);
  // As in kubectl, the pod's own choice needs no message.
  assertEquals([second.stdout, second.stderr], ["shop web b ls", ""]);
});

Deno.test("--request-timeout limits the wait for the server", async () => {
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${silent.addr.port}`;
  for (
    const [command, ...args] of [
      ["exec", "web", "--", "ls"],
      ["exec", "deploy/web", "--", "ls"],
      ["attach", "web"],
      ["port-forward", "web", "0:80"],
      ["cp", "web:/a", "b"],
    ]
  ) {
    const { code, stderr } = await run(
      [command, "-s", url, "--request-timeout=10ms", ...args],
    );
    assertEquals(code, 1, command);
    assertMatch(
      stderr,
      /(was not answered|did not (answer|accept .*)) within 10 ms/,
      command,
    );
  }
});

Deno.test("a redirect of the API server is not followed, because it would leak the token", async () => {
  await using elsewhere = await FakeCluster.start();
  await using cluster = await FakeCluster.start({
    answer: () => Response.redirect(elsewhere.url),
  });
  const { code, stderr } = await runIn(cluster, [
    "exec",
    "svc/web",
    "--",
    "ls",
  ]);
  assertEquals([code, elsewhere.requests], [1, []]);
  assertMatch(
    stderr,
    /redirects to https:\/\/localhost:\d+\/?, which is not followed/,
  );
});

const NO_AS =
  /^spdy: --as-group and --as-uid need --as, or an `as` in the kubeconfig\n$/;

Deno.test("errors in the options or the kubeconfig are printed", async () => {
  await using cluster = await FakeCluster.start({ exec: echoCall });
  const cases: [args: string[], code: number, message: RegExp][] = [
    [["--ca", "deno.json", "web"], 1, /deno\.json: it contains no cert/],
    [
      ["--tls-server-name", "other.example", "web"],
      1,
      /not ?valid ?for ?name/i,
    ],
    [
      ["--context", "none", "web"],
      1,
      /the context "none" does not exist; the contexts are "fake"/,
    ],
    [["--as-group", "a", "web"], 1, NO_AS],
    [["--as-uid", "7", "web"], 1, NO_AS],
    [["--as=a\x01", "web"], 1, /impersonate-user contains a control/],
    [["--cert", "x", "web"], 2, /--cert and --key must be given together/],
    [["--server", "x", "web"], 2, /it must be a URL/],
    [["--kubeconfig", "/nowhere", "web"], 1, /\/nowhere: it cannot be read/],
    [["-"], 2, /needs --server with a streaming URL/],
    [["-xi", "web"], 2, /unknown option -x in -xi/],
  ];
  for (const [args, code, message] of cases) {
    const finished = await runIn(cluster, ["exec", ...args, "--", "ls"]);
    assertMatch(finished.stderr, message);
    assertEquals(finished.code, code, args.join(" "));
  }
});

Deno.test("tls-server-name and proxy-url of a kubeconfig are used for upgrades and for requests", async () => {
  await using cluster = await FakeCluster.start({ exec: echoCall });
  cluster.objects.set("/api/v1/namespaces/shop/services/web", {
    spec: { selector: { app: "web" } },
  });
  cluster.objects.set("/api/v1/namespaces/shop/pods", {
    items: [makePod("web-1")],
  });
  const tunnels: string[] = [];
  using proxy = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const conn of proxy) {
      const head = new Uint8Array(4096);
      const count = await conn.read(head) ?? 0;
      const [line] = new TextDecoder().decode(head.subarray(0, count))
        .split("\r\n");
      tunnels.push(line);
      const port = Number(new URL(cluster.url).port);
      const to = await Deno.connect({ hostname: "127.0.0.1", port });
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
      conn.readable.pipeTo(to.writable).catch(() => {});
      to.readable.pipeTo(conn.writable).catch(() => {});
    }
  })();
  const options = (name: string): string =>
    cluster.kubeconfig({ token: "secret" }, {
      server: "https://api.example:6443",
      "tls-server-name": name,
      "proxy-url": `http://127.0.0.1:${proxy.addr.port}`,
    });
  const args = ["exec", "svc/web", "--", "ls"];
  const right = await runIn(cluster, args, options("localhost"));
  assertEquals([right.code, right.stdout, right.stderr], [
    0,
    "shop web-1  ls",
    "",
  ]);
  const expected = "CONNECT api.example:6443 HTTP/1.1";
  assertEquals(new Set(tunnels), new Set([expected]));
  // The service, its pods, and the command.
  assertEquals(tunnels.length >= 3, true);
  const wrong = await runIn(cluster, args, options("other.example"));
  assertEquals(wrong.code, 1);
  assertMatch(wrong.stderr, /NotValidForName|not valid for name/i);
  proxy.close();
  await serving.catch(() => {});
});

Deno.test("the install hint of a credential plugin is printed in lines, without escape sequences", async () => {
  await using cluster = await FakeCluster.start({ exec: echoCall });
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: "no-such-plugin",
    interactiveMode: "Never",
    installHint: "install it:\n  \x1b[31m packages install",
  };
  const options = cluster.kubeconfig({ exec });
  const { code, stderr } = await runIn(
    cluster,
    ["exec", "web", "--", "ls"],
    options,
  );
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /no-such-plugin cannot be run: .*\n\ninstall it:\n {2}\\x1b\[31m packages install\n$/,
  );
});

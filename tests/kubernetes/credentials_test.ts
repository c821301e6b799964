/**
 * Credentials of a plugin that the API server no longer accepts.
 *
 * @module
 */

import {
  exec,
  type KubeConfig,
  loadKubeConfig,
  openTunnel,
  portForward,
  StreamingRefusedError,
} from "../../kubernetes/mod.ts";
import { findPod, readResource } from "../../kubernetes/api/resource.ts";
import { untilLeaving } from "../../kubernetes/forwarding/watch_pod.ts";
import { PluginCache } from "../../kubernetes/config/plugin.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { date } from "../../connection/time/clock.ts";
import { FakeCluster, makePod } from "../helpers/fake_cluster.ts";
import { withFolder } from "../helpers/folder.ts";
import { virtualTime } from "../helpers/virtual_time.ts";
import { unixOnly } from "../helpers/unix_only.ts";

/** A plugin whose tokens are token-1, token-2 and so on. */
const PLUGIN = `#!/bin/sh
cd "$(dirname "$0")"
echo >>runs
cat <<END
{
  "kind": "ExecCredential",
  "apiVersion": "client.authentication.k8s.io/v1",
  "status": { "token": "token-$(wc -l <runs | tr -d ' ')" }
}
END
`;

interface Setting {
  readonly cluster: FakeCluster;
  readonly config: KubeConfig;
  /** The token that the API server accepts, and the status for the others. */
  accepted: string;
  status: number;
  /** The number of times that the plugin has run. */
  runs(): Promise<number>;
}

async function withPlugin(
  test: (setting: Setting) => Promise<void>,
): Promise<void> {
  const isAccepted = ({ headers }: Request): boolean =>
    headers.get("authorization") === `Bearer ${setting.accepted}`;
  const refusal = (): Response =>
    Response.json({ message: "Unauthorized" }, { status: setting.status });
  await using cluster = await FakeCluster.start({
    exec: () => Promise.resolve(0),
    portForward: () => Promise.resolve(),
    resolve: (call) => isAccepted(call.request) ? call : refusal(),
    answer: (request) => isAccepted(request) ? undefined : refusal(),
  });
  let setting: Setting;
  await withFolder({ plugin: PLUGIN }, async (folder) => {
    await Deno.chmod(`${folder}/plugin`, 0o755);
    setting = {
      cluster,
      config: await loadKubeConfig({
        text: cluster.kubeconfig({
          exec: {
            apiVersion: "client.authentication.k8s.io/v1",
            command: `${folder}/plugin`,
            interactiveMode: "Never",
          },
        }),
      }),
      accepted: "token-1",
      status: 401,
      runs: async () =>
        (await Deno.readTextFile(`${folder}/runs`)).split("\n").length - 1,
    };
    await test(setting);
  });
}

const pod = { name: "web", namespace: "shop" };
type Target = Awaited<ReturnType<KubeConfig["target"]>>;

/** Everything that sends credentials to an API server. */
const REQUESTS: Readonly<Record<string, (target: Target) => Promise<unknown>>> =
  {
    "exec over a WebSocket": (target) =>
      exec({ ...target, pod, command: ["ls"], transport: "websocket" })
        .then((process) => process.close()),
    "exec over SPDY": (target) =>
      exec({ ...target, pod, command: ["ls"], transport: "spdy" })
        .then((process) => process.close()),
    "exec with a header of its own": (target) =>
      exec({
        ...target,
        headers: [...target.headers, ["x-a", "b"]],
        pod,
        command: ["ls"],
      }).then((process) => process.close()),
    "portForward": (target) =>
      portForward({ ...target, pod }).then((forwarder) => forwarder.close()),
    "openTunnel": (target) =>
      openTunnel(target, {
        path: "/api/v1/namespaces/shop/pods/web/exec?stdout=true",
        expectTunnel: ["v4.channel.k8s.io"],
      }).then((tunnel) => tunnel.stop()),
    "a plain request": (target) => findPod(target, readResource("web", "shop")),
  };

unixOnly.test({
  name: "after a 401, the credential plugin runs again",
  async fn() {
    for (const [name, request] of Object.entries(REQUESTS)) {
      await withPlugin(async (setting) => {
        const { cluster, config } = setting;
        cluster.objects.set(
          "/api/v1/namespaces/shop/pods/web",
          makePod("web"),
        );
        await request(await config.target());
        await request(await config.target());
        assertEquals(await setting.runs(), 1, name);
        for (const run of [2, 3]) {
          setting.accepted = `token-${run}`;
          const error = await assertRejects(
            async () => await request(await config.target()),
            StreamingRefusedError,
          );
          assertEquals(error.status, 401, name);
          await request(await config.target());
          assertEquals(await setting.runs(), run, name);
        }
      });
    }
  },
});

unixOnly.test({
  name:
    "a credential is kept after any other status, and if only an older one was refused",
  async fn() {
    await withPlugin(async (setting) => {
      const { config } = setting;
      const request = REQUESTS["exec over SPDY"];
      const old = await config.target();
      setting.accepted = "token-2";
      setting.status = 403;
      await assertRejects(() => request(old), StreamingRefusedError);
      assertEquals((await config.target()).headers, old.headers);
      setting.status = 401;
      await assertRejects(() => request(old), StreamingRefusedError);
      const next = await config.target();
      assertEquals(next.headers, [["authorization", "Bearer token-2"]]);
      await assertRejects(() => request(old), StreamingRefusedError);
      assertEquals((await config.target()).headers, next.headers);
      assertEquals(await setting.runs(), 2);
    });
  },
});

Deno.test("a cache of a plugin forgets only the credential that was refused", async () => {
  const cache = new PluginCache();
  let runs = 0;
  const run = () => Promise.resolve({ token: `${++runs}` });
  const first = cache.get(run);
  assertEquals((await first).token, "1");
  cache.refused(first);
  const second = cache.get(run);
  cache.refused(first);
  assertEquals([(await second).token, (await cache.get(run)).token], [
    "2",
    "2",
  ]);
});

Deno.test("a plugin does not run again and again for credentials that are never accepted", async () => {
  using time = virtualTime();
  const cache = new PluginCache();
  let runs = 0;
  const run = () =>
    Promise.resolve({ token: `${++runs}`, expires: date() + 3_600_000 });
  const refuse = async (): Promise<void> => {
    const running = cache.get(run);
    await running;
    cache.refused(running);
  };
  for (let attempt = 0; attempt < 5; attempt++) await refuse();
  assertEquals(runs, 2);
  // A user may have logged in again meanwhile.
  await time.advance(300_000);
  for (let attempt = 0; attempt < 5; attempt++) await refuse();
  assertEquals(runs, 3);
  const accepted = cache.get(run);
  cache.accepted(accepted);
  await refuse();
  await refuse();
  assertEquals(runs, 4);
  // The second one, whose refusals are ignored, expires.
  await time.advance(3_600_000);
  await refuse();
  await refuse();
  assertEquals(runs, 6);
});

Deno.test("a watch goes on with the credentials that follow a 401, and ends after a second one", async () => {
  using time = virtualTime();
  let asked = 0;
  await using cluster = await FakeCluster.start({
    answer: () => {
      asked++;
      return new Response("Unauthorized", { status: 401 });
    },
  });
  const config = await loadKubeConfig({ text: cluster.kubeconfig() });
  const found = { name: "web", namespace: "shop", pod: {} };
  const { signal } = new AbortController();
  await assertRejects(
    () => time.until(untilLeaving(() => config.target(), found, signal)),
    StreamingRefusedError,
    "401",
  );
  assertEquals(asked, 2);
});

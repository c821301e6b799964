import {
  defaultContainer,
  findPod,
  readResource,
} from "../../kubernetes/api/resource.ts";
import { loadKubeConfig, StreamingRefusedError } from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { FakeCluster, makePod } from "../helpers/fake_cluster.ts";

const FAILED = { status: { phase: "Failed", conditions: [] } };
const PENDING = { status: { phase: "Pending", conditions: [] } };

/** Looks for a pod of a service whose pods the API server lists in these portions. */
async function find(
  portions: readonly (readonly unknown[])[],
): Promise<{ name: string; asked: (string | null)[] }> {
  const asked: (string | null)[] = [];
  await using cluster = await FakeCluster.start({
    answer: ({ url }) => {
      const { pathname, searchParams } = new URL(url);
      if (!pathname.endsWith("/pods")) return undefined;
      const token = searchParams.get("continue");
      asked.push(token);
      const index = Number(token ?? "0");
      return Response.json({
        metadata: index + 1 < portions.length
          ? { continue: `${index + 1}` }
          : {},
        items: portions[index],
      });
    },
  });
  cluster.objects.set("/api/v1/namespaces/shop/services/web", {
    spec: { selector: { app: "web" } },
  });
  const config = await loadKubeConfig({ text: cluster.kubeconfig() });
  const { name } = await findPod(
    await config.target(),
    readResource("svc/web", "shop"),
  );
  return { name, asked };
}

Deno.test("a pod is searched in all portions of the list until one answers", async () => {
  assertEquals(
    await find([
      [makePod("a", FAILED), makePod("b", FAILED)],
      [makePod("c", PENDING), makePod("d", FAILED)],
      [makePod("e", FAILED), makePod("f")],
      [makePod("g")],
    ]),
    { name: "f", asked: [null, "1", "2"] },
  );
  // None answers: the best one of all portions.
  assertEquals(
    await find([[makePod("a", FAILED)], [makePod("b", PENDING)], [
      makePod("c", FAILED),
    ], []]),
    { name: "b", asked: [null, "1", "2", "3"] },
  );
  await assertRejects(
    () => find([[], []]),
    StreamingRefusedError,
    "service/web has no pods (selector app=web)",
  );
});

Deno.test("a list of pods that never ends is not read forever", async () => {
  const { name, asked } = await find(
    Array.from({ length: 200 }, (_, index) => [makePod(`p${index}`, FAILED)]),
  );
  assertEquals([name, asked.length], ["p0", 100]);
});

Deno.test("the default container is the one that the pod names, if it exists", () => {
  const pod = (annotation: string) =>
    makePod("web", {
      metadata: {
        annotations: { "kubectl.kubernetes.io/default-container": annotation },
      },
      spec: { containers: [{ name: "a" }, { name: "b" }] },
    });
  const all = ["a", "b"];
  assertEquals(defaultContainer(pod("b")), { name: "b", all, isNamed: true });
  assertEquals(defaultContainer(pod("x")), { name: "a", all, isNamed: false });
});

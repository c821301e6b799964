import {
  type ForwardedPorts,
  type ForwardEvent,
  forwardPorts,
  type ForwardPortsOptions,
  loadKubeConfig,
  type ServedConnection,
  serveStreaming,
  StreamingRefusedError,
} from "../../kubernetes/mod.ts";
import { readPorts } from "../../kubernetes/forwarding/ports.ts";
import { InvalidArgumentError } from "../../errors.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";
import { FakeCluster, makePod } from "../helpers/fake_cluster.ts";

const PODS = "/api/v1/namespaces/shop/pods";
const SERVICE = "/api/v1/namespaces/shop/services/web";

/** Records events, and waits for one. */
class Events {
  readonly all: ForwardEvent[] = [];
  #changed = Promise.withResolvers<void>();

  readonly add = (event: ForwardEvent): void => {
    this.all.push(event);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  };

  /** The next event of a type after the first `skip` ones. */
  async wait<T extends ForwardEvent["type"]>(
    type: T,
    skip = 0,
  ): Promise<Extract<ForwardEvent, { type: T }>> {
    for (;;) {
      const found = this.all.filter((event) => event.type === type)[skip];
      if (found) return found as Extract<ForwardEvent, { type: T }>;
      await waitFor(`the event "${type}"`, this.#changed.promise);
    }
  }
}

/** Sends back what it receives, after the name of the pod and the port. */
function echo(pod: () => string) {
  return async ({ port, readable, writable }: ServedConnection) => {
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode(`${pod()} ${port}: `));
    for await (const chunk of readable) await writer.write(chunk);
    await writer.close();
  };
}

/** Sends a text through a local port; resolves to the answer. */
async function ask(
  ports: ForwardedPorts,
  text: string,
  index = 0,
): Promise<string> {
  const { hostname, port } = ports.addresses[index];
  const conn = await Deno.connect({ hostname, port });
  await conn.write(new TextEncoder().encode(text));
  await conn.closeWrite();
  return await waitFor("the answer", new Response(conn.readable).text());
}

async function forward(
  cluster: FakeCluster,
  events: Events,
  options: Partial<ForwardPortsOptions> = {},
): Promise<ForwardedPorts> {
  const config = await loadKubeConfig({ text: cluster.kubeconfig() });
  return await forwardPorts({
    target: () => config.target(),
    namespace: config.namespace,
    resource: "svc/web",
    ports: ["0:80"],
    addresses: ["127.0.0.1"],
    firstDelay: 10,
    longestDelay: 100,
    onEvent: events.add,
    ...options,
  });
}

/** A cluster with a service `web` whose pods are these. */
function setPods(cluster: FakeCluster, ...names: string[]): void {
  cluster.objects.set(SERVICE, {
    metadata: { name: "web" },
    spec: {
      selector: { app: "web" },
      ports: [
        { name: "plain", port: 80, targetPort: "http" },
        { name: "other", port: 443, targetPort: 8443 },
        { name: "udp", port: 53, protocol: "UDP" },
      ],
    },
  });
  cluster.objects.set(PODS, { items: names.map((name) => makePod(name)) });
}

/** Records the pod of a session. */
function withPods(): { cluster: Promise<FakeCluster>; pod: () => string } {
  let pod = "";
  return {
    pod: () => pod,
    cluster: FakeCluster.start({
      portForward: echo(() => pod),
      resolve: (call) => {
        pod = call.pod;
        return call;
      },
    }),
  };
}

Deno.test("ports of a service are translated to those of a pod, by number and by name", async () => {
  await using cluster = await withPods().cluster;
  setPods(cluster, "web-1");
  const events = new Events();
  await using ports = await forward(cluster, events, {
    ports: ["0:80", ":443", "0:plain", "0:other"],
  });
  const answers = [];
  for (const index of ports.addresses.keys()) {
    answers.push(await ask(ports, "hello", index));
  }
  assertEquals(answers, [
    "web-1 8080: hello",
    "web-1 8443: hello",
    "web-1 8080: hello",
    "web-1 8443: hello",
  ]);
  assertEquals((await events.wait("connected")).pod, "web-1");
  for (
    const [port, message] of [["53", "no port 53"], ["none", "no port none"]]
  ) {
    await assertRejects(
      () => forward(cluster, events, { ports: [port] }),
      InvalidArgumentError,
      message,
    );
  }
});

Deno.test("when the pod is replaced, the listener leads to the next pod", async () => {
  await using cluster = await withPods().cluster;
  setPods(cluster, "web-1");
  const events = new Events();
  await using ports = await forward(cluster, events);
  assertEquals(await ask(ports, "a"), "web-1 8080: a");
  // An open connection continues with the old pod.
  const { hostname, port } = ports.addresses[0];
  const old = await Deno.connect({ hostname, port });
  await old.write(new TextEncoder().encode("old"));
  const first = new Uint8Array(16);
  await waitFor("the old pod", old.read(first));
  while (cluster.watchers(PODS) === 0) {
    await new Promise((done) => setTimeout(done, 5));
  }
  setPods(cluster, "web-2");
  cluster.tell(
    PODS,
    "MODIFIED",
    makePod("web-1", {
      metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" },
    }),
  );
  assertEquals((await events.wait("leaving")).pod, "web-1");
  assertEquals((await events.wait("connected", 1)).pod, "web-2");
  assertEquals(await ask(ports, "b"), "web-2 8080: b");
  await old.closeWrite();
  assertMatch(
    new TextDecoder().decode(first) +
      await waitFor("the end", new Response(old.readable).text()),
    /^web-1 8080: /,
  );
});

Deno.test("pods that are ending are not used; a connection waits for the next one", async () => {
  await using cluster = await withPods().cluster;
  setPods(cluster, "web-1");
  const events = new Events();
  await using ports = await forward(cluster, events);
  while (cluster.watchers(PODS) === 0) {
    await new Promise((done) => setTimeout(done, 5));
  }
  const leaving = makePod("web-1", { status: { phase: "Failed" } });
  cluster.objects.set(PODS, { items: [leaving] });
  cluster.tell(PODS, "MODIFIED", leaving);
  const { reason } = await events.wait("retrying");
  assertMatch(`${reason}`, /service\/web has only pods that are ending/);
  const answer = ask(ports, "patience");
  await events.wait("retrying", 2);
  setPods(cluster, "web-2");
  assertEquals(await answer, "web-2 8080: patience");
});

Deno.test("a broken session is opened again, with growing delays while the server is unreachable", async () => {
  const events = new Events();
  const { cluster: starting } = withPods();
  let cluster: FakeCluster | undefined = await starting;
  setPods(cluster, "web-1");
  const first = cluster;
  const config = await loadKubeConfig({ text: first.kubeconfig() });
  let current = config;
  await using ports = await forward(first, events, {
    target: () => current.target(),
  });
  assertEquals(await ask(ports, "a"), "web-1 8080: a");
  await first[Symbol.asyncDispose]();
  cluster = undefined;
  assertEquals((await events.wait("lost")).pod, "web-1");
  const waits = [];
  for (const skip of [0, 1, 2, 3, 4]) {
    waits.push((await events.wait("retrying", skip)).delay);
  }
  assertEquals(waits, [20, 40, 80, 100, 100]);
  await using second = await withPods().cluster;
  setPods(second, "web-9");
  current = await loadKubeConfig({ text: second.kubeconfig() });
  assertEquals((await events.wait("connected", 1)).pod, "web-9");
  assertEquals(await ask(ports, "b"), "web-9 8080: b");
});

Deno.test("a silent kubelet is detected by pings", async () => {
  await using cluster = await withPods().cluster;
  setPods(cluster, "web-1");
  // A proxy that stops passing bytes on.
  let silent = false;
  const conns: Deno.TcpConn[] = [];
  using gate = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const upstream = Number(new URL(cluster.url).port);
  const pass = async (from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> => {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) break;
      if (silent) continue;
      for (let at = 0; at < count;) {
        at += await to.write(buffer.subarray(at, count));
      }
    }
  };
  const serving = (async () => {
    for await (const conn of gate) {
      // Bytes after the silence reach the server again.
      silent = false;
      const to = await Deno.connect({ hostname: "127.0.0.1", port: upstream });
      conns.push(conn, to);
      pass(conn, to).catch(() => {}).finally(() => quietly(to));
      pass(to, conn).catch(() => {}).finally(() => quietly(conn));
    }
  })();
  const quietly = (conn: Deno.TcpConn): void => {
    try {
      conn.close();
    } catch {
      // It is closed already.
    }
  };
  const { port } = gate.addr;
  const events = new Events();
  const text = cluster.kubeconfig({ token: "t" }, {
    server: `https://localhost:${port}`,
  });
  const config = await loadKubeConfig({ text });
  {
    await using ports = await forward(cluster, events, {
      target: () => config.target(),
      resource: "pod/web-1",
      ports: ["0:80"],
      keepAlive: { interval: 200, timeout: 2000 },
    });
    assertEquals(await ask(ports, "a"), "web-1 80: a");
    silent = true;
    const { reason } = await events.wait("lost");
    assertMatch(`${reason}`, /2000 ms/);
    await events.wait("connected", 1);
    assertEquals(await ask(ports, "b"), "web-1 80: b");
  }
  gate.close();
  conns.forEach(quietly);
  await serving.catch(() => {});
});

Deno.test("many connections share several sessions", async () => {
  await using cluster = await withPods().cluster;
  setPods(cluster, "web-1");
  const events = new Events();
  await using ports = await forward(cluster, events, {
    connectionsPerSession: 2,
  });
  const { hostname, port } = ports.addresses[0];
  const conns = [];
  for (let i = 0; i < 5; i++) {
    const conn = await Deno.connect({ hostname, port });
    await waitFor("the pod", conn.read(new Uint8Array(16)));
    conns.push(conn);
  }
  const sessions = events.all.flatMap((event) =>
    event.type === "connected" ? [event.sessions] : []
  );
  assertEquals(sessions, [1, 2, 3]);
  for (const conn of conns) conn.close();
});

Deno.test("a failed connection is reported, and the others continue", async () => {
  await using cluster = await FakeCluster.start({
    portForward: ({ port }) =>
      port === 80
        ? echo(() => "x")({ port } as ServedConnection)
        : Promise.reject(new Error("nobody listens")),
  });
  const events = new Events();
  await using ports = await forward(cluster, events, {
    resource: "web",
    ports: ["0:81"],
  });
  await ask(ports, "a").catch(() => {});
  const { remote, reason } = await events.wait("failed");
  assertEquals(remote, "81");
  assertMatch(`${reason}`, /port 81: nobody listens/);
  // The API server of this test has no list of pods to watch.
  assert(events.all.every(({ type }) => type !== "lost"));
});

Deno.test("if forwarding cannot start, it is an error and nothing listens", async () => {
  await using cluster = await FakeCluster.start({});
  const events = new Events();
  await assertRejects(
    () => forward(cluster, events),
    StreamingRefusedError,
    "services/web not found",
  );
  await assertRejects(
    () => forward(cluster, events, { resource: "web" }),
    StreamingRefusedError,
    "501",
  );
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertRejects(
    () =>
      forward(cluster, events, {
        resource: "web",
        ports: [`${taken.addr.port}:80`],
      }),
    InvalidArgumentError,
    "cannot listen on port",
  );
  for (
    const options of [{ ports: [] }, { resource: "cronjob/x" }, {
      connectionsPerSession: 0,
    }, { firstDelay: 0 }]
  ) {
    await assertRejects(
      () => forward(cluster, events, options),
      InvalidArgumentError,
    );
  }
  await assertRejects(
    () =>
      forward(cluster, events, { signal: AbortSignal.abort(new Error("no")) }),
    Error,
    "no",
  );
});

Deno.test("if the signal aborts while forwarding starts, its reason is the error", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // A request to the API server, and the upgrade of the first session.
  for (const resource of ["svc/web", "pod/web"]) {
    const controller = new AbortController();
    const starting = forwardPorts({
      target: { url: `http://127.0.0.1:${listener.addr.port}` },
      resource,
      ports: ["0:80"],
      addresses: ["127.0.0.1"],
      signal: controller.signal,
    });
    // It accepts and does not answer.
    using _conn = await listener.accept();
    const reason = new Error("the user stopped it");
    controller.abort(reason);
    const error = await assertRejects(() => starting);
    assertStrictEquals(error, reason);
  }
});

Deno.test("localhost means both addresses with one port, and close ends everything", async () => {
  await using server = serveStreaming({ portForward: echo(() => "x") });
  const ports = await forwardPorts({
    target: { url: `http://127.0.0.1:${server.addr.port}` },
    resource: "web",
    ports: ["0:80"],
  });
  const hostnames = ports.addresses.map(({ hostname }) => hostname);
  assertEquals(hostnames[0], "127.0.0.1");
  assertEquals(new Set(ports.addresses.map(({ port }) => port)).size, 1);
  for (const index of hostnames.keys()) {
    assertEquals(await ask(ports, "y", index), "x 80: y");
  }
  await ports.close();
  await ports.closed;
  await assertRejects(() => ask(ports, "z"), Deno.errors.ConnectionRefused);
});

Deno.test("pairs of ports are parsed", () => {
  const cases: [text: string, local: number | undefined, remote: string][] = [
    ["80", undefined, "80"],
    ["8080:80", 8080, "80"],
    [":80", 0, "80"],
    ["0:http", 0, "http"],
    ["http-2", undefined, "http-2"],
    ["65535:65535", 65535, "65535"],
  ];
  for (const [text, local, remote] of cases) {
    assertEquals(readPorts(text), { local, remote });
  }
  for (
    const text of [
      "",
      ":",
      "80:",
      "0",
      "65536",
      "65536:80",
      "x:80",
      "0x50",
      "1:2:3",
      "-1",
      "a_b",
      "-a",
      "8e1x-",
    ]
  ) {
    assertThrows(() => readPorts(text), InvalidArgumentError, "write it as");
  }
});

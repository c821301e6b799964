/** Headers that can be read only once, of calls that send several requests. */

import {
  attach,
  copyTo,
  exec,
  forwardPorts,
  portForward,
  type TargetOptions,
  withTunnels,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { AnsweringConn } from "../helpers/answering_conn.ts";

const pod = { name: "web", namespace: "shop" };

function* credentials(): Generator<[string, string]> {
  yield ["authorization", "Bearer secret"];
  yield ["impersonate-group", "ops"];
  yield ["impersonate-group", "dev"];
}

/** Calls `request`, and returns what each of its requests had of the credentials. */
async function sent(
  request: (target: TargetOptions) => Promise<unknown>,
  answer: (path: string) => string = () =>
    "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
): Promise<string[][]> {
  const requests: string[][] = [];
  const dial = (): Promise<AnsweringConn> =>
    Promise.resolve(
      new AnsweringConn((head) => {
        const lines = head.split("\r\n");
        requests.push(
          lines.filter((line) => /^(authorization|impersonate)/i.test(line)),
        );
        return answer(lines[0].split(" ")[1]);
      }),
    );
  const headers = credentials();
  await assertRejects(() =>
    request({ url: "http://api.example", headers, dial })
  );
  return requests;
}

const ALL = [
  "authorization: Bearer secret",
  "impersonate-group: ops",
  "impersonate-group: dev",
];

Deno.test("headers of an iterator: both transports of a call send them", async () => {
  const calls: ((target: TargetOptions) => Promise<unknown>)[] = [
    (target) => exec({ ...target, pod, command: ["ls"] }),
    (target) => attach({ ...target, pod }),
    (target) => portForward({ ...target, pod }),
    (target) => copyTo({ ...target, pod, local: ".", remote: "/srv" }),
  ];
  for (const call of calls) assertEquals(await sent(call), [ALL, ALL]);
});

Deno.test("headers of an iterator: every request of forwardPorts sends them", async () => {
  const object = JSON.stringify({
    spec: { selector: { matchLabels: { app: "web" } } },
  });
  const answer = (path: string): string =>
    path.includes("/deployments/")
      ? `HTTP/1.1 200 OK\r\ncontent-length: ${object.length}\r\n\r\n${object}`
      : "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
  const options = { resource: "deploy/web", ports: [":80"] };
  assertEquals(
    [
      await sent((target) => forwardPorts({ ...options, target }), answer),
      await sent(
        (target) => forwardPorts({ ...options, target: () => target }),
        answer,
      ),
    ].map((requests) => requests.map((lines) => lines.length)),
    [[3, 3], [3, 3]],
  );
});

Deno.test("headers of an iterator: every tunnel of withTunnels sends them", async () => {
  const requests = await sent(async (target) => {
    const client = withTunnels(
      {
        performRequest: (_request: object): Promise<unknown> =>
          Promise.reject(new Error("no tunnel")),
      },
      target,
    );
    const request = { path: "/x", expectTunnel: ["v4.channel.k8s.io"] };
    await client.performRequest(request).catch(() => {});
    await client.performRequest(request);
  });
  assertEquals(requests, [ALL, ALL]);
});

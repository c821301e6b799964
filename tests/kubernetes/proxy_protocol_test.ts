/** The option `proxyProtocol` of the Kubernetes client. */

import {
  copyTo,
  exec,
  forwardPorts,
  openTunnel,
  portForward,
  type TargetOptions,
} from "../../kubernetes/mod.ts";
import { assertMatch, assertRejects } from "../deps.ts";

const pod = { name: "web" };
const CALLS: Record<string, (target: TargetOptions) => Promise<unknown>> = {
  "exec over a WebSocket": (target) => exec({ ...target, pod, command: ["a"] }),
  "exec over SPDY": (target) =>
    exec({ ...target, pod, command: ["a"], transport: "spdy" }),
  "the API request of forwardPorts": (target) =>
    forwardPorts({ target, resource: "deploy/web", ports: ["0:80"] }),
  "portForward": (target) => portForward({ ...target, pod }),
  "copyTo": (target) => copyTo({ ...target, pod, local: ".", remote: "/tmp" }),
  "openTunnel": (target) =>
    openTunnel(target, { path: "/", expectTunnel: ["v4.channel.k8s.io"] }),
};

for (const [what, call] of Object.entries(CALLS)) {
  Deno.test(`${what} sends the head of the PROXY protocol before the request`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const called = assertRejects(() =>
      call({
        url: `http://127.0.0.1:${listener.addr.port}`,
        proxyProtocol: { version: 1 },
      })
    );
    const conn = await listener.accept();
    const buffer = new Uint8Array(4096);
    let text = "";
    while (!text.includes("\r\n\r\n")) {
      const count = await conn.read(buffer);
      if (count === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    assertMatch(
      text,
      /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n(GET|POST) \//,
    );
    conn.close();
    await called;
  });
}

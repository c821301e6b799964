/**
 * Tunnels for the `RestClient` of `@cloudydeno/kubernetes-client`: runs a command and
 * forwards a port through them.
 *
 *     deno run --allow-net examples/kubernetes_tunnel.ts
 *
 * @module
 */

import { toText } from "jsr:@std/streams@1/to-text";
import { serveStreaming, withTunnels } from "../kubernetes/mod.ts";

// A server in place of a cluster. With a real one: `await (await loadKubeConfig()).target()`.
await using server = serveStreaming({
  async exec({ call, stdout }) {
    await new Blob([`ran ${call.command.join(" ")}\n`]).stream().pipeTo(stdout);
  },
  portForward: ({ readable, writable }) => readable.pipeTo(writable),
});
const target = { url: `http://127.0.0.1:${server.addr.port}` };

// In place of `await KubeConfigRestClient.readKubeConfig()`.
const restClient = {
  // deno-lint-ignore no-explicit-any
  performRequest(_options: any): Promise<any> {
    return Promise.reject(new Error("only tunnels here"));
  },
};
const client = withTunnels(restClient, target);

// exec
const command = await client.performRequest({
  method: "POST",
  path: "/api/v1/namespaces/default/pods/web/exec",
  querystring: new URLSearchParams([
    ["command", "ls"],
    ["command", "-l"],
    ["stdout", "true"],
  ]),
  expectTunnel: ["v4.channel.k8s.io"],
});
const [status, stdout] = await Promise.all(
  ["error", "stdout"].map((streamType) =>
    command.getChannel({
      spdyHeaders: { streamType },
      readable: true,
      writable: false,
    })
  ),
);
await command.ready();
console.log((await toText(stdout.readable)).trim());
console.log(JSON.parse(await toText(status.readable)).status);
await command.stop();

// port-forward
const ports = await client.performRequest({
  method: "POST",
  path: "/api/v1/namespaces/default/pods/web/portforward",
  expectTunnel: ["portforward.k8s.io"],
});
const headers = { port: 80, requestID: 0 };
await ports.getChannel({
  spdyHeaders: { streamType: "error", ...headers },
  readable: true,
  writable: false,
});
const data = await ports.getChannel({
  spdyHeaders: { streamType: "data", ...headers },
  readable: true,
  writable: true,
});
await new Blob(["forwarded"]).stream().pipeTo(data.writable);
console.log(await toText(data.readable));
await ports.stop();

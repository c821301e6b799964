/** Options that the public Kubernetes functions do not have. */
// cspell:ignore comand Timout transprot retrys adresses contex intervall

import { InvalidArgumentError } from "../../errors.ts";
import {
  attach,
  copyFrom,
  copyTo,
  exec,
  forwardPorts,
  loadKubeConfig,
  openTunnel,
  portForward,
  serveStreaming,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";

type Options = Record<string, unknown>;

/** Nothing listens here: a call that is not refused fails to connect. */
const url = "http://127.0.0.1:1/";
const copy = { url, local: "/nowhere", remote: "/nowhere" };
const ports = { target: { url }, ports: ["0:80"], addresses: ["127.0.0.1"] };
const request = { path: "/exec", expectTunnel: ["v4.channel.k8s.io"] };

const CALLS: Record<string, (options: Options) => unknown> = {
  exec: (options) => exec({ url, ...options }),
  attach: (options) => attach({ url, ...options }),
  portForward: (options) => portForward({ url, ...options }),
  copyTo: (options) => copyTo({ ...copy, ...options }),
  copyFrom: (options) => copyFrom({ ...copy, ...options }),
  forwardPorts: (options) => forwardPorts({ ...ports, ...options }),
  openTunnel: (options) => openTunnel({ url, ...options }, request),
  loadKubeConfig,
  serveStreaming: async (options) =>
    await serveStreaming(options as object).shutdown(),
};

const WRONG: Record<string, readonly (readonly [string, string | null])[]> = {
  exec: [["comand", "command"], ["stdErr", "stderr"], ["prot", "protocols"]],
  attach: [["tyt", "tty"], ["statusTimout", "statusTimeout"], [
    "command",
    null,
  ]],
  portForward: [["transprot", "transport"], ["stdin", null]],
  copyTo: [["onprogress", "onProgress"], ["retries", null]],
  copyFrom: [["retrys", "retries"], ["keepalive", "keepAlive"]],
  forwardPorts: [["onEvents", "onEvent"], ["adresses", "addresses"]],
  openTunnel: [["time_out", "timeout"], ["proxy_protocol", "proxyProtocol"]],
  loadKubeConfig: [["contex", "context"], ["impersonated", "impersonate"]],
  serveStreaming: [["onerror", "onError"], ["host", "hostname"]],
};

for (const [what, call] of Object.entries(CALLS)) {
  for (const [name, meant] of WRONG[what]) {
    Deno.test(`${what} refuses the option ${name}`, async () => {
      const error = await assertRejects(
        async () => await call({ [name]: 1 }),
        InvalidArgumentError,
      );
      assertEquals(
        error.message,
        `${what} has no option "${name}"` +
          (meant === null ? "" : `; did you mean "${meant}"?`),
      );
    });
  }

  Deno.test(`${what} treats an option that is undefined as one that is not set`, async () => {
    try {
      await call({ [WRONG[what][0][0]]: undefined });
    } catch (error) {
      // Nothing answers, or there is no such file.
      if (error instanceof InvalidArgumentError) throw error;
    }
  });
}

const NESTED: readonly [string, string, Options][] = [
  ["exec", 'pod has no option "nameSpace"; did you mean "namespace"?', {
    pod: { name: "web", nameSpace: "shop" },
  }],
  ["portForward", 'pod has no option "nam"; did you mean "name"?', {
    pod: { nam: "web" },
  }],
  ["attach", 'keepAlive has no option "intervall"; did you mean "interval"?', {
    keepAlive: { intervall: 1000 },
  }],
  ["exec", 'tls has no option "caCert"; did you mean "caCerts"?', {
    url: "https://127.0.0.1:1/",
    tls: { caCert: [] },
  }],
  ["exec", 'proxy has no option "header"; did you mean "headers"?', {
    proxy: { url, header: {} },
  }],
  ["copyTo", 'pod has no option "containers"; did you mean "container"?', {
    pod: { name: "web", containers: "main" },
  }],
  ["forwardPorts", 'target has no option "header"; did you mean "headers"?', {
    target: { url, header: {} },
  }],
  [
    "loadKubeConfig",
    'impersonate has no option "group"; did you mean "groups"?',
    {
      text: "",
      impersonate: { user: "ann", group: ["admins"] },
    },
  ],
];

for (const [what, message, options] of NESTED) {
  Deno.test(`${what}: ${message}`, async () => {
    await assertRejects(
      async () => await CALLS[what](options),
      InvalidArgumentError,
      message,
    );
  });
}

Deno.test("output of a process refuses an unknown option", async () => {
  await using server = serveStreaming({ exec: async () => {} });
  await using process = await exec({
    url: `http://127.0.0.1:${server.addr.port}`,
    pod: { name: "web" },
    command: ["true"],
  });
  await assertRejects(
    () => process.output({ maxByte: 1 } as object),
    InvalidArgumentError,
    'output has no option "maxByte"; did you mean "maxBytes"?',
  );
});

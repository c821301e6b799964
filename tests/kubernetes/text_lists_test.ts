/** Options of the Kubernetes functions that are strings, lists of strings, and URLs: wrong ones are refused before connecting. */

import { InvalidArgumentError } from "../../errors.ts";
import {
  attach,
  copyTo,
  exec,
  forwardPorts,
  loadKubeConfig,
  openTunnel,
  portForward,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";

// deno-lint-ignore no-explicit-any -- values that the types do not allow
type Any = any;

const NOBODY = "http://127.0.0.1:1/";

let dialled = 0;

function dial(): Promise<never> {
  dialled++;
  return Promise.reject(new Error("dialled"));
}

const CALLS: Record<string, (options: Any) => Promise<unknown>> = {
  exec: (options) => exec({ url: NOBODY, dial, ...options }),
  attach: (options) => attach({ url: NOBODY, dial, ...options }),
  portForward: (options) => portForward({ url: NOBODY, dial, ...options }),
  copyTo: (options) =>
    copyTo({ url: NOBODY, dial, local: "/x", remote: "/x", ...options }),
  openTunnel: ({ expectTunnel = ["v4.channel.k8s.io"], ...options }) =>
    openTunnel({ url: NOBODY, dial, ...options }, {
      path: "/exec",
      expectTunnel,
    }),
  forwardPorts: (options) =>
    forwardPorts({
      target: { url: NOBODY, dial },
      ports: ["0:80"],
      addresses: ["127.0.0.1"],
      ...options,
    }),
  loadKubeConfig,
};

const ANY_TARGET = ["exec", "attach", "portForward", "copyTo", "openTunnel"];

const CASES: readonly (readonly [readonly string[], object, string])[] = [
  [
    ["exec", "attach", "portForward", "openTunnel"],
    { url: "nonsense" },
    'url "nonsense" is not a URL',
  ],
  [
    ["exec", "attach", "portForward", "openTunnel"],
    { url: "ftp://h/" },
    'url "ftp://h/" is not an http: or https: URL',
  ],
  [["exec"], { command: "ls" }, 'command "ls" is not a list of strings'],
  [
    ["exec"],
    { command: ["ls", 5] },
    "command contains 5, which is not a string",
  ],
  [
    ["exec", "attach"],
    { protocols: "v4.channel.k8s.io" },
    'protocols "v4.channel.k8s.io" is not a list of strings',
  ],
  [
    ["exec", "attach"],
    { protocols: [5] },
    "protocols contains 5, which is not a string",
  ],
  [ANY_TARGET, { pod: { name: 5 } }, "pod.name 5 is not a string"],
  [ANY_TARGET, { pod: {} }, "pod.name undefined is not a string"],
  [
    ANY_TARGET,
    { pod: { name: "a", namespace: Symbol("x") } },
    "pod.namespace Symbol(x) is not a string",
  ],
  [
    ANY_TARGET,
    { pod: { name: "a", container: ["b"] } },
    "pod.container [b] is not a string",
  ],
  [
    ["forwardPorts"],
    { ports: "8080:80" },
    'ports "8080:80" is not a list of strings',
  ],
  [
    ["forwardPorts"],
    { ports: [80] },
    "ports contains 80, which is not a string",
  ],
  [
    ["forwardPorts"],
    { addresses: "127.0.0.1" },
    'addresses "127.0.0.1" is not a list of strings',
  ],
  [
    ["openTunnel"],
    { expectTunnel: "v4.channel.k8s.io" },
    'expectTunnel "v4.channel.k8s.io" is not a list of strings',
  ],
  [["forwardPorts"], { resource: 5 }, "resource 5 is not a string"],
  [["loadKubeConfig"], { paths: "/a" }, 'paths "/a" is not a list of strings'],
  [
    ["loadKubeConfig"],
    { text: "a: b", impersonate: { user: 5 } },
    "impersonate.user 5 is not a string",
  ],
  [
    ["loadKubeConfig"],
    { text: "a: b", impersonate: { user: "a", uid: 5 } },
    "impersonate.uid 5 is not a string",
  ],
  [["loadKubeConfig"], {
    text: "a: b",
    impersonate: { user: "a", groups: "dev" },
  }, 'impersonate.groups "dev" is not a list of strings'],
  [["loadKubeConfig"], {
    text: "a: b",
    impersonate: { user: "a", extra: { b: "c" } },
  }, 'impersonate.extra.b "c" is not a list of strings'],
];

/** As for numbers, `null` is a wrong value. Only callbacks and signals may be `null`. */
const NULL_CASES: typeof CASES = [
  [["exec"], { command: null }, "command null is not a list of strings"],
  [
    ["exec", "attach"],
    { protocols: null },
    "protocols null is not a list of strings",
  ],
  [
    ["exec", "attach", "portForward", "forwardPorts"],
    { transport: null },
    "transport null",
  ],
  [
    ANY_TARGET,
    { pod: { name: "a", namespace: null } },
    "pod.namespace null is not a string",
  ],
  [
    ANY_TARGET,
    { pod: { name: "a", container: null } },
    "pod.container null is not a string",
  ],
  [["exec", "portForward"], { timeout: null }, "timeout null"],
  [["forwardPorts"], { resource: null }, "resource null is not a string"],
  [["forwardPorts"], { namespace: null }, "namespace null is not a string"],
  [
    ["forwardPorts"],
    { addresses: null },
    "addresses null is not a list of strings",
  ],
  [["loadKubeConfig"], { paths: null }, "paths null is not a list of strings"],
];

for (const [names, options, text] of [...CASES, ...NULL_CASES]) {
  for (const name of names) {
    Deno.test(`${name}: ${text}`, async () => {
      await assertRejects(
        () => CALLS[name](options),
        InvalidArgumentError,
        text,
      );
      assertEquals(dialled, 0);
    });
  }
}

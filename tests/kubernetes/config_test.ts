import { delimiter } from "node:path";
import {
  KubeConfig,
  KubeConfigError,
  loadKubeConfig,
} from "../../kubernetes/mod.ts";
import {
  findInCluster,
  inClusterTarget,
} from "../../kubernetes/config/in_cluster.ts";
import { lineOf } from "../../kubernetes/config/locate.ts";
import { InvalidArgumentError } from "../../mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { withFolder } from "../helpers/folder.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { useEnvironment } from "../helpers/environment.ts";

/** A file without an end; on Windows, which has none, a long one. */
const ENDLESS = Deno.build.os === "windows" ? "long" : "/dev/zero";

const CA = (await makeCertificate()).caCert;
const base64 = (text: string): string =>
  new TextEncoder().encode(text).toBase64();

/** A kubeconfig with one cluster and one user, in block style. */
function kubeconfig(parts: { cluster?: string; user?: string } = {}): string {
  const { cluster = "server: https://10.0.0.1:6443", user = "{}" } = parts;
  return `apiVersion: v1
kind: Config
current-context: shop
contexts:
- context:
    cluster: east
    user: ann
    namespace: web
  name: shop
- name: other
  context:
    cluster: west
    user: ann
clusters:
- cluster:
    ${cluster.replaceAll("\n", "\n    ")}
  name: east
users:
- name: ann
  user:
    ${user.replaceAll("\n", "\n    ")}
`;
}

async function target(
  parts: { cluster?: string; user?: string },
): Promise<Awaited<ReturnType<KubeConfig["target"]>>> {
  const config = await loadKubeConfig({ text: kubeconfig(parts) });
  return await config.target();
}

Deno.test("a kubeconfig determines contexts, namespace and target", async () => {
  const config = await loadKubeConfig({
    text: kubeconfig({
      cluster: `server: https://10.0.0.1:6443
certificate-authority-data: ${base64(CA)}
tls-server-name: kubernetes
proxy-url: http://proxy.example:3128`,
      user: "token: secret",
    }),
  });
  assert(config instanceof KubeConfig);
  assertEquals(
    [config.contexts, config.currentContext, config.namespace],
    [["shop", "other"], "shop", "web"],
  );
  assertEquals<unknown>(await config.target(), {
    url: "https://10.0.0.1:6443",
    headers: [["authorization", "Bearer secret"]],
    tls: { caCerts: [CA], serverName: "kubernetes" },
    proxy: { url: "http://proxy.example:3128" },
  });
});

Deno.test("a kubeconfig in JSON is read as well", async () => {
  const text = JSON.stringify({
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: "https://a.example" } }],
    users: [{ name: "u", user: { username: "ann", password: "p:w" } }],
    preferences: {},
  });
  const config = await loadKubeConfig({ text });
  const { headers } = await config.target();
  assertEquals(headers, [["authorization", `Basic ${btoa("ann:p:w")}`]]);
});

Deno.test("context, cluster, user and namespace can be chosen", async () => {
  const text = `
contexts:
- { name: one, context: { cluster: east, user: ann, namespace: web } }
- { name: two, context: { cluster: west, user: bob } }
clusters:
- { name: east, cluster: { server: "https://east.example" } }
- { name: west, cluster: { server: "https://west.example/k8s/clusters/c-1/" } }
users:
- { name: ann, user: { token: "0123" } }
- { name: bob, user: { token: b } }
`;
  const of = async (
    options: Parameters<typeof loadKubeConfig>[0],
  ): Promise<unknown[]> => {
    const config = await loadKubeConfig({ text, ...options });
    const { url, headers } = await config.target();
    return [url, headers[0]?.[1], config.namespace];
  };
  assertEquals(
    await of({ context: "one" }),
    ["https://east.example", "Bearer 0123", "web"],
  );
  assertEquals(
    await of({ context: "two", user: "ann", namespace: "n" }),
    ["https://west.example/k8s/clusters/c-1/", "Bearer 0123", "n"],
  );
  assertEquals(
    await of({ context: "one", cluster: "west", token: "t" }),
    ["https://west.example/k8s/clusters/c-1/", "Bearer t", "web"],
  );
  // No context: a cluster is enough.
  assertEquals(
    await of({ cluster: "east" }),
    ["https://east.example", undefined, "default"],
  );
  const none = await loadKubeConfig({ text });
  assertEquals(none.currentContext, undefined);
  await assertRejects(
    () => none.target(),
    KubeConfigError,
    'no context is chosen; the contexts are "one", "two"',
  );
  for (
    const [options, message] of [
      [{ context: "three" }, 'the context "three" does not exist'],
      [{ context: "one", cluster: "x" }, 'the cluster "x" does not exist'],
      [{ context: "one", user: "x" }, 'the user "x" does not exist'],
    ] as const
  ) {
    await assertRejects(
      () => loadKubeConfig({ text, ...options }),
      KubeConfigError,
      message,
    );
  }
});

Deno.test("several files are merged: the first file's entries are used, and paths are relative to their file", async () => {
  await withFolder({
    "a/config": `current-context: ""
contexts:
- { name: shared, context: { cluster: c, user: u, namespace: first } }
users:
- { name: u, user: { tokenFile: token } }
`,
    "a/token": "from a\n",
    "b/config": `current-context: shared
contexts:
- { name: shared, context: { cluster: c, user: other, namespace: second } }
- { name: extra, context: { cluster: c, user: u } }
clusters:
- name: c
  cluster: { server: "https://b.example", certificate-authority: pki/ca.crt }
users:
- { name: u, user: { token: from-b } }
`,
    "b/pki/ca.crt": CA,
    "c/config": "current-context: extra\n",
  }, async (folder) => {
    const files = ["a", "b", "missing", "c"]
      .map((name) => `${folder}/${name}/config`);
    using _environment = useEnvironment({
      KUBECONFIG: [...files, files[0], ""].join(delimiter),
      HOME: folder,
    });
    const config = await loadKubeConfig();
    assertEquals(
      [config.contexts, config.currentContext, config.namespace],
      [["shared", "extra"], "shared", "first"],
    );
    const { url, headers, tls } = await config.target();
    assertEquals(
      [url, headers, tls?.caCerts],
      ["https://b.example", [["authorization", "Bearer from a"]], [CA]],
    );
    await assertRejects(
      () => loadKubeConfig({ paths: files }),
      KubeConfigError,
      `${files[2]}: it cannot be read`,
    );
  });
});

Deno.test("without KUBECONFIG, ~/.kube/config is read, and without both there is an error", async () => {
  await withFolder({ ".kube/config": kubeconfig() }, async (folder) => {
    using _environment = useEnvironment({
      KUBECONFIG: undefined,
      KUBERNETES_SERVICE_HOST: undefined,
      HOME: folder,
    });
    const { contexts } = await loadKubeConfig();
    assertEquals(contexts, ["shop", "other"]);
    await Deno.remove(`${folder}/.kube/config`);
    await assertRejects(
      () => loadKubeConfig(),
      KubeConfigError,
      "~/.kube/config does not exist",
    );
    Deno.env.set("KUBECONFIG", `${folder}/nowhere`);
    await assertRejects(
      () => loadKubeConfig(),
      KubeConfigError,
      "no file of KUBECONFIG exists",
    );
  });
});

Deno.test("a token file is read at each call", async () => {
  await withFolder({ token: "one\n" }, async (folder) => {
    const config = await loadKubeConfig({
      text: kubeconfig({ user: `tokenFile: ${folder}/token` }),
    });
    const authorization = async (): Promise<string> =>
      (await config.target()).headers[0][1];
    assertEquals(await authorization(), "Bearer one");
    await Deno.writeTextFile(`${folder}/token`, "two");
    assertEquals(await authorization(), "Bearer two");
    await Deno.writeTextFile(`${folder}/token`, "");
    await assertRejects(authorization, KubeConfigError, "the token is empty");
  });
});

Deno.test("a token file takes precedence over a token, which replaces a file that is missing or empty", async () => {
  await withFolder({ token: "of the file" }, async (folder) => {
    const file = `${folder}/token`;
    const config = await loadKubeConfig({
      text: kubeconfig({ user: `token: own\ntokenFile: ${file}` }),
    });
    const authorization = async (): Promise<string> =>
      (await config.target()).headers[0][1];
    assertEquals(await authorization(), "Bearer of the file");
    await Deno.writeTextFile(file, "\n");
    assertEquals(await authorization(), "Bearer own");
    await Deno.remove(file);
    assertEquals(await authorization(), "Bearer own");
  });
});

Deno.test("a token is sent in UTF-8", async () => {
  const expected = [["authorization", "Bearer t\u00c3\u00a9"]];
  assertEquals<unknown>(
    (await target({ user: "token: t\u00e9" })).headers,
    expected,
  );
  const config = await loadKubeConfig({ text: kubeconfig(), token: "t\u00e9" });
  assertEquals<unknown>((await config.target()).headers, expected);
});

Deno.test("in a pod, the service account is used and read at each call", async () => {
  await withFolder(
    { "token": "one", "ca.crt": CA, "namespace": "mine\n" },
    async (folder) => {
      using _environment = useEnvironment({
        KUBERNETES_SERVICE_HOST: "fd00::1",
        KUBERNETES_SERVICE_PORT: "443",
      });
      const found = await findInCluster(folder);
      assertEquals(found?.namespace, "mine");
      if (found === undefined) return;
      const overrides = { pluginTimeout: 0 };
      assertEquals<unknown>(await inClusterTarget(found, overrides), {
        url: "https://[fd00::1]:443",
        headers: [["authorization", "Bearer one"]],
        tls: { caCerts: [CA] },
      });
      // The token of the pod must not leave it in plain text.
      for (
        const [server, message] of [
          ["http://10.0.0.1:8080", "http://10.0.0.1:8080 does not use TLS"],
          ["ftp://10.0.0.1", "is not an http: or https: URL"],
        ]
      ) {
        await assertRejects(
          () => inClusterTarget(found, { ...overrides, server }),
          KubeConfigError,
          message,
        );
      }
      for (const server of ["10.0.0.1:443", "http://localhost:8080/"]) {
        const { url, tls } = await inClusterTarget(found, {
          ...overrides,
          server,
        });
        assertEquals(
          [url, tls?.caCerts],
          server.startsWith("http")
            ? ["http://localhost:8080", undefined]
            : ["https://10.0.0.1", [CA]],
        );
      }
      const other = (await makeCertificate()).caCert;
      await Deno.writeTextFile(`${folder}/token`, "two");
      await Deno.writeTextFile(`${folder}/ca.crt`, other);
      const { headers, tls } = await inClusterTarget(found, overrides);
      assertEquals(
        [headers[0][1], tls?.caCerts],
        ["Bearer two", [other]],
      );
      await Deno.writeTextFile(`${folder}/token`, "\n");
      await assertRejects(
        () => inClusterTarget(found, overrides),
        KubeConfigError,
        "/token: the token is empty",
      );
      await Deno.remove(`${folder}/token`);
      assertEquals(await findInCluster(folder), undefined);
    },
  );
});

Deno.test("a cluster that skips verification is refused, and the error names Deno's flag", async () => {
  const error = await assertRejects(
    () =>
      target({
        cluster:
          "server: https://h.example:6443\ninsecure-skip-tls-verify: true",
      }),
    KubeConfigError,
    "--unsafely-ignore-certificate-errors=h.example",
  );
  assertEquals(
    [error.line, error.field],
    [17, "clusters[0].cluster.insecure-skip-tls-verify"],
  );
  await target({
    cluster: "server: https://h.example\ninsecure-skip-tls-verify: false",
  });
});

Deno.test("credentials are only sent over TLS or to this machine", async () => {
  await assertRejects(
    () => target({ cluster: "server: http://10.0.0.1", user: "token: secret" }),
    KubeConfigError,
    "only sent over TLS",
  );
  for (const host of ["localhost:1", "127.0.0.1:8001", "[::1]:80"]) {
    const { url, tls } = await target({
      cluster: `server: http://${host}`,
      user: "token: secret",
    });
    assertEquals([url, tls], [`http://${host}`.replace(/:80$/, ""), undefined]);
  }
});

Deno.test("an error has line and field, and contains no secret", async () => {
  const cases: [
    text: string,
    line: number | undefined,
    field: string,
    message: RegExp,
  ][] = [
    ["a: [1,\nb: }\n", 2, "", /this is not YAML/],
    ["[".repeat(50_000), undefined, "", /nested too deeply/],
    ["kind: Pod\n", 1, "kind", /its kind is Pod/],
    ["\napiVersion: v2\n", 2, "apiVersion", /version v2 is not supported/],
    ["users: 7\n", 1, "users", /this must be a list/],
    ["users:\n- user: {}\n", 2, "users[0]", /this entry has no name/],
    [
      "users:\n- name: a\n- name: a\n",
      3,
      "users[1].name",
      /the name "a" is used twice/,
    ],
    [
      kubeconfig({ user: "token: [SECRET]" }),
      21,
      "users[0].user.token",
      /this must be a string, not a list/,
    ],
    [
      kubeconfig({ user: "client-certificate-data: '%SECRET'" }),
      21,
      "users[0].user.client-certificate-data",
      /this is not base64/,
    ],
    [
      kubeconfig({ user: `client-key-data: ${base64("SECRET")}` }),
      20,
      "users[0].user",
      /has a client-key but no client-certificate/,
    ],
    [
      kubeconfig({
        user: `client-certificate-data: ${base64(CA)}\nclient-key-data: ${
          base64("SECRET")
        }`,
      }),
      22,
      "users[0].user.client-key-data",
      /no private key in PEM/,
    ],
    [
      kubeconfig({ user: `token: "SECRET\\n"\nusername: SECRET` }),
      20,
      "users[0].user",
      /both a token and a password/,
    ],
    [
      kubeconfig({ user: `token: "SEC\\nRET"` }),
      21,
      "users[0].user.token",
      /control character/,
    ],
    [
      kubeconfig({ user: `tokenFile: ${ENDLESS}` }),
      21,
      "users[0].user.tokenFile",
      /has more than 1048576 bytes/,
    ],
    [
      kubeconfig({ user: "auth-provider: { name: gcp }" }),
      21,
      "users[0].user.auth-provider",
      /use a credential plugin/,
    ],
    [
      kubeconfig({ cluster: "server: ftp://x" }),
      16,
      "clusters[0].cluster.server",
      /is not an http: or https: URL/,
    ],
    [
      kubeconfig({ cluster: "certificate-authority: /nowhere/ca" }),
      16,
      "clusters[0].cluster.certificate-authority",
      /[\\/]nowhere[\\/]ca cannot be read/,
    ],
    [
      kubeconfig({ cluster: "server: https://x\nproxy-url: socks4://p" }),
      17,
      "clusters[0].cluster.proxy-url",
      /http:, https:, socks5: or socks5h:, not with socks4:/,
    ],
    [
      kubeconfig({ cluster: "server: https://x\ninsecure-skip-tls-verify: 7" }),
      17,
      "clusters[0].cluster.insecure-skip-tls-verify",
      /this must be true or false/,
    ],
  ];
  await withFolder({ long: "x".repeat(2 ** 20 + 1) }, async (folder) => {
    const file = `${folder}/config`;
    for (const [text, line, field, message] of cases) {
      await Deno.writeTextFile(file, text);
      const error = await assertRejects(
        async () => await (await loadKubeConfig({ paths: [file] })).target(),
        KubeConfigError,
      );
      assertMatch(error.message, message);
      assertEquals([error.file, error.line, error.field], [file, line, field]);
      assertStringIncludes(
        error.message,
        line === undefined ? file : `${file}:${line}: `,
      );
      assertEquals(error.message.includes("SECRET"), false, error.message);
    }
  });
});

Deno.test("a missing current context is reported with the line of current-context", async () => {
  const config = await loadKubeConfig({
    text: "contexts: []\ncurrent-context: x",
  });
  const error = await assertRejects(() => config.target(), KubeConfigError);
  assertEquals([error.line, error.field], [2, "current-context"]);
});

Deno.test("long and branching texts are refused or take little time", async () => {
  await assertRejects(
    () => loadKubeConfig({ text: "#".repeat(5 * 1024 * 1024) }),
    KubeConfigError,
    "more than 4194304 characters",
  );
  // Each alias doubles what is before it; aliases are not expanded.
  const lines = ["a0: &a0 [x, x]"];
  for (let i = 1; i < 60; i++) {
    lines.push(`a${i}: &a${i} [*a${i - 1}, *a${i - 1}]`);
  }
  const { contexts } = await loadKubeConfig({ text: lines.join("\n") });
  assertEquals(contexts, []);
  const merges = ["m0: &m0 { a: b }"];
  for (let i = 1; i < 30; i++) {
    const list = Array.from({ length: 500 }, () => `*m${i - 1}`);
    merges.push(`m${i}: &m${i} { <<: [${list}] }`);
  }
  const merged = await loadKubeConfig({
    text: `${merges.join("\n")}\n<<: *m29\n`,
  });
  assertEquals(merged.contexts, []);
  const { contexts: none } = await loadKubeConfig({
    text: "__proto__:\n  contexts: [{name: x}]\n",
  });
  assertEquals(none, []);
  await assertRejects(
    () => loadKubeConfig({ text: "", paths: [] }),
    InvalidArgumentError,
    "text and paths cannot be combined",
  );
});

Deno.test("lines are found in block style, and the enclosing line in flow style", () => {
  const text = `# a comment
---
users:
  - name: a
    user:
      token: |
        user:
        token: no
  -
    "user":
      # token: no
      token: x
list: [{a: 1,
  b: 2}]
`;
  assertEquals(lineOf(text, ["users"]), 3);
  assertEquals(lineOf(text, ["users", 0, "name"]), 4);
  assertEquals(lineOf(text, ["users", 0, "user", "token"]), 6);
  assertEquals(lineOf(text, ["users", 1]), 9);
  assertEquals(lineOf(text, ["users", 1, "user", "token"]), 12);
  assertEquals(lineOf(text, ["list", 0, "b"]), 13);
  assertEquals(lineOf(text, ["nothing"]), undefined);
  assertEquals(lineOf('{"a": {"b": 1}}', ["a", "b"]), undefined);
  // Only the first document counts.
  for (const end of ["---", "--- # next", "..."]) {
    assertEquals(lineOf(`---\na: 1\n${end}\na: 2\nb: 3\n`, ["a"]), 2);
    assertEquals(lineOf(`a: 1\n${end}\na: 2\nb: 3\n`, ["b"]), undefined);
  }
});

Deno.test("merge keys, CRLF and a byte order mark are read as in kubectl", async () => {
  const text = `\ufeff${
    kubeconfig({ user: "<<: [{ as: jane }, { <<: { token: merged } }]" })
  }`;
  const config = await loadKubeConfig({ text: text.replaceAll("\n", "\r\n") });
  assertEquals((await config.target()).headers, [
    ["authorization", "Bearer merged"],
    ["impersonate-user", "jane"],
  ]);
});

Deno.test("a file may be in UTF-16 with a byte order mark, and other encodings are refused", async () => {
  const text = kubeconfig({ user: "token: t\u00e9" });
  const units = Uint16Array.from(`\ufeff${text}`, (char) => char.charCodeAt(0));
  const little = new Uint8Array(units.length * 2);
  const view = new DataView(little.buffer);
  units.forEach((unit, index) => view.setUint16(index * 2, unit, true));
  const big = little.slice();
  units.forEach((unit, index) =>
    new DataView(big.buffer).setUint16(index * 2, unit)
  );
  await withFolder({}, async (folder) => {
    const paths = [`${folder}/config`];
    for (const bytes of [little, big]) {
      await Deno.writeFile(paths[0], bytes);
      const { headers } = await (await loadKubeConfig({ paths })).target();
      assertEquals(headers, [["authorization", "Bearer t\u00c3\u00a9"]]);
    }
    // One byte for each character, as in Latin-1.
    await Deno.writeFile(
      paths[0],
      Uint8Array.from(text, (char) => char.charCodeAt(0)),
    );
    await assertRejects(
      () => loadKubeConfig({ paths }),
      KubeConfigError,
      "it is neither in UTF-8 nor in UTF-16",
    );
  });
});

Deno.test("as in kubectl, the last of several fields with one name counts, and the first document", async () => {
  const text = `---\n${
    kubeconfig({ user: "token: one\ntoken: two" })
  }---\nkind: Pod\n`;
  const { headers } = await (await loadKubeConfig({ text })).target();
  assertEquals(headers, [["authorization", "Bearer two"]]);
  const error = await assertRejects(
    () => target({ user: "token: one\ntoken: {}" }),
    KubeConfigError,
  );
  assertEquals(error.line, 22);
});

Deno.test("a server without a scheme uses TLS if something says so, as in kubectl", async () => {
  const { cert, key } = await makeCertificate();
  const certificate = `client-certificate-data: ${base64(cert)}
client-key-data: ${base64(key)}`;
  const server = "server: a.example:6443";
  for (
    const [cluster, user, url] of [
      [server, "{}", "http://a.example:6443"],
      [
        `${server}\ncertificate-authority-data: ${base64(CA)}`,
        "{}",
        "https://a.example:6443",
      ],
      [server, certificate, "https://a.example:6443"],
    ]
  ) {
    assertEquals((await target({ cluster, user })).url, url);
  }
  await assertRejects(
    () => target({ cluster: `${server}\ninsecure-skip-tls-verify: true` }),
    KubeConfigError,
    "--unsafely-ignore-certificate-errors=a.example",
  );
});

Deno.test("y and n are booleans, as in YAML 1.1", async () => {
  const server = "server: https://a.example";
  await target({ cluster: `${server}\ninsecure-skip-tls-verify: n` });
  await assertRejects(
    () => target({ cluster: `${server}\ninsecure-skip-tls-verify: y` }),
    KubeConfigError,
    "--unsafely-ignore-certificate-errors=a.example",
  );
});

Deno.test("a cluster without TLS may skip verification, which it does not have", async () => {
  const { url } = await target({
    cluster: "server: http://localhost:8080\ninsecure-skip-tls-verify: true",
  });
  assertEquals(url, "http://localhost:8080");
});

Deno.test("a caller's token replaces an auth-provider, which is refused otherwise", async () => {
  const text = kubeconfig({ user: "auth-provider: { name: azure }" });
  const config = await loadKubeConfig({ text, token: "t" });
  assertEquals((await config.target()).headers, [[
    "authorization",
    "Bearer t",
  ]]);
  await assertRejects(
    async () => await (await loadKubeConfig({ text })).target(),
    KubeConfigError,
    'the auth-provider "azure" is not supported',
  );
});

Deno.test("a caller's token that is not allowed in a header is refused", async () => {
  for (const token of ["", "a\nb", " a"]) {
    await assertRejects(
      () => loadKubeConfig({ text: kubeconfig(), token }),
      InvalidArgumentError,
      "the token is empty",
    );
  }
});

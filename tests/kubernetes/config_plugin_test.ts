import { SYSTEM_CLOCK, useClock } from "../../connection/time/clock.ts";
import { PluginCache } from "../../kubernetes/config/plugin.ts";
import { KubeConfigError, loadKubeConfig } from "../../kubernetes/mod.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { stdFlags } from "../../tools/std.ts";
import { waitFor } from "../helpers/deadline.ts";
import { withFolder } from "../helpers/folder.ts";
import { turn } from "../helpers/virtual_time.ts";
import { unixOnly } from "../helpers/unix_only.ts";

const V1 = "client.authentication.k8s.io/v1";
const V1BETA1 = "client.authentication.k8s.io/v1beta1";

/** A kubeconfig whose user has the plugin that `fields` describes, in a folder with the plugin's script. */
async function withPlugin(
  script: string,
  fields: Readonly<Record<string, unknown>>,
  test: (
    target: (
      timeout?: number,
    ) => Promise<{ headers: [string, string][]; tls?: unknown }>,
    folder: string,
  ) => Promise<void>,
): Promise<void> {
  const config = {
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "c", user: "u" } }],
    clusters: [{
      name: "c",
      cluster: {
        server: "https://a.example:6443",
        "tls-server-name": "kubernetes",
        extensions: [
          { name: "other", extension: 1 },
          {
            name: "client.authentication.k8s.io/exec",
            extension: { port: 7, on: true },
          },
        ],
      },
    }],
    users: [{
      name: "u",
      user: {
        exec: {
          apiVersion: V1,
          command: "./plugin",
          interactiveMode: "Never",
          ...fields,
        },
      },
    }],
  };
  await withFolder({
    config: JSON.stringify(config),
    plugin: `#!/bin/sh\ncd "$(dirname "$0")"\n${script}`,
  }, async (folder) => {
    await Deno.chmod(`${folder}/plugin`, 0o755);
    const pathOf = (timeout?: number) =>
      loadKubeConfig({
        paths: [`${folder}/config`],
        pluginTimeout: timeout,
      });
    const loaded = new Map<number | undefined, ReturnType<typeof pathOf>>();
    await test(async (timeout) => {
      const config = loaded.get(timeout) ?? pathOf(timeout);
      loaded.set(timeout, config);
      return await (await config).target();
    }, folder);
  });
}

/** A shell command that prints a credential. */
function print(status: unknown, apiVersion = V1): string {
  const credential = { kind: "ExecCredential", apiVersion, status };
  return `cat <<'END'\n${JSON.stringify(credential)}\nEND\n`;
}

unixOnly.test("a credential plugin gets arguments, variables and the cluster, and returns a token", async () => {
  await withPlugin(
    `printf '%s' "$*|$GREETING|$KUBERNETES_EXEC_INFO" >seen\n${
      print({ token: "t" })
    }`,
    {
      args: ["--for", "a b"],
      env: [{ name: "GREETING", value: "hello" }],
      provideClusterInfo: true,
    },
    async (target, folder) => {
      assertEquals((await target()).headers, [["authorization", "Bearer t"]]);
      const [args, greeting, info] = (await Deno.readTextFile(`${folder}/seen`))
        .split("|");
      assertEquals([args, greeting], ["--for a b", "hello"]);
      assertEquals(JSON.parse(info), {
        kind: "ExecCredential",
        apiVersion: V1,
        spec: {
          cluster: {
            server: "https://a.example:6443",
            "tls-server-name": "kubernetes",
            config: { port: 7, on: true },
          },
          interactive: false,
        },
      });
    },
  );
});

unixOnly.test("without provideClusterInfo, a plugin gets nothing about the cluster; v1beta1 needs no mode", async () => {
  await withPlugin(
    `printf '%s' "$KUBERNETES_EXEC_INFO" >seen\n${
      print({ token: "t" }, V1BETA1)
    }`,
    { apiVersion: V1BETA1, interactiveMode: undefined },
    async (target, folder) => {
      await target();
      const info = JSON.parse(await Deno.readTextFile(`${folder}/seen`));
      assertEquals([info.apiVersion, info.spec.cluster], [V1BETA1, undefined]);
    },
  );
});

unixOnly.test("a credential plugin can return a client certificate", async () => {
  const { cert, key } = await makeCertificate();
  await withPlugin(
    print({ clientCertificateData: cert, clientKeyData: key }),
    {},
    async (target) => {
      const { headers, tls } = await target();
      assertEquals<unknown>(
        [headers, tls],
        [[], { cert, key, serverName: "kubernetes" }],
      );
    },
  );
});

unixOnly.test("a credential plugin can print YAML", async () => {
  const script = `cat <<'END'
kind: ExecCredential
apiVersion: ${V1}
status:
  token: 0123
  expirationTimestamp: 2020-01-01T00:00:00Z
END
`;
  await withPlugin(script, {}, async (target) => {
    const { headers } = await target();
    assertEquals(headers, [["authorization", "Bearer 0123"]]);
  });
});

unixOnly.test("a plugin's credential is kept until it expires, and simultaneous calls share a run", async () => {
  await withPlugin(
    `echo run >>runs\n${
      print({ token: "t", expirationTimestamp: "2100-01-01T00:00:00Z" })
    }`,
    {},
    async (target, folder) => {
      await Promise.all([target(), target()]);
      await target();
      assertEquals(await Deno.readTextFile(`${folder}/runs`), "run\n");
      const late = Date.parse("2100-01-01T00:00:00Z");
      using _clock = useClock({ ...SYSTEM_CLOCK, date: () => late });
      await target();
      assertEquals(await Deno.readTextFile(`${folder}/runs`), "run\nrun\n");
    },
  );
  // A run that fails is not kept.
  const cache = new PluginCache();
  await assertRejects(() => cache.get(() => Promise.reject(new Error("no"))));
  assertEquals(await cache.get(() => Promise.resolve({ token: "t" })), {
    token: "t",
  });
});

unixOnly.test("a plugin that cannot be run is reported with its install hint", async () => {
  await withPlugin("", {
    command: "no-such-plugin-anywhere",
    installHint: "Install it from https://plugins.example",
  }, async (target, folder) => {
    const error = await assertRejects(() => target(), KubeConfigError);
    assertStringIncludes(
      error.message,
      "no-such-plugin-anywhere cannot be run",
    );
    assertStringIncludes(
      error.message,
      "Install it from https://plugins.example",
    );
    assertEquals([error.file, error.field], [
      `${folder}/config`,
      "users[0].user.exec",
    ]);
  });
});

unixOnly.test("a plugin that fails or prints invalid output is reported without secrets", async () => {
  const cases: [
    script: string,
    fields: Record<string, unknown>,
    message: RegExp,
  ][] = [
    [
      "echo not logged in >&2; exit 3",
      {},
      /ended with exit code 3: not logged in/,
    ],
    ["head -c 3000000 /dev/zero", {}, /printed more than 1048576 bytes/],
    ["yes", {}, /printed more than 1048576 bytes/],
    ["echo SECRET", {}, /printed neither JSON nor YAML/],
    ['echo \'{"token":"SECRET"}\'', {}, /did not print an ExecCredential/],
    [
      print({ token: "SECRET" }, V1BETA1),
      {},
      /a credential of version "client.*v1beta1", not/,
    ],
    [print(null), {}, /printed no status/],
    [print({}), {}, /neither a token nor a client certificate/],
    [print({ token: 7 }), {}, /token is not a string/],
    [print({ token: "SEC\nRET" }), {}, /control character/],
    [print({ clientKeyData: "SECRET" }), {}, /only one of/],
    [print({ token: "SECRET", expirationTimestamp: "soon" }), {}, /not a time/],
    [
      print({ clientCertificateData: "c", clientKeyData: "SECRET" }),
      {},
      /no private key in PEM/,
    ],
    [print({ token: "t" }), {
      apiVersion: "client.authentication.k8s.io/v1alpha1",
      interactiveMode: "Never",
    }, /v1alpha1 of credential plugins is not supported/],
    [
      print({ token: "t" }),
      { interactiveMode: undefined },
      /interactiveMode is missing/,
    ],
    [print({ token: "t" }), { interactiveMode: "Maybe" }, /one of Never/],
    [print({ token: "t" }), { command: undefined }, /command is missing/],
  ];
  for (const [script, fields, message] of cases) {
    await withPlugin(script, fields, async (target) => {
      const error = await assertRejects(() => target(), KubeConfigError);
      assertMatch(error.message, message);
      assert(!/SEC\s*RET/.test(error.message), error.message);
      assert(!/SEC\s*RET/.test(String(error.cause)), String(error.cause));
    });
  }
});

Deno.test(
  "a plugin that does not end is killed, even if it has started another program",
  {
    // The reads of the outputs end only with the program in the background.
    sanitizeOps: false,
    sanitizeResources: false,
  },
  async () => {
    // The program in the background keeps the outputs open.
    await withPlugin("sleep 20 &\nsleep 20", {}, async (target) => {
      const error = await assertRejects(() => target(500), KubeConfigError);
      assertStringIncludes(error.message, "has not ended after 500 ms");
    });
  },
);

/** Replaces a property of an object until disposal. */
function replace(object: object, name: string, value: unknown): Disposable {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { value, configurable: true });
  return {
    [Symbol.dispose]() {
      if (before) Object.defineProperty(object, name, before);
      else Reflect.deleteProperty(object, name);
    },
  };
}

unixOnly.test("a plugin that needs a terminal is refused without one", async () => {
  using _stdin = replace(Deno.stdin, "isTerminal", () => false);
  await withPlugin(print({ token: "t" }), {
    interactiveMode: "Always",
  }, async (target) => {
    const error = await assertRejects(() => target(), KubeConfigError);
    assertStringIncludes(error.message, "needs a terminal");
  });
});

unixOnly.test("what a plugin writes to standard error is shown on a terminal", async () => {
  let shown = "";
  using _stdin = replace(Deno.stdin, "isTerminal", () => false);
  using _write = replace(Deno.stderr, "write", (bytes: Uint8Array) => {
    shown += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  });
  for (const isTerminal of [true, false]) {
    using _stderr = replace(Deno.stderr, "isTerminal", () => isTerminal);
    shown = "";
    const script = `echo open a browser >&2\n${print({ token: "t" })}`;
    await withPlugin(
      script,
      { interactiveMode: "IfAvailable" },
      async (target) => {
        await target();
        assertEquals(shown, isTerminal ? "open a browser\n" : "");
      },
    );
  }
});

unixOnly.test("standard error that takes parts or has no reader does not disturb a plugin", async () => {
  let shown = "";
  using _stdin = replace(Deno.stdin, "isTerminal", () => false);
  using _stderr = replace(Deno.stderr, "isTerminal", () => true);
  const writes = [
    (bytes: Uint8Array) => {
      shown += new TextDecoder().decode(bytes.subarray(0, 5));
      return Promise.resolve(Math.min(5, bytes.length));
    },
    () => Promise.reject(new Deno.errors.BrokenPipe("nobody reads")),
  ];
  for (const write of writes) {
    using _write = replace(Deno.stderr, "write", write);
    await withPlugin(
      `echo open a browser >&2\n${print({ token: "t" })}`,
      { interactiveMode: "IfAvailable" },
      async (target) => {
        assertEquals((await target()).headers, [["authorization", "Bearer t"]]);
        // An unhandled rejection would fail the test at the end of a turn.
        await turn();
      },
    );
  }
  assertEquals(shown, "open a browser\n");
});

unixOnly.test("a program exits although a plugin has left a program in the background", async () => {
  // It keeps standard error open.
  const script = `sleep 100 >/dev/null &\necho $! >background\n${
    print({ token: "t" })
  }`;
  await withPlugin(script, {}, async (_target, folder) => {
    const module = new URL("../../kubernetes/mod.ts", import.meta.url);
    await Deno.writeTextFile(
      `${folder}/program.ts`,
      `import { loadKubeConfig } from "${module}";
      const config = await loadKubeConfig({ paths: ["${folder}/config"] });
      console.log((await config.target()).headers.length);`,
    );
    const flags = ["--quiet", "--no-check", ...await stdFlags()];
    const ended = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", ...flags, `${folder}/program.ts`],
      stdout: "piped",
      stderr: "inherit",
    }).output();
    try {
      const { stdout } = await waitFor("the program to end", ended, 50_000);
      assertEquals(new TextDecoder().decode(stdout), "1\n");
    } finally {
      const id = Number(await Deno.readTextFile(`${folder}/background`));
      Deno.kill(id, "SIGKILL");
      await ended;
    }
  });
});

/** A kubeconfig whose current user is "ann", in JSON. */
function withUsers(users: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "c", user: "ann" } }],
    clusters: [{ name: "c", cluster: { server: "https://a.example" } }],
    users: Object.entries(users).map(([name, user]) => ({ name, user })),
  });
}

Deno.test("the invalid plugin of another user does no harm", async () => {
  const plugins = [
    { command: "x" },
    { apiVersion: V1BETA1 },
    { apiVersion: V1, command: "x" },
    { apiVersion: V1, command: "x", interactiveMode: "Sometimes" },
    { apiVersion: V1BETA1, command: "x", env: [{ value: "y" }] },
  ];
  for (const exec of plugins) {
    const text = withUsers({ ann: { token: "t" }, bob: { exec } });
    const config = await loadKubeConfig({ text });
    assertEquals((await config.target()).headers.length, 1);
    const other = await loadKubeConfig({ text, user: "bob" });
    await assertRejects(() => other.target(), KubeConfigError);
  }
});

Deno.test("a user with a client certificate needs no plugin", async () => {
  const { cert, key } = await makeCertificate();
  const base64 = (text: string): string =>
    new TextEncoder().encode(text).toBase64();
  const text = withUsers({
    ann: {
      "client-certificate-data": base64(cert),
      "client-key-data": base64(key),
      exec: { apiVersion: V1BETA1, command: "/nowhere/plugin" },
    },
  });
  const { tls } = await (await loadKubeConfig({ text })).target();
  assertEquals(tls?.cert, cert);
});

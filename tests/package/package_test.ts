/**
 * The package as its users get it: imported by URL, type-checked from another
 * project, bundled for Node, run with few permissions, published.
 */

import { fileURLToPath } from "node:url";
import { assertEquals, assertMatch, fail } from "../deps.ts";
import { stdFlags } from "../../tools/std.ts";
import { UPGRADE_FLAGS } from "../helpers/deno_version.ts";
import { withFolder } from "../helpers/folder.ts";

const root = new URL("../../", import.meta.url);

interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function finish(
  program: string,
  args: readonly string[],
  cwd?: string,
): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Two sessions that talk to each other; `library` is the specifier of the module. */
function sessionPair(library: string): string {
  return `
    import { CLIENT, PROTO_SPDY3_1, SERVER, Session } from "${library}";
    const client = new Session(CLIENT, PROTO_SPDY3_1, {
      send: (_session, data) => (server.recv(data), data.length),
      onCtrlRecv: (_session, frame) => { if (frame.frameType === 2) console.log(frame.nv[0][1]); },
    });
    const server = new Session(SERVER, PROTO_SPDY3_1, {
      send: (_session, data) => (client.recv(data), data.length),
      onRequestRecv: (session, streamId) => session.submitResponse(streamId, [[":status", "200"]]),
    });
    client.submitRequest(0, [[":method", "GET"], [":path", "/"]]);
    client.send();
    server.send();
  `;
}

Deno.test("mod.ts runs when imported by URL, with no import map and no permission", async () => {
  await using server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
  }, async (request) => {
    const { pathname } = new URL(request.url);
    try {
      const text = await Deno.readTextFile(new URL(`.${pathname}`, root));
      return new Response(text, {
        headers: { "content-type": "application/typescript" },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
  const library = `http://127.0.0.1:${server.addr.port}/mod.ts`;
  await withFolder({ "main.js": sessionPair(library) }, async (folder) => {
    const args = [
      "run",
      "--no-prompt",
      "--no-config",
      "--allow-import",
      "--reload",
      "main.js",
    ];
    const { code, stdout, stderr } = await finish(
      Deno.execPath(),
      args,
      folder,
    );
    assertEquals([code, stdout], [0, "200\n"], stderr);
  });
});

Deno.test("another project type-checks against the package with all its imports", async () => {
  const main = `
    import { connect, type Connection, Session, type SpdyServer } from "${new URL(
    "mod.ts",
    root,
  )}";
    import { FrameDecoder, type Frame } from "${new URL("frame/mod.ts", root)}";
    import { Inflate } from "${new URL("zlib/mod.ts", root)}";
    export const used: unknown[] = [connect, Session, FrameDecoder, Inflate];
    export type Types = [Connection, SpdyServer, Frame];
  `;
  const config =
    `{ "compilerOptions": { "strict": true, "noUncheckedIndexedAccess": false } }`;
  await withFolder(
    { "main.ts": main, "deno.json": config },
    async (folder) => {
      const { code, stderr } = await finish(Deno.execPath(), [
        "check",
        "--all",
        "main.ts",
      ], folder);
      assertEquals(code, 0, stderr);
    },
  );
});

const nodeVersion = await finish("node", ["--version"]).then(
  ({ stdout }) => stdout.trim(),
  () => undefined,
);

Deno.test({
  name: `mod.ts, ./frame and ./zlib run under Node, bundled (${
    nodeVersion ?? "there is no Node here"
  })`,
  ignore: nodeVersion === undefined && !Deno.env.has("CI"),
  async fn() {
    if (nodeVersion === undefined) fail("Node is missing");
    const scripts: Readonly<Record<string, string>> = {
      "mod.ts": sessionPair("./library.mjs"),
      "frame/mod.ts": `
        import { FrameDecoder, FrameEncoder, PING, PROTO_SPDY3 } from "./library.mjs";
        const decoder = new FrameDecoder(PROTO_SPDY3);
        decoder.push(new FrameEncoder(PROTO_SPDY3).encode({ frameType: PING, version: 3, flags: 0, length: 4, uniqueId: 200 }));
        console.log(decoder.next().uniqueId);
      `,
      "zlib/mod.ts": `
        import { Deflate, Inflate, SPDY3_DICTIONARY } from "./library.mjs";
        const options = { dictionary: SPDY3_DICTIONARY };
        const packed = new Deflate(options).push(new TextEncoder().encode("200"), "finish");
        console.log(new TextDecoder().decode(new Inflate(options).push(packed)));
      `,
    };
    for (const [entry, script] of Object.entries(scripts)) {
      await withFolder({ "main.mjs": script }, async (folder) => {
        const bundled = await finish(Deno.execPath(), [
          "bundle",
          "--quiet",
          "--no-check",
          "-o",
          `${folder}/library.mjs`,
          new URL(entry, root).href,
        ]);
        assertEquals(bundled.code, 0, bundled.stderr);
        const { code, stdout, stderr } = await finish(
          "node",
          ["main.mjs"],
          folder,
        );
        assertEquals([code, stdout], [0, "200\n"], `${entry}: ${stderr}`);
      });
    }
  },
});

Deno.test("each entry needs exactly the permissions in the README", async () => {
  const mod = new URL("mod.ts", root).href;
  const roundTrip = (server: string, client: string): string => `
    import { connect, serve } from "${mod}";
    await using server = serve({ ${server}, onListen() {} }, () => new Response("fine"));
    await using connection = await connect({ ${client} });
    console.log(await (await connection.fetch("http://localhost/")).text());
  `;
  const inPod = `
    import { exec, serveStreaming } from "${new URL(
    "kubernetes/mod.ts",
    root,
  )}";
    await using server = serveStreaming({ exec: (process) => process.stdout.getWriter().write(new TextEncoder().encode("fine")) && 0 });
    await using process = await exec({ url: "http://127.0.0.1:" + server.addr.port, pod: { name: "web" }, command: ["ls"] });
    console.log((await process.status).code);
  `;
  await withFolder({
    "kubernetes.js": inPod,
    "session.js": sessionPair(mod),
    "tcp.js": roundTrip(
      `hostname: "127.0.0.1", port: 0`,
      "port: server.addr.port",
    ),
    "unix.js": roundTrip(`path: "socket"`, `path: "socket"`),
  }, async (folder) => {
    const run = (file: string, ...flags: string[]): Promise<Finished> =>
      finish(Deno.execPath(), [
        "run",
        "--no-prompt",
        "--quiet",
        "--no-check",
        ...flags,
        file,
      ], folder);
    assertEquals((await run("session.js")).stdout, "200\n");
    assertEquals((await run("tcp.js", "--allow-net")).stdout, "fine\n");
    const kubernetes = await run(
      "kubernetes.js",
      "--allow-net",
      ...UPGRADE_FLAGS,
    );
    assertEquals(kubernetes.stdout, "0\n", kubernetes.stderr);
    const refused = await run("tcp.js");
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /Requires net access/);
    const unix = await run(
      "unix.js",
      "--allow-net",
      "--allow-read",
      "--allow-write",
    );
    assertEquals(unix.stdout, "fine\n", unix.stderr);
  });
});

Deno.test("the published package has no tests, recordings, tools, benchmarks or CI files", async () => {
  const args = [
    "publish",
    "--dry-run",
    "--allow-dirty",
    "--no-check",
    ...await stdFlags(),
  ];
  const { code, stdout, stderr } = await finish(
    Deno.execPath(),
    args,
    fileURLToPath(root),
  );
  assertEquals(code, 0, stderr);
  const published = [
    ...(stdout + stderr).matchAll(
      /^\s+(?:file:\/\/)?(\S+) \([\d.]+ ?[KM]?i?B\)$/gm,
    ),
  ]
    .map(([, path]) => path.replace(root.pathname, ""));
  const folders = new Set(
    published.map((path) =>
      path.includes("/") ? path.slice(0, path.indexOf("/")) : ""
    ),
  );
  assertEquals([...folders].sort(), [
    "",
    "capture",
    "cli",
    "connection",
    "frame",
    "http",
    "kubernetes",
    "session",
    "viewer",
    "zlib",
  ]);
  // Without JSR, this run uses another configuration, which is listed as well;
  // in reality it is deno.json.
  const hidden = published.filter((path) =>
    path.startsWith(".") && path !== ".deno.std.json"
  );
  assertEquals(hidden, []);
});

/** The groups of the front page. */
const CATEGORIES: readonly (string | undefined)[] = [
  "Client",
  "Connection",
  "Constants",
  "Error codes",
  "Errors",
  "Frames",
  "Server",
  "Session",
];

Deno.test("package: every symbol of the front page is in one of the categories", async () => {
  const { code, stdout, stderr } = await finish(Deno.execPath(), [
    "doc",
    "--json",
    new URL("mod.ts", root).href,
  ]);
  assertEquals(code, 0, stderr);
  interface Tag {
    readonly kind: string;
    readonly doc?: string;
  }
  interface Documented {
    readonly name: string;
    readonly declarations: readonly {
      readonly jsDoc?: { readonly tags?: readonly Tag[] };
    }[];
  }
  const { nodes } = JSON.parse(stdout) as {
    nodes: Record<string, { symbols: Documented[] }>;
  };
  const symbols = Object.values(nodes).flatMap((node) => node.symbols);
  const isGrouped = (symbol: Documented): boolean =>
    symbol.declarations.some((one) =>
      one.jsDoc?.tags?.some(({ kind, doc }) =>
        kind === "category" && CATEGORIES.includes(doc)
      )
    );
  assertEquals(
    symbols.filter((symbol) => !isGrouped(symbol)).map((symbol) => symbol.name),
    [],
    "these need a line `@category` with one of the categories at the end of their docstring",
  );
});

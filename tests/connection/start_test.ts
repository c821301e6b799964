/** What a program loads and creates when it starts. */

import { assert, assertEquals } from "../deps.ts";
import { ONE_REQUEST, runWatched } from "../helpers/watched_globals.ts";

const ROOT = new URL("../../", import.meta.url);

interface Dependency {
  readonly isDynamic?: boolean;
  readonly code?: { readonly specifier?: string };
}

/** The modules that importing `name` loads, as paths from the root. */
async function loadedBy(name: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", name],
    cwd: ROOT,
  }).output();
  const { roots, modules }: {
    roots: string[];
    modules: { specifier: string; dependencies?: Dependency[] }[];
  } = JSON.parse(new TextDecoder().decode(stdout));
  const dependencies = new Map(
    modules.map((module) => [module.specifier, module.dependencies ?? []]),
  );
  const loaded = new Set(roots);
  for (const specifier of loaded) {
    for (const { isDynamic, code } of dependencies.get(specifier) ?? []) {
      if (!isDynamic && code?.specifier) loaded.add(code.specifier);
    }
  }
  return [...loaded].map((specifier) => specifier.replace(ROOT.href, ""));
}

/** Modules that only some programs need. */
const LATE = [
  "http/upgrade/http_listener.ts",
  "http/upgrade/answer.ts",
  "http/upgrade/begin_upgrade.ts",
  "http/upgrade/upgrade_node_socket.ts",
  "http/server/server_exchange.ts",
  "http/server/received_request.ts",
  "connection/transport/proxy_tunnel.ts",
];

Deno.test("start: importing mod.ts loads no module of node, of upgrades, of a server's requests or of proxies", async () => {
  const loaded = await loadedBy("mod.ts");
  assert(loaded.includes("connection/time/clock.ts"));
  for (const name of LATE) await Deno.stat(new URL(name, ROOT));
  const late = loaded.filter((name) =>
    name.startsWith("node:") || LATE.includes(name)
  );
  assertEquals(late, []);
});

Deno.test("start: a client creates no Request, Response, Headers or web stream for a short text", async () => {
  const { printed } = await runWatched(
    ["Request", "Response", "Headers", "ReadableStream", "TransformStream"],
    `${ONE_REQUEST} console.log(created.length, created.join());`,
  );
  assertEquals(printed, "200 true hello\n0");
});

Deno.test("start: if a module of a server cannot be loaded, the server reports it, and the client's connection ends", async () => {
  const folder = await Deno.makeTempDir();
  const map = `${folder}/imports.json`;
  const missing = new URL("http/server/server_exchange.ts", ROOT).href;
  await Deno.writeTextFile(
    map,
    JSON.stringify({ imports: { [missing]: "./missing.ts" } }),
  );
  const program = `${folder}/program.ts`;
  await Deno.writeTextFile(
    program,
    `
    import * as m from ${JSON.stringify(new URL("mod.ts", ROOT).href)};
    const server = m.serve(
      {
        hostname: "127.0.0.1",
        port: 0,
        onListen() {},
        onConnectionError: (error) => console.log(error.name),
      },
      () => new Response("never"),
    );
    for (let count = 0; count < 2; count++) {
      const client = await m.connect(server.addr);
      const error = await client.fetch("/").catch((error) => error);
      console.log(error.cause.name);
      await client.close().catch(() => {});
    }
    await server.shutdown();
    `,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--import-map", map, program],
  }).output();
  const decoder = new TextDecoder();
  const error = decoder.decode(stderr);
  assert(error.includes("requests cannot be answered"), error);
  assert(error.includes("missing.ts"), error);
  assertEquals(error.split("requests cannot be answered").length, 2, error);
  const lines = decoder.decode(stdout).trim().split("\n");
  assertEquals(lines.filter((line) => line === "TypeError").length, 2);
  assertEquals(
    lines.filter((line) => line === "ConnectionClosedError").length,
    2,
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("start: small writes of the first turns are sent together", async () => {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-check",
      `
      import * as m from ${JSON.stringify(new URL("mod.ts", ROOT).href)};
      let writes = 0;
      const client = new m.Connection({
        read: () => new Promise(() => {}),
        write: (data) => (writes++, Promise.resolve(data.length)),
        closeWrite: () => Promise.resolve(),
        close() {},
      }, { side: m.CLIENT, version: m.PROTO_SPDY3_1 });
      const stream = await client.openStream([["a", "b"]]);
      for (let count = 0; count < 100; count++) {
        await stream.write(new Uint8Array(10));
      }
      await stream.closeWrite();
      console.log(writes);
      Deno.exit(0);
      `,
    ],
  }).output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  const writes = Number(decoder.decode(stdout));
  assert(writes > 0 && writes <= 6, `${writes} writes`);
});

Deno.test("start: without node:process, a connection works after the first turns", async () => {
  const folder = await Deno.makeTempDir();
  const map = `${folder}/imports.json`;
  await Deno.writeTextFile(
    map,
    JSON.stringify({ imports: { "node:process": "./missing.ts" } }),
  );
  const program = `${folder}/program.ts`;
  await Deno.writeTextFile(
    program,
    `
    import * as m from ${JSON.stringify(new URL("mod.ts", ROOT).href)};
    const server = m.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) => new Response(new URL(request.url).pathname),
    );
    const client = await m.connect(server.addr);
    let answered = 0;
    for (let count = 0; count < 100; count++) {
      const response = await client.fetch("/" + count);
      if (await response.text() === "/" + count) answered++;
    }
    await client.close();
    await server.shutdown();
    console.log(answered);
    `,
  );
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--import-map", map, program],
  }).output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  assertEquals(decoder.decode(stdout), "100\n");
  await Deno.remove(folder, { recursive: true });
});

/**
 * Checks the imports of the library. Each layer imports only itself and the
 * layers below it, the folders inside a layer and the files beside them keep an
 * order as well (`import_order.ts`), and there are no cycles. Only the standard
 * library and Node are imported from outside.
 * Also checks that the layers below the connection do not use `Deno`, and that
 * time comes from one place.
 *
 * @module
 */

import { upwardImports } from "./import_order.ts";
import { stdFlags } from "./std.ts";

/** Lowest first: a layer may import itself and those before it. */
const LAYERS: readonly (readonly [layer: string, pattern: RegExp])[] = [
  ["errors", /^(errors|numbers|values|bytes|compiled_code)\.ts$/],
  ["zlib", /^zlib\//],
  ["frame", /^frame\//],
  ["capture", /^capture\//],
  ["viewer", /^viewer\//],
  ["session", /^session(\.ts|\/)/],
  ["connection", /^connection(\.ts|\/)/],
  ["http", /^http\//],
  ["mod", /^mod\.ts$/],
  ["kubernetes", /^kubernetes\//],
  // The version that the command line prints is that of the package.
  ["cli", /^(cli(\.ts|\/)|deno\.json$)/],
];
/** The folders inside layers, lowest first; see {@linkcode upwardImports}. */
const FOLDERS: readonly string[] = [
  "frame/compression",
  "connection/time",
  "connection/buffers",
  "connection/transport",
  "connection/stream",
  "connection/flow",
  "connection/telemetry",
  "http/platform",
  "http/message",
  "http/telemetry",
  "http/fetch",
  "http/upgrade",
  "http/client",
  "http/server",
  "kubernetes/config",
  "kubernetes/api",
  "kubernetes/call",
  "kubernetes/spdy",
  "kubernetes/websocket",
  "kubernetes/server",
  "kubernetes/copy",
  "kubernetes/copy/tar",
  "kubernetes/forwarding",
  "cli/bench",
  "cli/decode",
  "cli/get",
  "cli/proxy",
];
const PURE = new Set(["errors", "zlib", "frame", "capture", "session"]);
const ENTRIES = [
  "mod.ts",
  "connection/mod.ts",
  "frame/mod.ts",
  "zlib/mod.ts",
  "capture/mod.ts",
  "viewer/main.ts",
  "kubernetes/mod.ts",
  "cli.ts",
];
/** Layers whose time comes from {@linkcode CLOCK}, so that tests can replace it. */
const TIMED = new Set(["connection", "http", "kubernetes"]);
const CLOCK = "connection/time/clock.ts";
/** The timers of the clock. */
const TIMERS = "connection/time/system_timers.ts";
/** Layers that may use the standard library, through deps.ts. */
const MAY_USE_STD = new Set(["kubernetes", "cli"]);

interface Module {
  specifier: string;
  dependencies?: {
    specifier: string;
    code?: { specifier: string };
    type?: { specifier: string };
  }[];
}

const root = new URL("../", import.meta.url);
const faults: string[] = [];
const graph = new Map<string, string[]>();

for (const entry of ENTRIES) {
  if (await exists(entry)) await addGraph(entry);
}
for (const [from, targets] of graph) checkModule(from, targets);
faults.push(...upwardImports(graph, FOLDERS));
checkCycles();

if (faults.length > 0) {
  for (const fault of faults) console.error(fault);
  Deno.exit(1);
}
console.log(
  `imports: ${graph.size} modules import only downwards, without cycles`,
);

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(new URL(path, root)).then(() => true, () => false);
}

async function addGraph(entry: string): Promise<void> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...await stdFlags(), entry],
    cwd: root,
  }).output();
  if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
  const modules: Module[] =
    JSON.parse(new TextDecoder().decode(output.stdout)).modules;
  for (const module of modules) {
    if (!module.specifier.startsWith(root.href)) continue;
    const targets = (module.dependencies ?? []).map((dependency) => {
      const target = dependency.code?.specifier ?? dependency.type?.specifier ??
        "";
      return target.startsWith(root.href)
        ? target.slice(root.href.length)
        : dependency.specifier;
    });
    graph.set(module.specifier.slice(root.href.length), targets);
  }
}

function layerOf(path: string): number {
  return LAYERS.findIndex(([, pattern]) => pattern.test(path));
}

function checkModule(from: string, targets: string[]): void {
  if (from === "deps.ts") {
    for (const target of targets) {
      if (!target.startsWith("jsr:@std/")) {
        faults.push(
          `deps.ts: ${target} is not a module of the Deno standard library`,
        );
      }
    }
    return;
  }
  const layer = layerOf(from);
  if (layer < 0) {
    faults.push(
      `${from}: belongs to no layer; add it to LAYERS in tools/check_imports.ts`,
    );
    return;
  }
  const name = LAYERS[layer][0];
  for (const target of targets) {
    if (target === "deps.ts") {
      if (!MAY_USE_STD.has(name)) {
        faults.push(
          `${from}: only ${[...MAY_USE_STD].join(", ")} may import deps.ts`,
        );
      }
    } else if (layerOf(target) < 0) {
      const builtIn = target.startsWith("node:") && !PURE.has(name);
      if (!builtIn) {
        faults.push(
          `${from}: imports ${target}, which is not in this repository; only deps.ts may do that`,
        );
      }
    } else if (layerOf(target) > layer) {
      faults.push(
        `${from}: imports ${target}, which belongs to a higher layer`,
      );
    }
  }
  if (PURE.has(name)) {
    // These layers do no I/O and read no clock.
    checkLines(
      from,
      /\bDeno\.|\bDate\.now|\bperformance\.|\bsetTimeout\(|\bsetInterval\(/,
      "must not be used below the connection layer",
    );
  } else if (TIMED.has(name) && from !== CLOCK && from !== TIMERS) {
    checkLines(
      from,
      /\b((set|clear)(Timeout|Interval|Immediate)|performance|Date\.now|nextTick|AbortSignal\.timeout)\b|\bnew Date\(\)/,
      `must not be used; time comes from ${CLOCK}`,
    );
  }
}

/** Reports the lines of code that match `pattern`. */
function checkLines(path: string, pattern: RegExp, what: string): void {
  const lines = Deno.readTextFileSync(new URL(path, root)).split("\n");
  lines.forEach((line, index) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line)) return;
    const found = line.match(pattern);
    if (found) faults.push(`${path}:${index + 1}: ${found[0]} ${what}`);
  });
}

function checkCycles(): void {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (module: string): void => {
    if (path.includes(module)) {
      faults.push(
        `cycle: ${[...path.slice(path.indexOf(module)), module].join(" -> ")}`,
      );
      return;
    }
    if (done.has(module)) return;
    path.push(module);
    for (const target of graph.get(module) ?? []) visit(target);
    path.pop();
    done.add(module);
  };
  for (const module of graph.keys()) visit(module);
}

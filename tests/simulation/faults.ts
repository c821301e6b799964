/**
 * Puts known faults back, one at a time, into a copy of this project, and tells
 * how many seeds it takes until the simulation sees each:
 * `deno task simulate-faults`. Words after it choose the faults whose names have
 * one of them.
 *
 * @module
 */

import type { Family } from "./families.ts";

/** A change of the source. */
interface Change {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

interface Fault {
  readonly name: string;
  readonly family: Family;
  readonly changes: readonly Change[];
}

const FAULTS: readonly Fault[] = [
  {
    name: "the session's window waits for who reads",
    family: "readingOrder",
    changes: [{
      file: "connection/session_events.ts",
      from: "[CREDIT_ON_ARRIVAL]: true,",
      to: "[CREDIT_ON_ARRIVAL]: false,",
    }],
  },
  {
    name: "reading is held back while the application waits for more",
    family: "readingOrder",
    changes: [{
      file: "connection/receive_flow.ts",
      from: 'this.#hold(wait === "none" || this.#buffered > this.#most);',
      to: "this.#hold(true);",
    }, {
      file: "connection/receive_flow.ts",
      from: 'if (!this.#holding || wait !== "need" || this.#mayHold) return;',
      to: "if (Date.now() > 0) return;",
    }],
  },
  {
    name: "a reset in the middle of a frame loses window",
    family: "cancel",
    changes: [{
      file: "session/inbound_data.ts",
      from: "return this.skipped(size);",
      to: "return core.receiveWindow?.deliver(size);",
    }],
  },
  {
    name: "one stream's fault ends the connection",
    family: "overrun",
    changes: [{
      file: "connection/connection_core.ts",
      from: "for (const state of ready) this.#submit(state);",
      to: "for (const state of ready) state.submit(this.session);",
    }],
  },
  {
    name: "an upload ends cleanly once the response has left",
    family: "http",
    changes: [{
      file: "http/server/linger.ts",
      from: "if (receiveBuffer.ended) drop(0);\n  else keep();",
      to: "drop(0);",
    }, {
      file: "connection/receive_buffer.ts",
      from: 'if (this.#closed || this.#end?.kind === "failed") return;\n' +
        "    this.#dropping ??= reason;",
      to: "if (this.#closed || reason === undefined) return;\n" +
        "    this.#closed = true;\n" +
        "    this.#controller?.close();\n" +
        "    this.#pending?.result.resolve(null);\n" +
        "    this.#pending = undefined;",
    }],
  },
  {
    name: "a broken transport whose reading is held back never ends",
    family: "heldReading",
    changes: [{
      file: "connection/connection_core.ts",
      from: "if (this.#inputEnded || this.#io.readingPaused) {",
      to: "if (this.#inputEnded) {",
    }, {
      file: "connection/connection_core.ts",
      from: "this.#watch(() => this.#cutOff(reason));",
      to: "this.#watch(() => this.#io.readingPaused || this.#cutOff(reason));",
    }],
  },
  {
    name: "pushes that nobody asked for are kept",
    family: "push",
    changes: [{
      file: "connection/connection_core.ts",
      from: "(parent?.mostWaiting === undefined || this.incoming.asked) &&",
      to: "",
    }],
  },
  {
    name: "an orderly end cuts what still moves",
    family: "clocks",
    changes: [{
      file: "connection/progress.ts",
      from: "for (const timer of this.#timers) timer.touch();",
      to: "",
    }],
  },
  {
    name: "a lower initial window resets what was sent before",
    family: "lowWindow",
    changes: [{
      file: "session/session_settings.ts",
      from: "const lowered = window < this.#granted;",
      to: "const lowered = false;",
    }],
  },
];

/** Seeds after which a fault counts as not seen. */
const MOST_SEEDS = 20_000;
const ROOT = new URL("../../", import.meta.url).pathname;

/** Copies what the simulation needs; the copy shares nothing with this project. */
async function copyProject(target: string): Promise<void> {
  const { stdout } = await new Deno.Command("git", {
    args: ["ls-files", "*.ts", "deno.json"],
    cwd: ROOT,
  }).output();
  for (const file of new TextDecoder().decode(stdout).trim().split("\n")) {
    const to = `${target}/${file}`;
    await Deno.mkdir(to.slice(0, to.lastIndexOf("/")), { recursive: true });
    await Deno.copyFile(`${ROOT}${file}`, to);
  }
}

/** Puts a fault in, or with `undone` takes it out again. */
async function change(
  root: string,
  { changes, name }: Fault,
  undone: boolean,
): Promise<void> {
  for (const { file, from, to } of changes) {
    if (undone) {
      await Deno.copyFile(`${ROOT}${file}`, `${root}/${file}`);
      continue;
    }
    const text = await Deno.readTextFile(`${root}/${file}`);
    if (text.split(from).length !== 2) {
      throw new Error(`${name}: ${file} does not have once: ${from}`);
    }
    await Deno.writeTextFile(`${root}/${file}`, text.replace(from, () => to));
  }
}

/** Runs seeds until one fails. */
async function find(root: string, family: Family): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "tools/std.ts", "run", "-A", "--no-check"],
      "tests/simulation/run.ts",
      ...["--family", family, "--seeds", `${MOST_SEEDS}`, "--failures", "1"],
    ],
    cwd: root,
  }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  const found = /(\d+) seeds, (\d+) failed, ([\d.]+) s,/.exec(text);
  if (found === null) throw new Error(text + decoder.decode(stderr));
  const [, seeds, failed, seconds] = found;
  const what = text.split("\n")[1]?.trim().slice(0, 100);
  return failed === "0"
    ? `NOT SEEN in ${seeds} seeds`
    : `${seeds} seeds, ${seconds} s: ${what}`;
}

function isChosen(name: string): boolean {
  return Deno.args.length === 0 ||
    Deno.args.some((word) => name.includes(word));
}

const copy = await Deno.makeTempDir({ prefix: "simulation-faults-" });
let unseen = 0;
try {
  await copyProject(copy);
  for (const fault of FAULTS.filter(({ name }) => isChosen(name))) {
    await change(copy, fault, false);
    const result = await find(copy, fault.family);
    console.log(`${fault.name} (${fault.family}): ${result}`);
    if (result.startsWith("NOT SEEN")) unseen++;
    await change(copy, fault, true);
  }
} finally {
  await Deno.remove(copy, { recursive: true });
}
if (unseen > 0) Deno.exit(1);

/**
 * Runs the command line as a process of its own.
 *
 * @module
 */

import { connect, type Connection } from "../../mod.ts";
import { stdFlags } from "../../tools/std.ts";
import { Lines } from "../helpers/lines.ts";

const flags = await stdFlags();
const CLI = new URL("../../cli.ts", import.meta.url).pathname;
/** A command that has not ended by then is broken, ms. */
const LONGEST_RUN = 60_000;

/** What became of a process. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it was. */
  readonly bytes: Uint8Array;
}

/** What a run takes besides the arguments. */
export interface RunOptions {
  /** Standard input; default none. */
  readonly input?: Uint8Array<ArrayBuffer>;
  /** Permissions; default all. */
  readonly permissions?: readonly string[];
  /** Environment; NO_COLOR is set unless this says otherwise. */
  readonly env?: Record<string, string>;
}

/** The command that runs the command line. */
export function command(
  args: readonly string[],
  permissions: readonly string[] = ["-A"],
): string[] {
  return [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--quiet",
    "--no-check",
    ...flags,
    ...permissions,
    CLI,
    ...args,
  ];
}

/** Runs the command line to its end. */
export async function run(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const [program, ...rest] = command(args, options.permissions);
  const process = new Deno.Command(program, {
    args: rest,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(LONGEST_RUN),
  }).spawn();
  const writer = process.stdin.getWriter();
  if (options.input !== undefined) await writer.write(options.input);
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  return {
    code,
    stdout: decode(stdout),
    stderr: decode(stderr),
    bytes: stdout,
  };
}

/** Runs the command line on a pseudo-terminal made by `script`, of so many columns; both outputs come as one. */
export async function runOnTerminal(
  args: readonly string[],
  columns = 0,
): Promise<string> {
  const quoted = command(args).map((part) =>
    `'${part.replaceAll("'", "'\\''")}'`
  ).join(" ");
  const output = await new Deno.Command("script", {
    args: ["-qec", `stty cols ${columns}; ${quoted}`, "/dev/null"],
    env: { TERM: "xterm", NO_COLOR: "" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(LONGEST_RUN),
  }).output();
  return decode(output.stdout);
}

/** A server command under way. */
export interface Running extends AsyncDisposable {
  /** What it said first: where it listens. */
  readonly url: string;
  /** Asks it to end as Ctrl-C does; resolves to its exit code and everything it said. */
  interrupt(
    signal?: Deno.Signal,
  ): Promise<{ code: number; stdout: string }>;
}

/** Starts a command without input; its output is piped. */
export function spawn(
  args: readonly string[],
  stderr: "inherit" | "piped",
): Deno.ChildProcess {
  const [program, ...rest] = command(args);
  return new Deno.Command(program, {
    args: rest,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr,
  }).spawn();
}

/** Starts a command that listens, and waits until it says where. */
export async function start(args: readonly string[]): Promise<Running> {
  const process = spawn(args, "inherit");
  const lines = new Lines(process.stdout);
  const [url] = await lines.find(/\w+:\/\/\S+/);
  let ended: Promise<{ code: number; stdout: string }> | undefined;
  const interrupt = (
    signal: Deno.Signal = "SIGINT",
  ): Promise<{ code: number; stdout: string }> =>
    ended ??= (async () => {
      process.kill(signal);
      await lines.rest();
      return { code: (await process.status).code, stdout: lines.text };
    })();
  return {
    url,
    interrupt,
    async [Symbol.asyncDispose](): Promise<void> {
      await interrupt();
    },
  };
}

/** Takes one connection, answers nothing and sends PINGs until the other side is gone. */
export async function talk(listener: Deno.TcpListener): Promise<void> {
  using conn = await listener.accept();
  const gone = conn.readable.pipeTo(new WritableStream()).catch(() => {});
  let open = true;
  gone.then(() => open = false);
  const ping = new DataView(
    new Uint8Array([0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 0]).buffer,
  );
  for (let id = 2; open; id += 2) {
    ping.setUint32(8, id);
    try {
      await conn.write(new Uint8Array(ping.buffer));
    } catch {
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/**
 * A port nobody listens on. It is not one that the system gives out: another test
 * could get that meanwhile.
 */
export function closedPort(): number {
  return 1;
}

/** Connects to where a command says that it listens. */
export async function connectTo(
  url: string,
  version?: 2 | 3 | 4,
): Promise<Connection> {
  return await connect({
    hostname: "127.0.0.1",
    port: Number(new URL(url).port),
    version,
  });
}

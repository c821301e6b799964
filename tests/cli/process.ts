/**
 * Runs the command line as a process of its own.
 *
 * @module
 */

import { connect, type Connection } from "../../mod.ts";
import { stdFlags } from "../../tools/std.ts";
import { toText } from "../deps.ts";
import { Lines } from "../helpers/lines.ts";

const flags = await stdFlags();
const CLI = new URL("../../cli.ts", import.meta.url).href;
/** A command that has not ended after this time is broken, ms. */
const LONGEST_RUN = 60_000;

/** A process that has ended. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output before it was decoded. */
  readonly bytes: Uint8Array;
}

/** The options of a run. */
export interface RunOptions {
  /** Standard input; default none. */
  readonly input?: Uint8Array<ArrayBuffer>;
  /** Permissions; default all. */
  readonly permissions?: readonly string[];
  /** Environment; NO_COLOR is set unless this says otherwise. */
  readonly env?: Record<string, string>;
  /** Working directory; default that of this process. */
  readonly cwd?: string;
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
  { input, permissions, env, cwd }: RunOptions = {},
): Promise<Finished> {
  const signal = AbortSignal.timeout(LONGEST_RUN);
  const process = spawn(
    args,
    { env, cwd, signal, stdin: "piped" },
    permissions,
  );
  const ended = process.output();
  const writer = process.stdin.getWriter();
  if (input !== undefined) await writer.write(input);
  await writer.close();
  const { code, stdout, stderr } = await ended;
  return {
    code,
    stdout: decode(stdout),
    stderr: decode(stderr),
    bytes: stdout,
  };
}

/**
 * Runs the command line on a pseudo-terminal that `script` makes, with this number
 * of columns and this value of TERM. Resolves to both outputs together.
 */
export async function runOnTerminal(
  args: readonly string[],
  columns = 0,
  term = "xterm",
): Promise<string> {
  const quoted = command(args).map((part) =>
    `'${part.replaceAll("'", "'\\''")}'`
  ).join(" ");
  const output = await new Deno.Command("script", {
    args: ["-qec", `stty cols ${columns}; ${quoted}`, "/dev/null"],
    env: { TERM: term, NO_COLOR: "" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal: AbortSignal.timeout(LONGEST_RUN),
  }).output();
  return decode(output.stdout);
}

/** A server command that is running. */
export interface Running extends AsyncDisposable {
  /** The address that it printed first. */
  readonly url: string;
  /** The lines that it prints after its address. */
  readonly lines: Lines;
  /**
   * Sends a signal; resolves to its exit code and all that it printed. A test that looks
   * at these is for Unix only.
   */
  interrupt(
    signal?: Deno.Signal,
  ): Promise<{ code: number; stdout: string; stderr: string }>;
}

/**
 * Starts a command. It has no input, and both outputs are piped, unless `options`
 * says otherwise.
 */
export function spawn(
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
  permissions?: readonly string[],
): Deno.ChildProcess {
  const [program, ...rest] = command(args, permissions);
  return new Deno.Command(program, {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
    args: rest,
    env: { NO_COLOR: "1", ...options.env },
  }).spawn();
}

/** Starts a command that listens, and waits until it has printed its address. */
export async function start(args: readonly string[]): Promise<Running> {
  const process = spawn(args);
  const lines = new Lines(process.stdout);
  const stderr = toText(process.stderr);
  let url: string;
  try {
    [url] = await lines.find(/\w+:\/\/\S+/);
  } catch (error) {
    throw new Error(await stderr, { cause: error });
  }
  const end = async (
    signal: Deno.Signal,
  ): Promise<{ code: number; stdout: string; stderr: string }> => {
    // Windows cannot send a signal: the process ends at once.
    process.kill(Deno.build.os === "windows" ? "SIGKILL" : signal);
    await lines.rest();
    const { code } = await process.status;
    return { code, stdout: lines.text, stderr: await stderr };
  };
  let ended: ReturnType<typeof end> | undefined;
  const interrupt: Running["interrupt"] = (signal = "SIGINT") =>
    ended ??= end(signal);
  return {
    url,
    lines,
    interrupt,
    async [Symbol.asyncDispose](): Promise<void> {
      await interrupt();
    },
  };
}

/** Accepts one connection, answers nothing and sends PINGs until the other side closes it. */
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
 * A port on which nobody listens. It is not a free one from the system, because
 * another test could get that one at the same time.
 */
export function closedPort(): number {
  return 1;
}

/** Connects to the address that a command printed. */
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

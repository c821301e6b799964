/**
 * Runs a command in a container, or attaches to the one that runs in it.
 *
 * @module
 */

import type { NameValue } from "../frame/types.ts";
import type { RawConnection } from "../connection.ts";
import type { Stream } from "../connection/stream.ts";
import {
  type TargetOptions,
  targetUrl,
  unlessAborted,
  upgradeToSpdy,
  withinTimeout,
} from "./dial.ts";
import { StreamingRefusedError } from "./errors.ts";
import { openStreams } from "./open.ts";
import { createProcess, type RemoteProcess } from "./process.ts";
import {
  COMMAND_PROTOCOLS,
  type CommandProtocol,
  type CommandStreams,
  type CommandStreamType,
  STREAM_TYPE,
  streamTypes,
} from "./protocol.ts";

/** What `attach` takes. */
export interface AttachOptions extends TargetOptions {
  /** Sends standard input; default false. */
  readonly stdin?: boolean;
  /** Takes standard output; default true. */
  readonly stdout?: boolean;
  /** Takes standard error; default true, but false with a terminal. */
  readonly stderr?: boolean;
  /** The process has a terminal; default false. */
  readonly tty?: boolean;
  /** Sub-protocols to offer, best first; default all of `COMMAND_PROTOCOLS`. */
  readonly protocols?: readonly CommandProtocol[];
}

/** What `exec` takes. */
export interface ExecOptions extends AttachOptions {
  /** The command and its arguments. Needed with `pod`; a streaming URL knows it already. */
  readonly command?: readonly string[];
}

/**
 * Runs a command in a container.
 *
 * Rejects with `StreamingRefusedError` when the server does not take the request,
 * with the signal's reason when that comes first, with `ConnectionClosedError`
 * when the server takes too long, with the socket's error when nobody can be
 * reached.
 *
 * @example
 * ```ts
 * import { exec, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * // Stands in for a cluster. With a real one: its URL, `tls: { caCerts }`, and
 * // `headers: { authorization }` or `tls: { cert, key }`.
 * await using server = serveStreaming({
 *   async exec({ stdin, stdout }) {
 *     await stdin.pipeTo(stdout);
 *   },
 * });
 * await using process = await exec({
 *   url: `http://127.0.0.1:${server.addr.port}`,
 *   pod: { name: "web", namespace: "shop" },
 *   command: ["cat"],
 *   stdin: true,
 *   stderr: false,
 * });
 * const sent = new Blob(["hello"]).stream().pipeTo(process.stdin);
 * assertEquals(await new Response(process.stdout).text(), "hello");
 * await sent;
 * assertEquals((await process.status).code, 0);
 * ```
 */
export function exec(options: ExecOptions): Promise<RemoteProcess> {
  const command = (options.command ?? [])
    .map((word): NameValue => ["command", word]);
  return start(options, "exec", command);
}

/**
 * Attaches to the process a container was started with. It goes on when the
 * connection ends.
 *
 * Rejects as {@linkcode exec} does.
 *
 * @example
 * ```ts
 * import { attach, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * await using server = serveStreaming({
 *   async attach({ stdout }) {
 *     await new Blob(["still running"]).stream().pipeTo(stdout);
 *   },
 * });
 * await using process = await attach({
 *   url: `http://127.0.0.1:${server.addr.port}`,
 *   pod: { name: "web" },
 *   stderr: false,
 * });
 * assertEquals(await new Response(process.stdout).text(), "still running");
 * ```
 */
export function attach(options: AttachOptions): Promise<RemoteProcess> {
  return start(options, "attach", []);
}

async function start(
  options: AttachOptions,
  subresource: "exec" | "attach",
  command: readonly NameValue[],
): Promise<RemoteProcess> {
  const { tty = false, protocols = COMMAND_PROTOCOLS } = options;
  const wanted: CommandStreams = {
    stdin: options.stdin ?? false,
    stdout: options.stdout ?? true,
    stderr: options.stderr ?? !tty,
    tty,
  };
  const url = targetUrl(options, subresource, [...command, ...query(wanted)]);
  return await withinTimeout(options, async (signal) => {
    const upgraded = await upgradeToSpdy(url, options, protocols, signal);
    const { connection } = upgraded;
    try {
      // A server from before sub-protocols says nothing: that is the first one.
      const chosen = upgraded.protocol ?? "channel.k8s.io";
      const protocol = protocols.find((name) => name === chosen);
      if (protocol === undefined) {
        throw new StreamingRefusedError(
          101,
          `the server chose ${chosen}, which was not offered`,
        );
      }
      const types = streamTypes(protocol, wanted);
      const streams = await unlessAborted(open(connection, types), signal);
      return createProcess({
        connection,
        protocol,
        streams,
        signal: options.signal,
      });
    } catch (error) {
      await connection.close();
      throw error;
    }
  });
}

async function open(
  connection: RawConnection,
  types: readonly CommandStreamType[],
): Promise<ReadonlyMap<CommandStreamType, Stream>> {
  const opened = await openStreams(
    connection,
    types.map((type) => ({ nv: [[STREAM_TYPE, type]] })),
  );
  // moby/spdystream 0.5.1 silently drops DATA that comes before it has replied.
  await Promise.all(opened.map((stream) => stream.response));
  return new Map(types.map((type, index) => [type, opened[index]]));
}

function query(wanted: CommandStreams): NameValue[] {
  return Object.entries(wanted)
    .filter(([, value]) => value)
    .map(([name]) => [name, "true"]);
}

/**
 * Runs a command in a container, or attaches to the one that runs in it.
 *
 * @module
 */

import { checkTexts } from "../connection/option_kinds.ts";
import { unlessAborted } from "../connection/time/unless_aborted.ts";
import type { NameValue } from "../frame/types.ts";
import { InvalidArgumentError } from "../errors.ts";
import { checkTimeout } from "../numbers.ts";
import type { Names } from "../values.ts";
import type { ClientChannels } from "./channels.ts";
import {
  copyTarget,
  TARGET_NAMES,
  type TargetOptions,
  targetUrl,
  upgradeToSpdy,
  withinTimeout,
} from "./dial.ts";
import { StreamingRefusedError } from "./errors.ts";
import { createProcess, type RemoteProcess } from "./process.ts";
import {
  checkTransport,
  COMMAND_PROTOCOLS,
  type CommandProtocol,
  type CommandStreams,
  protocolsOver,
  streamTypes,
  traitsOf,
  type Transport,
} from "./protocol.ts";
import { openChannels } from "./spdy/client_channels.ts";
import { openMessageChannels } from "./websocket/client_channels.ts";
import { openWebSocket } from "./websocket/handshake.ts";
import { WebSocketPeer } from "./websocket/peer.ts";

/** Default of `maxBufferedBytes` for a WebSocket, bytes; the same as over SPDY. */
const MAX_BUFFERED = 4 * 1024 * 1024;
/** The limit while a reader waits for a channel without bytes. */
const MAX_UNREAD = 64 * 1024 * 1024;

/** The options of `attach`. */
export interface AttachOptions extends TargetOptions {
  /** Sends standard input; default false. */
  readonly stdin?: boolean;
  /** Receives standard output; default true. */
  readonly stdout?: boolean;
  /** Receives standard error; default true, but false with a terminal. */
  readonly stderr?: boolean;
  /** The process has a terminal; default false. */
  readonly tty?: boolean;
  /**
   * The transport of the channels. `"websocket"` passes more proxies and gateways.
   * `"spdy"` is supported by every version of Kubernetes and every container
   * runtime. `"auto"` tries a WebSocket with `v5.channel.k8s.io`, as kubectl does,
   * and then the SPDY upgrade if the server refuses the WebSocket (before
   * Kubernetes 1.30); it does not if the connection breaks.
   *
   * Default: `"auto"` with `pod`, otherwise `"spdy"`: the URL of a container
   * runtime is valid for a single request.
   */
  readonly transport?: Transport | "auto";
  /**
   * Sub-protocols to offer, best first; default: all of `COMMAND_PROTOCOLS` that
   * the transport supports. Over a WebSocket with `stdin`, the default is only
   * `v5.channel.k8s.io`, because the others cannot end standard input. With
   * `transport: "auto"`, a WebSocket offers no other one in any case.
   */
  readonly protocols?: readonly CommandProtocol[];
  /**
   * Longest wait for the exit status after all outputs have ended (or were
   * cancelled), ms; 0: no limit. A process can close its outputs and continue, and
   * a server can forget the status: see `docs/kubernetes.md`.
   *
   * Default: 120000 after the server has ended all outputs, counted from the last
   * input that it received; no limit after outputs that you have cancelled. Over a
   * WebSocket, no server ends an output before it sends the status.
   */
  readonly statusTimeout?: number;
}

/** The options of `exec`. */
export interface ExecOptions extends AttachOptions {
  /** The command and its arguments. Required with `pod`; a streaming URL already contains them. */
  readonly command?: readonly string[];
}

const ATTACH_NAMES: Names<AttachOptions> = {
  ...TARGET_NAMES,
  stdin: true,
  stdout: true,
  stderr: true,
  tty: true,
  transport: true,
  protocols: true,
  statusTimeout: true,
};

const EXEC_NAMES: Names<ExecOptions> = { ...ATTACH_NAMES, command: true };

/**
 * Runs a command in a container.
 *
 * Rejects with `StreamingRefusedError` when the server refuses the request, with the
 * signal's reason when the signal aborts first, with `ConnectionClosedError` when the
 * server takes longer than `timeout`, and with Deno's error when no connection can be
 * opened.
 *
 * @example
 * ```ts
 * import { exec, serveStreaming } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * // A server in place of a cluster. With a real one: its URL, `tls: { caCerts }`, and
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
export async function exec(options: ExecOptions): Promise<RemoteProcess> {
  const own = copyTarget("exec", options, EXEC_NAMES);
  const { command = [] } = own;
  checkTexts("command", command);
  const words = command.map((word): NameValue => ["command", word]);
  return await start(own, "exec", words);
}

/**
 * Attaches to the process that a container was started with. The process continues
 * when the connection ends.
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
export async function attach(options: AttachOptions): Promise<RemoteProcess> {
  const own = copyTarget("attach", options, ATTACH_NAMES);
  return await start(own, "attach", []);
}

async function start(
  options: AttachOptions,
  subresource: "exec" | "attach",
  command: readonly NameValue[],
): Promise<RemoteProcess> {
  const { tty = false, transport, protocols, statusTimeout } = options;
  if (transport !== undefined) checkTransport(transport);
  if (protocols !== undefined) checkTexts("protocols", protocols);
  checkTimeout("statusTimeout", statusTimeout ?? 0);
  const asked: CommandStreams = {
    stdin: options.stdin ?? false,
    stdout: options.stdout ?? true,
    stderr: options.stderr ?? !tty,
    tty,
  };
  const query = Object.entries(asked)
    .filter(([, value]) => value)
    .map(([name]): NameValue => [name, "true"]);
  const url = targetUrl(options, subresource, [...command, ...query]);
  const attempt: Attempt = {
    url,
    options,
    asked,
    offers: offersOf(options, asked),
  };
  return await withinTimeout(options, async (signal) => {
    const { channels, protocol } = await connect(attempt, signal);
    return createProcess({
      channels,
      protocol,
      signal: options.signal,
      statusTimeout,
    });
  }, "the server did not accept the upgrade and its streams");
}

/** The protocols to offer over each transport, in this order; at least one. */
type Offers = readonly (readonly [Transport, readonly CommandProtocol[]])[];

interface Attempt {
  readonly url: URL;
  readonly options: AttachOptions;
  readonly asked: CommandStreams;
  readonly offers: Offers;
}

interface Connected {
  readonly channels: ClientChannels;
  readonly protocol: CommandProtocol;
}

function offersOf(
  { pod, protocols, transport = pod === undefined ? "spdy" : "auto" }:
    AttachOptions,
  { stdin }: CommandStreams,
): Offers {
  const known = protocols ?? COMMAND_PROTOCOLS;
  const overWebSocket = protocolsOver("websocket", known).filter((name) => {
    const { hasClose } = traitsOf(name);
    // An API server before 1.30 would accept an older sub-protocol, in which a client
    // cannot end stdin; over SPDY it can.
    if (transport === "auto") return hasClose;
    return hasClose || protocols !== undefined || !stdin;
  });
  const all: Offers = [
    ["websocket", overWebSocket],
    ["spdy", protocolsOver("spdy", known)],
  ];
  const offers = all.filter(([name, offered]) =>
    offered.length > 0 && (transport === "auto" || transport === name)
  );
  if (offers.length > 0) return offers;
  throw new InvalidArgumentError(
    `there is no sub-protocol to offer over ${transport}: protocols is ${
      JSON.stringify(known)
    }`,
  );
}

/** Tries one transport after the other; the next one if the server refuses the upgrade. */
async function connect(
  attempt: Attempt,
  signal: AbortSignal,
): Promise<Connected> {
  const [[transport, protocols], ...others] = attempt.offers;
  try {
    return transport === "spdy"
      ? await connectSpdy(attempt, protocols, signal)
      : await connectWebSocket(attempt, protocols, signal);
  } catch (error) {
    const isLast = others.length === 0;
    if (isLast || !(error instanceof StreamingRefusedError)) throw error;
    return await connect({ ...attempt, offers: others }, signal);
  }
}

async function connectWebSocket(
  { url, options, asked }: Attempt,
  protocols: readonly CommandProtocol[],
  signal: AbortSignal,
): Promise<Connected> {
  const { conn, protocol } = await openWebSocket(
    url,
    options,
    protocols,
    signal,
  );
  const { maxBufferedBytes = MAX_BUFFERED, keepAlive } = options;
  const channels = openMessageChannels(new WebSocketPeer(conn, true), {
    protocol,
    asked,
    keepAlive,
    maxBufferedBytes,
    maxUnreadBytes: options.maxBufferedBytes ?? MAX_UNREAD,
  });
  return { channels, protocol };
}

async function connectSpdy(
  { url, options, asked }: Attempt,
  protocols: readonly CommandProtocol[],
  signal: AbortSignal,
): Promise<Connected> {
  const upgraded = await upgradeToSpdy(url, options, protocols, signal);
  const { connection } = upgraded;
  try {
    // A server without sub-protocols uses the first version.
    const chosen = upgraded.protocol ?? "channel.k8s.io";
    const protocol = protocols.find((name) => name === chosen);
    if (protocol === undefined) {
      throw new StreamingRefusedError(
        101,
        `the server chose ${chosen}, which was not offered`,
      );
    }
    const opening = openChannels(connection, streamTypes(protocol, asked));
    return { protocol, channels: await unlessAborted(opening, signal) };
  } catch (error) {
    await connection.close();
    throw error;
  }
}

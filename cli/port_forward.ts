/**
 * `spdy port-forward`: ports of a pod, on this machine.
 *
 * @module
 */

import { closeQuietly } from "../connection/byte_conn.ts";
import { PortForwardError } from "../kubernetes/errors.ts";
import type { ForwardedConnection } from "../kubernetes/forwarded.ts";
import {
  portForward as forwardToPod,
  type PortForwarder,
} from "../kubernetes/port_forward.ts";
import { acceptAll } from "../connection/accept_loop.ts";
import { readArguments } from "./arguments.ts";
import {
  type Command,
  EXIT_OK,
  readWhole,
  reasonOf,
  UsageError,
} from "./command.ts";
import { untilInterrupted } from "./listen.ts";
import {
  POD_ALIASES,
  POD_HELP,
  POD_LISTS,
  POD_VALUES,
  podTarget,
} from "./pod.ts";
import { print, printError, show } from "./terminal.ts";

/** `spdy port-forward POD LOCAL:REMOTE...` */
export const portForward: Command = {
  name: "port-forward",
  summary: "reach ports of a Kubernetes pod from this machine",
  help: `Usage: spdy port-forward [OPTION...] POD [LOCAL:]REMOTE...

Listens on 127.0.0.1 and carries each connection to a port of the pod, all of
them over one SPDY/3.1 session. LOCAL is REMOTE unless named, 0 any free port.

      --transport NAME   "websocket", "spdy", or "auto": a WebSocket, and SPDY
                         where the server refuses it; the default for a pod
${POD_HELP}
      --help             this text

Ctrl-C ends it. Permissions: --allow-net, --allow-read for the files named.`,
  async run(args: string[]): Promise<number> {
    const { values, lists, positionals } = readArguments(args, {
      lists: POD_LISTS,
      values: [...POD_VALUES, "transport"],
      aliases: POD_ALIASES,
    });
    const [pod, ...ports] = positionals;
    if (ports.length === 0) {
      throw new UsageError("port-forward needs POD and a port");
    }
    const pairs: { local: number; remote: number }[] = ports.map(readPorts);
    const transport = readTransport(values.transport);
    await using forwarder = await forwardToPod({
      ...await podTarget(values, lists, pod),
      transport,
    });
    const listeners = pairs.map(({ local }) =>
      Deno.listen({ hostname: "127.0.0.1", port: local })
    );
    let interrupted = false;
    const shutdown = (): Promise<void> => {
      interrupted = true;
      return forwarder.close();
    };
    const tell = (error: unknown, remote: number): void => {
      // Ctrl-C ends every connection; that is no failure of each.
      if (!interrupted) printError(show`${failureOf(error, remote)}`);
    };
    listeners.forEach((listener, index) =>
      listen(listener, forwarder, pairs[index].remote, tell)
    );
    try {
      await untilInterrupted({ finished: forwarder.closed, shutdown });
    } finally {
      for (const listener of listeners) listener.close();
    }
    if (interrupted) return EXIT_OK;
    throw new Error(
      "the server ended the session: nothing is forwarded any more",
    );
  },
};

function readPorts(text: string): { local: number; remote: number } {
  const [remote, local = remote, ...rest] = text.split(":").reverse().map(
    readWhole,
  );
  const known = [remote, local].every((port) => port <= 65535);
  if (!known || remote === 0 || rest.length > 0) {
    throw new UsageError(`"${text}": write it as 8080:80, or 80`);
  }
  return { local, remote };
}

function readTransport(
  text: string | undefined,
): "auto" | "spdy" | "websocket" | undefined {
  if (
    text === undefined || text === "auto" || text === "spdy" ||
    text === "websocket"
  ) return text;
  throw new UsageError(
    `--transport ${text}: known are auto, spdy and websocket`,
  );
}

/** Carries every connection to the pod; one that fails does not hurt the others. */
async function listen(
  listener: Deno.TcpListener,
  forwarder: PortForwarder,
  remote: number,
  tell: (error: unknown, remote: number) => void,
): Promise<void> {
  print(
    show`Forwarding from tcp://127.0.0.1:${listener.addr.port} to ${remote}`,
  );
  await acceptAll(listener, {
    take: (conn) =>
      void carry(conn, forwarder, remote).catch((error) => tell(error, remote)),
    error: (error) => tell(error, remote),
  });
}

/** Names the port, unless the error does. */
function failureOf(error: unknown, remote: number): string {
  const reason = reasonOf(error);
  return error instanceof PortForwardError
    ? reason
    : `port ${remote}: ${reason}`;
}

/** What is used of a connection that was accepted. */
type LocalConn = Pick<
  Deno.TcpConn,
  "read" | "write" | "closeWrite" | "close"
>;

/** Both directions at once, each ended by itself: `conn.readable` would close both at the first end. */
export async function carry(
  conn: LocalConn,
  forwarder: PortForwarder,
  remote: number,
): Promise<void> {
  let connection: ForwardedConnection | undefined;
  try {
    connection = await forwarder.connect(remote);
    await Promise.all([
      sendAll(conn, connection),
      receiveAll(connection.readable, conn),
    ]);
  } finally {
    // One direction that failed leaves the other one nothing to do.
    connection?.close();
    closeQuietly(conn);
  }
}

async function sendAll(
  conn: LocalConn,
  { writable }: ForwardedConnection,
): Promise<void> {
  const writer = writable.getWriter();
  for (;;) {
    const buffer = new Uint8Array(65536);
    const count = await conn.read(buffer);
    try {
      if (count === null) return await writer.close();
      await writer.write(buffer.subarray(0, count));
    } catch {
      // The pod may be done before this end has said everything.
      return;
    }
  }
}

async function receiveAll(
  readable: ReadableStream<Uint8Array>,
  conn: LocalConn,
): Promise<void> {
  for await (const chunk of readable) {
    for (let at = 0; at < chunk.length;) {
      at += await conn.write(chunk.subarray(at));
    }
  }
  await conn.closeWrite();
}

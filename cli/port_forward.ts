/**
 * `spdy port-forward`: forwards ports of a pod to this machine.
 *
 * @module
 */

import { withBrackets } from "../connection/transport/host_name.ts";
import { InvalidArgumentError } from "../errors.ts";
import { isPod } from "../kubernetes/api/resource.ts";
import type { TargetOptions } from "../kubernetes/dial.ts";
import { PortForwardError } from "../kubernetes/errors.ts";
import type { ForwardEvent } from "../kubernetes/forwarding/events.ts";
import { forwardPorts } from "../kubernetes/forwarding/forward_ports.ts";
import { readPorts } from "../kubernetes/forwarding/ports.ts";
import { type Command, EXIT_OK, reasonOf, UsageError } from "./command.ts";
import { defineCommand } from "./help.ts";
import { untilInterrupted } from "./listen.ts";
import { readOptions } from "./options.ts";
import { openCluster, POD_OPTIONS, reaching, readPodName } from "./pod.ts";
import { print, printError, show } from "./terminal.ts";

const OPTIONS = [
  {
    name: "address",
    value: "LIST",
    repeated: true,
    help:
      'addresses to listen on, with commas between them; default "localhost", which is 127.0.0.1 and ::1',
  },
  {
    name: "transport",
    value: "websocket|spdy|auto",
    help:
      '"auto", the default for a pod: a WebSocket, and SPDY if the server refuses it',
  },
  ...POD_OPTIONS,
] as const;

/** `spdy port-forward POD [LOCAL:]REMOTE...` */
export const portForward: Command = defineCommand({
  name: "port-forward",
  summary: "reach ports of a Kubernetes pod from this machine",
  usage: "[OPTION...] [TYPE/]NAME [LOCAL:]REMOTE...",
  about:
    `Listens on 127.0.0.1 and ::1, and forwards each connection to a port of the pod.
[TYPE/]NAME is a pod, or its owner or service, such as deploy/web or svc/web.
For a service, REMOTE is a port of the service, not of the pod. REMOTE is a
number, or the name of a port. LOCAL is REMOTE unless it is given; 0 or nothing
(":80") is any free port.

When the pod is replaced or the connection breaks, the ports stay open, and the
command connects to the next pod. It writes each event to standard error.`,
  options: OPTIONS,
  notes:
    `Ctrl-C ends it. Permissions: --allow-net, --allow-read and --allow-env for the
kubeconfig and the files named, --allow-run for credential plugins.`,
  async run(args: string[]): Promise<number> {
    const { values, lists, positionals } = readOptions(args, OPTIONS);
    const [name, ...ports] = positionals;
    if (ports.length === 0) {
      throw new UsageError("port-forward needs POD and a port");
    }
    checkPorts(ports);
    const addresses = lists.address.flatMap((list) => list.split(","))
      .filter((address) => address !== "");
    const transport = readTransport(values.transport);
    const isUrl = name === "-";
    if (isUrl && !values.server) {
      throw new UsageError('POD "-" needs --server with a streaming URL');
    }
    const cluster = await openCluster(values, lists);
    const isOnePod = isUrl || isPod(readPodName(name, cluster.namespace));
    let url: string | URL = values.server ?? "";
    const target = async (): Promise<TargetOptions> => {
      const target = await cluster.target();
      // A streaming URL is used unchanged, with its query.
      if (isUrl) return { ...target, url };
      ({ url } = target);
      return target;
    };
    let isFirst = true;
    await using forwarded = await reaching(() => url, () =>
      forwardPorts({
        target,
        resource: isUrl ? undefined : name,
        namespace: cluster.namespace,
        ports,
        addresses: addresses.length === 0 ? undefined : addresses,
        transport,
        timeout: cluster.timeout,
        onEvent: (event) => {
          // The first connection is expected, so it is not reported.
          if (event.type === "connected" && isFirst) isFirst = false;
          else tell(event, isOnePod);
        },
      }));
    await untilInterrupted({
      finished: forwarded.closed,
      shutdown: () => forwarded.close(),
    });
    return EXIT_OK;
  },
});

function checkPorts(ports: readonly string[]): void {
  for (const text of ports) {
    try {
      readPorts(text);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new UsageError(error.message);
    }
  }
}

function readTransport(
  text: string | undefined,
): "auto" | "spdy" | "websocket" | undefined {
  if (
    text === undefined || text === "auto" || text === "spdy" ||
    text === "websocket"
  ) return text;
  throw new UsageError(
    `--transport ${text}: it must be auto, spdy or websocket`,
  );
}

/** Prints addresses on standard output, and everything else on standard error. */
function tell(event: ForwardEvent, isOnePod: boolean): void {
  switch (event.type) {
    case "listening": {
      const { hostname, port, remote } = event;
      const host = withBrackets(hostname);
      print(show`Forwarding from tcp://${host}:${port} to ${remote}`);
      return;
    }
    case "connected": {
      const { pod, transport, sessions } = event;
      const whom = pod === "" ? "the server" : `pod ${pod}`;
      const count = sessions === 1 ? "" : `, ${sessions} sessions`;
      printError(show`connected to ${whom} over ${transport}${count}`);
      return;
    }
    case "leaving":
      printError(show`pod ${event.pod} is ending; looking for another one`);
      return;
    case "lost":
      printError(
        show`lost the session with pod ${event.pod}: ${reasonOf(event.reason)}`,
      );
      return;
    case "retrying": {
      const seconds = event.delay / 1000;
      printError(
        show`${reasonOf(event.reason)}; trying again after ${seconds} s`,
      );
      return;
    }
    case "unwatched":
      // A pod that the user selected by name has no successor.
      if (isOnePod) return;
      printError(
        show`pod ${event.pod} cannot be watched (${
          reasonOf(event.reason)
        }): its end is noticed when the session breaks`,
      );
      return;
    case "failed": {
      const { reason, remote } = event;
      const text = reasonOf(reason);
      // The message of a PortForwardError already contains the port.
      printError(
        reason instanceof PortForwardError
          ? show`${text}`
          : show`port ${remote}: ${text}`,
      );
      return;
    }
    default:
      event satisfies never;
  }
}

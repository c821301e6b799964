/**
 * Ports of a pod. The pod uses the network of the host, so its ports are those of
 * this machine.
 *
 * @module
 */

import { assertEquals, assertRejects } from "../deps.ts";
import { PortForwardError } from "../../kubernetes/mod.ts";
import { digest, patternDigest, patternStream } from "../interop/pattern.ts";
import type { Scenario } from "../interop/report.ts";
import { freePort } from "./control_plane.ts";
import type { Containers, Way } from "./containers.ts";

const MIB = 1 << 20;
const MANY = 100;

/** The scenarios of port-forward. */
export function forwardScenarios<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  transports: readonly Way["transport"][],
): Scenario[] {
  return transports.flatMap((transport) => over(containers, pod, transport));
}

function over<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  transport: Way["transport"],
): Scenario[] {
  return [
    {
      name: `port-forward over ${transport}: ${MANY} connections at once`,
      async run() {
        await using target = new EchoTarget();
        await using forwarder = await containers.portForward(pod, {
          transport,
        });
        const texts = Array.from({ length: MANY }, (_, n) => `hello ${n}`);
        const echoed = await Promise.all(texts.map(async (text) => {
          const { readable, writable } = await forwarder.connect(target.port);
          const sent = new Blob([text]).stream().pipeTo(writable);
          const received = await new Response(readable).text();
          await sent;
          return received;
        }));
        assertEquals(echoed, texts);
      },
    },
    {
      name: `port-forward over ${transport}: 16 MiB both ways, then its end`,
      async run() {
        await using target = new EchoTarget();
        await using forwarder = await containers.portForward(pod, {
          transport,
        });
        const { readable, writable } = await forwarder.connect(target.port);
        const sent = patternStream(16 * MIB).pipeTo(writable);
        assertEquals(await digest(readable), await patternDigest(16 * MIB));
        await sent;
      },
    },
    {
      name: `port-forward over ${transport}: a port where nothing listens`,
      async run() {
        await using target = new EchoTarget();
        await using forwarder = await containers.portForward(pod, {
          transport,
        });
        const closed = await forwarder.connect(freePort());
        await assertRejects(
          () => new Response(closed.readable).text(),
          PortForwardError,
        );
        const { readable, writable } = await forwarder.connect(target.port);
        const sent = new Blob(["on"]).stream().pipeTo(writable);
        assertEquals(await new Response(readable).text(), "on");
        await sent;
      },
    },
  ];
}

/** A port of the host that echoes. */
export class EchoTarget implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving: Promise<void> = this.#serve();

  get port(): number {
    return this.#listener.addr.port;
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) {
      connection.readable.pipeTo(connection.writable).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

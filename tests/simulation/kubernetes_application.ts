/**
 * The two applications of a run with the streams of Kubernetes: a process in a
 * container, and connections to a port.
 *
 * @module
 */

import type { Connection } from "../../http/connection.ts";
import type { StreamingCall } from "../../kubernetes/call/call.ts";
import type { ProcessHandler } from "../../kubernetes/call/command.ts";
import { createForwarder } from "../../kubernetes/port_forward.ts";
import { createProcess } from "../../kubernetes/process.ts";
import {
  type CommandProtocol,
  streamTypes,
} from "../../kubernetes/protocol.ts";
import { openChannels } from "../../kubernetes/spdy/client_channels.ts";
import { serveSpdyForward } from "../../kubernetes/spdy/serve_forward.ts";
import { serveSpdyCommand } from "../../kubernetes/spdy/server_channels.ts";
import { matches, pattern } from "./pattern.ts";
import type { World } from "./world.ts";

const CREATION_TIMEOUT = 30_000;
/** Salts of the bodies, see `pattern.ts`. */
const STDIN = 1, STDOUT = 2, STDERR = 3;

/**
 * Runs one process, or connections to ports, and knows what each side of a run
 * sent and received.
 */
export class KubernetesApplication {
  readonly #world: World;
  readonly #most: number;
  readonly #calm: boolean;
  /** Resolves when the client's side has ended. */
  through: Promise<void> = Promise.resolve();

  constructor(world: World, most: number, calm: boolean) {
    this.#world = world;
    this.#most = most;
    this.#calm = calm;
  }

  /** A process that reads its input to the end, writes two outputs, and exits. */
  exec(client: Connection, server: Connection): void {
    const world = this.#world;
    const { random } = world;
    const protocol: CommandProtocol = random.pick([
      "v4.channel.k8s.io",
      "v3.channel.k8s.io",
      "v2.channel.k8s.io",
    ]);
    const call = this.#call("exec");
    const [input, output, errors] = [0, 1, 2].map(() =>
      random.chance(0.1) ? 0 : random.int(1, this.#most)
    );
    const code = random.int(0, 3);
    const handler: ProcessHandler = async (process) => {
      await Promise.all([
        this.#expect(process.stdin, STDIN, input, "stdin"),
        this.#write(process.stdout, STDOUT, output),
        this.#write(process.stderr, STDERR, errors),
      ]);
      return code;
    };
    const served = serveSpdyCommand(
      server,
      { protocol, call, handler },
      CREATION_TIMEOUT,
    );
    world.track("the served command", served).catch((error) =>
      this.#failed("the served command", error)
    );
    this.through = this.#guard("exec", async () => {
      const process = createProcess({
        protocol,
        channels: await openChannels(client, streamTypes(protocol, call)),
        signal: undefined,
        statusTimeout: 0,
      });
      await Promise.all([
        this.#write(process.stdin, STDIN, input),
        this.#expect(process.stdout, STDOUT, output, "stdout"),
        this.#expect(process.stderr, STDERR, errors, "stderr"),
      ]);
      const status = await world.track("the exit status", process.status);
      // Before v4, the exit code is only in the text of a message, if it is
      // sent.
      if (protocol === "v4.channel.k8s.io" && status.code !== code) {
        world.bad(`exit code ${status.code} instead of ${code}`);
      }
      await world.track("the end of the process", client.closed);
    });
  }

  /** Connections whose server echoes. */
  forward(client: Connection, server: Connection): void {
    const world = this.#world;
    const { random } = world;
    const served = serveSpdyForward(
      server,
      this.#call("portforward"),
      async ({ readable, writable }) => await readable.pipeTo(writable),
      CREATION_TIMEOUT,
    );
    world.track("the served port-forward", served).catch((error) =>
      this.#failed("the served port-forward", error)
    );
    this.through = this.#guard("port-forward", async () => {
      const forwarder = createForwarder(client, "spdy", { url: "http://pod" });
      const one = async (): Promise<void> => {
        await world.maybePause(0.5, 3);
        const length = random.int(0, this.#most);
        const connecting = forwarder.connect(random.int(1, 0xffff));
        const { readable, writable } = await world.track("connect", connecting);
        await Promise.all([
          this.#write(writable, STDIN, length),
          this.#expect(readable, STDIN, length, "the echo"),
        ]);
      };
      await Promise.all(Array.from({ length: random.int(1, 4) }, one));
    });
  }

  async #guard(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(what, error);
    }
  }

  #failed(what: string, error: unknown): void {
    this.#world.log(what, "failed:", error);
    if (this.#calm) this.#world.bad(`${what} failed: ${error}`);
  }

  async #write(
    writable: WritableStream<Uint8Array>,
    salt: number,
    length: number,
  ): Promise<void> {
    const world = this.#world;
    const writer = writable.getWriter();
    writer.closed.catch(() => {});
    writer.ready.catch(() => {});
    for (let offset = 0; offset < length;) {
      await world.maybePause(0.2, 3);
      const most = world.random.pick([300, 32_768, 100_000]);
      const size = Math.min(length - offset, world.random.int(1, most));
      const written = writer.write(pattern(salt, offset, size));
      await world.track(`write to ${salt}`, written);
      offset += size;
    }
    await world.track(`close of ${salt}`, writer.close());
  }

  async #expect(
    readable: ReadableStream<Uint8Array>,
    salt: number,
    length: number,
    what: string,
  ): Promise<void> {
    const world = this.#world;
    const reader = readable.getReader();
    let got = 0;
    for (;;) {
      await world.maybePause(0.2, 8);
      const { done, value } = await world.track(what, reader.read());
      if (done) break;
      if (!matches(salt, got, value)) {
        world.bad(`${what}: wrong bytes at ${got}`);
      }
      got += value.length;
    }
    if (got !== length) {
      world.bad(`${what}: a clean end after ${got} of ${length} bytes`);
    }
  }

  #call(kind: "exec" | "portforward"): StreamingCall {
    return {
      kind,
      request: new Request("http://pod/"),
      namespace: "default",
      pod: "pod",
      container: "",
      command: [],
      stdin: true,
      stdout: true,
      stderr: true,
      tty: false,
    };
  }
}

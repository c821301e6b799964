/**
 * A signal that aborts while a call is about to return its result: after the last
 * listener of the call, and before the first one of the result.
 *
 * @module
 */

import {
  exec,
  openTunnel,
  portForward,
  serveStreaming,
  type TargetOptions,
} from "../../kubernetes/mod.ts";
import { assert } from "../deps.ts";
import { waitFor } from "../helpers/deadline.ts";

/** More microtasks than a call needs after its last byte has arrived. */
const MOST_STEPS = 120;

const options = { pod: { name: "web" }, transport: "spdy" } as const;

/** The calls that return something that a signal closes, and what they wait for. */
const CALLS: Readonly<
  Record<
    string,
    {
      readonly call: (target: TargetOptions) => Promise<unknown>;
      /** The number of messages of the server: the head of its answer, and frames. */
      readonly messages: number;
    }
  >
> = {
  exec: {
    call: (target) => exec({ ...target, ...options, command: ["run"] }),
    // A reply on each of the streams error, stdout and stderr.
    messages: 4,
  },
  portForward: {
    call: (target) => portForward({ ...target, ...options }),
    messages: 1,
  },
  openTunnel: {
    call: (target) =>
      openTunnel(target, {
        path: "/api/v1/namespaces/default/pods/web/exec?stdout=true",
        expectTunnel: ["v4.channel.k8s.io"],
      }),
    messages: 1,
  },
};

/** Splits what the server sends into the head of its answer and frames. */
class Messages {
  readonly #conn: Deno.TcpConn;
  #bytes = new Uint8Array();
  #count = 0;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Number of messages that were read. */
  get count(): number {
    return this.#count;
  }

  /** Reads one message; `null` at the end. */
  async read(buffer: Uint8Array): Promise<number | null> {
    let length: number | undefined;
    while ((length = this.#lengthOfFirst()) === undefined) {
      const chunk = new Uint8Array(4096);
      const count = await this.#conn.read(chunk);
      if (count === null) return null;
      const [before, more] = [this.#bytes, chunk.subarray(0, count)];
      this.#bytes = new Uint8Array(before.length + count);
      this.#bytes.set(before);
      this.#bytes.set(more, before.length);
    }
    buffer.set(this.#bytes.subarray(0, length));
    this.#bytes = this.#bytes.slice(length);
    this.#count++;
    return length;
  }

  #lengthOfFirst(): number | undefined {
    const bytes = this.#bytes;
    if (this.#count === 0) {
      const end = new TextDecoder().decode(bytes).indexOf("\r\n\r\n");
      return end < 0 ? undefined : end + 4;
    }
    if (bytes.length < 8) return undefined;
    const length = 8 + (bytes[5] << 16 | bytes[6] << 8 | bytes[7]);
    return bytes.length < length ? undefined : length;
  }
}

for (const [name, { call, messages }] of Object.entries(CALLS)) {
  Deno.test(`${name}: an abort at any step after the answer closes the connection`, async () => {
    await using server = serveStreaming({
      exec: ({ signal }) =>
        new Promise((resolve) =>
          signal.addEventListener("abort", () => resolve(0))
        ),
      portForward: () => Promise.resolve(),
    });
    const returned: number[] = [];
    for (let steps = 0; steps < MOST_STEPS; steps++) {
      const controller = new AbortController();
      const closed = Promise.withResolvers<void>();
      const abort = async (): Promise<void> => {
        for (let step = 0; step < steps; step++) await undefined;
        controller.abort(new Error("too late"));
      };
      const calling = call({
        url: `http://127.0.0.1:${server.addr.port}`,
        signal: controller.signal,
        dial: async ({ hostname, port }) => {
          const conn = await Deno.connect({ hostname, port });
          const incoming = new Messages(conn);
          return {
            read: async (buffer) => {
              const count = await incoming.read(buffer);
              if (incoming.count === messages) void abort();
              return count;
            },
            write: (bytes) => conn.write(bytes),
            closeWrite: () => conn.closeWrite(),
            close: () => {
              conn.close();
              closed.resolve();
            },
          };
        },
      });
      await calling.then(() => returned.push(steps), () => {});
      await waitFor(
        `the end of the connection, ${steps} steps after the answer`,
        closed.promise,
        5000,
      );
    }
    // The first aborts come too early, and the last ones after the call has returned.
    assert(returned.length > 0 && returned.length < MOST_STEPS);
  });
}

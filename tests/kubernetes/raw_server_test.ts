/**
 * What the client says in its upgrade, and what it makes of odd answers.
 *
 * @module
 */

import { assertEquals, assertRejects } from "../deps.ts";
import {
  exec,
  portForward,
  serveStreaming,
  StreamingRefusedError,
  type TargetOptions,
} from "../../kubernetes/mod.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";

/** Answers each connection's request with the same bytes, and keeps it open. */
class RawServer implements AsyncDisposable {
  readonly heads: string[] = [];
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #conns: Deno.Conn[] = [];
  readonly #accepted: Promise<void>;

  constructor(answer: string) {
    this.#accepted = this.#accept(answer);
  }

  get target(): TargetOptions {
    const { port } = this.#listener.addr as Deno.NetAddr;
    return { url: `http://127.0.0.1:${port}`, pod: { name: "web" } };
  }

  async #accept(answer: string): Promise<void> {
    for await (const conn of this.#listener) {
      this.#conns.push(conn);
      let head = "";
      const buffer = new Uint8Array(4096);
      while (!head.includes("\r\n\r\n")) {
        const size = await conn.read(buffer);
        if (size === null) break;
        head += new TextDecoder().decode(buffer.subarray(0, size));
      }
      this.heads.push(head);
      await conn.write(new TextEncoder().encode(answer));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    await this.#accepted;
  }
}

const FORBIDDEN =
  "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nforbidden";

Deno.test("a repeated header in pairs is sent as several lines", async () => {
  await using server = new RawServer(FORBIDDEN);
  const headers: [string, string][] = [
    ["Impersonate-User", "jane"],
    ["Impersonate-Group", "developers"],
    ["impersonate-group", "admins"],
  ];
  const options = { ...server.target, headers };
  await assertRejects(() => exec(options), StreamingRefusedError);
  await assertRejects(
    () => portForward({ ...options, transport: "websocket" }),
    StreamingRefusedError,
  );
  for (const head of server.heads) {
    const lines = head.toLowerCase().split("\r\n")
      .filter((line) => line.startsWith("impersonate-"));
    assertEquals(lines, [
      "impersonate-user: jane",
      "impersonate-group: developers",
      "impersonate-group: admins",
    ]);
  }
  // exec tries a WebSocket, then SPDY.
  assertEquals(server.heads.length, 3);
  await assertRejects(
    () => exec({ ...server.target, headers: [["a b", "c"]] }),
    TypeError,
  );
  const kinds: HeadersInit[] = [{ one: "1" }, new Headers({ one: "1" })];
  for (const one of kinds) {
    await assertRejects(
      () => exec({ ...server.target, headers: one }),
      StreamingRefusedError,
    );
    assertEquals(server.heads.at(-1)?.toLowerCase().includes("one: 1"), true);
  }
});

Deno.test("a 101 without a protocol is reported", async () => {
  await using server = new RawServer(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",
  );
  for (const transport of ["spdy", "websocket"] as const) {
    await assertRejects(
      () => exec({ ...server.target, transport }),
      Error,
      "without the header upgrade",
    );
  }
});

Deno.test("a refusal whose body does not end is reported with its status", async () => {
  const endless = [
    "HTTP/1.1 403 Forbidden\r\n\r\nforbidden",
    "HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nforbidden\r\n",
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 99\r\n\r\nforbidden",
  ];
  await Promise.all(endless.map(async (answer) => {
    await using server = new RawServer(answer);
    const attempts = [
      () => exec(server.target),
      () => portForward({ ...server.target, transport: "websocket" }),
    ];
    await Promise.all(attempts.map(async (attempt) => {
      const error = await assertRejects(attempt, StreamingRefusedError);
      assertEquals([error.status, error.body], [403, "forbidden"]);
    }));
  }));
});

Deno.test("port-forward: the end of a port's output is reported at once, and input continues", async () => {
  // No time passes, so code that waits for a while would never continue.
  using _time = virtualTime();
  const heard = Promise.withResolvers<string>();
  await using server = serveStreaming({
    async portForward({ readable, writable }) {
      const writer = writable.getWriter();
      await writer.write(new TextEncoder().encode("hi"));
      await writer.close();
      heard.resolve(await new Response(readable).text());
    },
  });
  for (const transport of ["spdy", "websocket"] as const) {
    const forwarder = await portForward({
      url: `http://127.0.0.1:${server.addr.port}`,
      pod: { name: "web" },
      transport,
    });
    const { readable, writable } = await forwarder.connect(80);
    assertEquals(await new Response(readable).text(), "hi");
    await turn();
    const writer = writable.getWriter();
    await writer.write(new TextEncoder().encode("late"));
    await writer.close();
    assertEquals(await heard.promise, "late");
    await forwarder.close();
  }
});

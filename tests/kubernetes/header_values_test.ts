/** Header values of the caller that `Headers` changes, or that node:http does not send. */

import { findPod, readResource } from "../../kubernetes/api/resource.ts";
import {
  exec,
  openTunnel,
  portForward,
  StreamingRefusedError,
  type TargetOptions,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertMatch, assertRejects } from "../deps.ts";

const pod = { name: "web", namespace: "shop" };

/** Everything that sends headers of the caller to an API server. */
const REQUESTS: Readonly<
  Record<string, (target: TargetOptions & { url: string }) => Promise<unknown>>
> = {
  "exec over a WebSocket": (target) =>
    exec({ ...target, pod, command: ["ls"], transport: "websocket" }),
  "exec over SPDY": (target) =>
    exec({ ...target, pod, command: ["ls"], transport: "spdy" }),
  "portForward": (target) => portForward({ ...target, pod, transport: "spdy" }),
  "openTunnel": (target) =>
    openTunnel(target, {
      path: "/api/v1/namespaces/shop/pods/web/exec?stdout=true",
      expectTunnel: ["v4.channel.k8s.io"],
    }),
  "a plain request": (target) => findPod(target, readResource("web", "shop")),
};

/** A connection that answers each request with 403. */
class RefusingConn {
  asked = "";
  isClosed = false;
  #answer: Uint8Array | undefined;
  readonly #written = Promise.withResolvers<void>();

  write(data: Uint8Array): Promise<number> {
    this.asked += new TextDecoder().decode(data);
    this.#answer = new TextEncoder().encode(
      "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
    );
    this.#written.resolve();
    return Promise.resolve(data.length);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    await this.#written.promise;
    const answer = this.#answer;
    this.#answer = undefined;
    if (answer === undefined) return null;
    buffer.set(answer);
    return answer.length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#written.resolve();
  }
}

Deno.test("header values: blanks around the values of a list are removed", async () => {
  for (const [name, request] of Object.entries(REQUESTS)) {
    const conn = new RefusingConn();
    const error = await assertRejects(
      () =>
        request({
          url: "http://cluster.test",
          headers: [["authorization", "Bearer x\n"]],
          dial: () => Promise.resolve(conn),
        }),
      StreamingRefusedError,
    );
    assertEquals(error.status, 403, name);
    assertMatch(conn.asked, /\r\nauthorization: Bearer x\r\n/i, name);
    assertEquals(conn.isClosed, true, name);
  }
});

Deno.test("header values: a value that node:http does not send leaves no connection open", async () => {
  for (const [name, request] of Object.entries(REQUESTS)) {
    const conn = new RefusingConn();
    await assertRejects(
      () =>
        request({
          url: "http://cluster.test",
          headers: [["x-a", "a\u0001b"]],
          dial: () => Promise.resolve(conn),
        }),
      TypeError,
      "x-a",
    );
    assertEquals([conn.asked, conn.isClosed], ["", true], name);
  }
});

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
import { AnsweringConn } from "../helpers/answering_conn.ts";

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
const refusing = (): AnsweringConn =>
  new AnsweringConn(() =>
    "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"
  );

Deno.test("header values: blanks around the values of a list are removed", async () => {
  for (const [name, request] of Object.entries(REQUESTS)) {
    const conn = refusing();
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
    const conn = refusing();
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

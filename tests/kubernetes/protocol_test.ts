/** What each version of the protocol of exec and attach can do. */

import {
  COMMAND_PROTOCOLS,
  protocolsOver,
  streamTypes,
  traitsOf,
} from "../../kubernetes/protocol.ts";
import { assertEquals } from "../deps.ts";

Deno.test("sub-protocols: v3 has resizes, v4 also a status, v5 ends channels", () => {
  assertEquals(
    COMMAND_PROTOCOLS.map((protocol) => {
      const { hasResize, hasStatus, hasClose } = traitsOf(protocol);
      return [protocol, hasResize, hasStatus, hasClose];
    }),
    [
      ["v5.channel.k8s.io", true, true, true],
      ["v4.channel.k8s.io", true, true, false],
      ["v3.channel.k8s.io", true, false, false],
      ["v2.channel.k8s.io", false, false, false],
      ["channel.k8s.io", false, false, false],
    ],
  );
});

Deno.test("sub-protocols: v5 exists only over WebSockets", () => {
  assertEquals(protocolsOver("websocket"), [...COMMAND_PROTOCOLS]);
  assertEquals(protocolsOver("spdy"), COMMAND_PROTOCOLS.slice(1));
  assertEquals(
    protocolsOver("spdy", ["v3.channel.k8s.io", "v5.channel.k8s.io"]),
    ["v3.channel.k8s.io"],
  );
});

Deno.test("sub-protocols: the streams of a command are opened in order", () => {
  const all = { stdin: true, stdout: true, stderr: true };
  for (const protocol of COMMAND_PROTOCOLS) {
    assertEquals(streamTypes(protocol, { ...all, tty: false }), [
      "error",
      "stdin",
      "stdout",
      "stderr",
    ]);
    // A terminal has one output, and a size if the version supports it.
    assertEquals(
      streamTypes(protocol, { ...all, tty: true }),
      ["error", "stdin", "stdout"].concat(
        traitsOf(protocol).hasResize ? ["resize"] : [],
      ),
    );
    assertEquals(
      streamTypes(protocol, {
        stdin: false,
        stdout: false,
        stderr: false,
        tty: false,
      }),
      ["error"],
    );
  }
});

/** What each version of the protocol of exec and attach can do. */

import {
  COMMAND_PROTOCOLS,
  hasResize,
  hasStatus,
  streamTypes,
} from "../../kubernetes/protocol.ts";
import { assertEquals } from "../deps.ts";

Deno.test("sub-protocols: v3 has resizes, v4 also a status", () => {
  assertEquals(
    COMMAND_PROTOCOLS.map((protocol) => [
      protocol,
      hasResize(protocol),
      hasStatus(protocol),
    ]),
    [
      ["v4.channel.k8s.io", true, true],
      ["v3.channel.k8s.io", true, false],
      ["v2.channel.k8s.io", false, false],
      ["channel.k8s.io", false, false],
    ],
  );
});

Deno.test("sub-protocols: the streams of a command, in the order in which they are opened", () => {
  const all = { stdin: true, stdout: true, stderr: true };
  for (const protocol of COMMAND_PROTOCOLS) {
    assertEquals(streamTypes(protocol, { ...all, tty: false }), [
      "error",
      "stdin",
      "stdout",
      "stderr",
    ]);
    // A terminal has one output, and a size where the version has one.
    assertEquals(
      streamTypes(protocol, { ...all, tty: true }),
      ["error", "stdin", "stdout"].concat(
        hasResize(protocol) ? ["resize"] : [],
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

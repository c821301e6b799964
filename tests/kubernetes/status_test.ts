import { assertEquals, assertThrows } from "../deps.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { RemoteCommandError } from "../../kubernetes/errors.ts";
import { COMMAND_PROTOCOLS, traitsOf } from "../../kubernetes/protocol.ts";
import {
  decodeExit,
  encodeExit,
  encodeFailure,
  isWholeStatus,
} from "../../kubernetes/status.ts";

Deno.test("an exit code survives encoding and decoding in v4", () => {
  for (const code of [0, 1, 42, 255, 256, 0xffff_ffff, -0x8000_0000]) {
    const status = decodeExit(
      "v4.channel.k8s.io",
      encodeExit("v4.channel.k8s.io", code),
    );
    assertEquals(status.code, code);
    assertEquals(status.success, code === 0);
  }
});

Deno.test("v4 encodes an exit code as Kubernetes does", () => {
  assertEquals(JSON.parse(encodeExit("v4.channel.k8s.io", 42)), {
    metadata: {},
    status: "Failure",
    message: "command terminated with non-zero exit code: exit status 42",
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: "42" }] },
  });
});

Deno.test("v2 and v3 distinguish success from failure, and v1 does not", () => {
  for (const protocol of ["v2.channel.k8s.io", "v3.channel.k8s.io"] as const) {
    assertEquals(encodeExit(protocol, 0), "");
    assertEquals(decodeExit(protocol, "").code, 0);
    const failed = decodeExit(protocol, encodeExit(protocol, 3));
    assertEquals(failed.code, undefined);
    assertEquals(failed.success, false);
  }
  assertEquals(decodeExit("channel.k8s.io", "").code, undefined);
  assertEquals(decodeExit("channel.k8s.io", "").success, true);
});

Deno.test("a failure of the runtime is an error with its reason", () => {
  const failure = new RemoteCommandError("no such container", {
    reason: "InternalError",
    httpStatus: 500,
  });
  const text = encodeFailure("v4.channel.k8s.io", failure);
  const error = assertThrows(
    () => decodeExit("v4.channel.k8s.io", text),
    RemoteCommandError,
    "no such container",
  );
  assertEquals(error.reason, "InternalError");
  assertEquals(error.httpStatus, 500);
  assertEquals(error.initiator, "remote");
  assertEquals(encodeFailure("v3.channel.k8s.io", failure), failure.message);
});

Deno.test("a v4 error stream without a status proves nothing", () => {
  const wrong = [
    "",
    "not JSON",
    "{}",
    "null",
    "[]",
    '"Success"',
    '{"status":"Maybe"}',
    '{"status":"Failure","reason":"NonZeroExitCode"}',
    '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":{}}}',
    "5",
    "true",
    '[{"status":"Success"}]',
    '{"__proto__":{"status":"Success"}}',
    '{"status":["Success"]}',
    '{"status":"Failure","reason":"NonZeroExitCode","details":[]}',
    "[".repeat(65_000),
    "[".repeat(30_000) + "]".repeat(30_000),
    '{"a":'.repeat(10_000) + "1" + "}".repeat(10_000),
  ];
  for (const text of wrong) {
    assertThrows(
      () => decodeExit("v4.channel.k8s.io", text),
      RemoteCommandError,
    );
  }
});

Deno.test("an exit code is decimal digits of a 32-bit number, and anything else is invalid", () => {
  const status = (message: unknown): string =>
    JSON.stringify({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [null, { reason: "ExitCode", message }] },
    });
  const wrong = [
    null,
    true,
    false,
    1,
    [],
    ["1"],
    {},
    "",
    " ",
    " 1",
    "1 ",
    "0x0",
    "1e2",
    "1.0",
    "+1",
    "--1",
    "x",
    "4294967296",
    "-2147483649",
    "1".repeat(400),
  ];
  for (const message of wrong) {
    assertThrows(
      () => decodeExit("v4.channel.k8s.io", status(message)),
      RemoteCommandError,
      "no exit code",
    );
  }
  const codes = ["1", "007", "256", "3221225786", "4294967295", "-1073741510"];
  for (const message of codes) {
    const exit = decodeExit("v4.channel.k8s.io", status(message));
    assertEquals([exit.code, exit.success], [Number(message), false]);
  }
});

Deno.test("a handler's exit code is a whole number of 32 bits", () => {
  for (const code of [NaN, Infinity, 1.5, 2 ** 32, -(2 ** 31) - 1]) {
    assertThrows(
      () => encodeExit("v4.channel.k8s.io", code),
      InvalidArgumentError,
    );
  }
});

Deno.test("a failure without a message is not a success", () => {
  const failure = new RemoteCommandError("");
  for (const protocol of COMMAND_PROTOCOLS) {
    if (traitsOf(protocol).hasStatus) continue;
    const text = encodeFailure(protocol, failure);
    assertEquals(decodeExit(protocol, text).success, false, protocol);
  }
  assertThrows(
    () =>
      decodeExit(
        "v4.channel.k8s.io",
        encodeFailure("v4.channel.k8s.io", failure),
      ),
    RemoteCommandError,
  );
});

Deno.test("a truncated status is not complete", () => {
  const text = encodeExit("v4.channel.k8s.io", 7);
  for (let length = 0; length < text.length; length++) {
    assertEquals(
      isWholeStatus("v4.channel.k8s.io", text.slice(0, length)),
      false,
    );
  }
  assertEquals(isWholeStatus("v4.channel.k8s.io", text), true);
  assertEquals(isWholeStatus("v3.channel.k8s.io", "anything"), false);
});

Deno.test("a long failure is shortened to what the client reads of a status", () => {
  for (const char of ["x", "\0", "\u20ac", "\ud83d\ude00"]) {
    const failure = new RemoteCommandError(char.repeat(200_000), {
      reason: char.repeat(200_000),
    });
    for (const protocol of COMMAND_PROTOCOLS) {
      const text = encodeFailure(protocol, failure);
      assertEquals(new TextEncoder().encode(text).length < 65536, true);
      assertEquals(/\d+ more characters were removed/.test(text), true);
    }
    const text = encodeFailure("v4.channel.k8s.io", failure);
    const left = failure.message.length - 4096;
    const { message } = assertThrows(
      () => decodeExit("v4.channel.k8s.io", text),
      RemoteCommandError,
    );
    assertEquals(
      message,
      `${
        failure.message.slice(0, 4096)
      }... (${left} more characters were removed)`,
    );
  }
});

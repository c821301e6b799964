import { assertEquals, assertThrows } from "../deps.ts";
import { RemoteCommandError } from "../../kubernetes/errors.ts";
import {
  decodeExit,
  encodeExit,
  encodeFailure,
  isWholeStatus,
} from "../../kubernetes/status.ts";

Deno.test("an exit code survives v4", () => {
  for (const code of [0, 1, 42, 255]) {
    const status = decodeExit(
      "v4.channel.k8s.io",
      encodeExit("v4.channel.k8s.io", code),
    );
    assertEquals(status.code, code);
    assertEquals(status.success, code === 0);
  }
});

Deno.test("v4 says an exit code as Kubernetes does", () => {
  assertEquals(JSON.parse(encodeExit("v4.channel.k8s.io", 42)), {
    metadata: {},
    status: "Failure",
    message: "command terminated with non-zero exit code: exit status 42",
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: "42" }] },
  });
});

Deno.test("v2 and v3 tell success from failure, v1 nothing", () => {
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
    '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"256"}]}}',
    '{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"x"}]}}',
  ];
  for (const text of wrong) {
    assertThrows(
      () => decodeExit("v4.channel.k8s.io", text),
      RemoteCommandError,
    );
  }
});

Deno.test("a status cut short is not whole", () => {
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

import { readDuration, UsageError } from "../../cli/command.ts";
import { assertEquals, assertThrows } from "../deps.ts";

Deno.test("a time is read as kubectl reads it", () => {
  for (
    const [text, milliseconds] of [
      ["0", 0],
      ["0s", 0],
      ["30", 30_000],
      ["500ms", 500],
      ["1m30s", 90_000],
      ["1.5h", 5_400_000],
      [".5s", 500],
      ["0.1ms", 1],
      ["2147483", 2_147_483_000],
    ] as const
  ) {
    assertEquals(readDuration("--request-timeout", text), milliseconds, text);
  }
  for (
    const text of [
      "",
      "s",
      "-1",
      "+1s",
      "1,5s",
      "1.5",
      "1d",
      "1 s",
      "1s ",
      "1m30",
      "1e3s",
      "2147484",
      "600h",
    ]
  ) {
    assertThrows(
      () => readDuration("--request-timeout", text),
      UsageError,
      `--request-timeout ${text}: it must be`,
    );
  }
});

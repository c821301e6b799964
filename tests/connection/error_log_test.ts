/** How errors are logged whose messages may contain text of a peer. */

import { logError } from "../../connection/error_log.ts";
import { assert, assertEquals, assertStrictEquals } from "../deps.ts";

/** What `logError` passes to the console. */
function logged(error: unknown, before?: string): unknown[] {
  const { error: original } = console;
  let found: unknown[] = [];
  console.error = (...given: unknown[]) => {
    found = given;
  };
  try {
    logError(error, before);
  } finally {
    console.error = original;
  }
  return found;
}

Deno.test("error log: an error without control characters is logged unchanged, after its label", () => {
  const error = new Error("plain");
  assertEquals(logged(error, "a handler failed:").length, 2);
  assertEquals(logged(error, "a handler failed:")[0], "a handler failed:");
  assertStrictEquals(logged(error)[0], error);
  assertEquals(logged("text"), ["text"]);
  assertEquals(logged(undefined), [undefined]);
});

Deno.test("error log: control characters of a message are escaped, also in a message that changed later", () => {
  const [text] = logged(new Error("\x1b[2J"));
  assert(
    typeof text === "string" && text.includes("Error: \\x1b[2J\n"),
    `${text}`,
  );
  const changed = new Error("first");
  // V8 creates the text of the stack at the first read.
  assert(changed.stack?.startsWith("Error: first\n"));
  changed.message = "later \x1b[2J";
  const [later] = logged(changed);
  assert(
    `${later}`.startsWith("Error: later \\x1b[2J\nError: first\n"),
    `${later}`,
  );
  const withoutStack = new Error("\x07");
  withoutStack.stack = undefined;
  assertEquals(logged(withoutStack), ["Error: \\x07\n"]);
  assertEquals(logged("\x07"), ["\\x07"]);
});

Deno.test("error log: eight causes are logged at most, so that a circle ends", () => {
  const circle = new Error("\x07 circle");
  circle.cause = circle;
  const [text] = logged(circle);
  assertEquals(`${text}`.split("Caused by: ").length, 8);
  const chain = new Error("outer", { cause: new Error("inner \x07") });
  const [both] = logged(chain);
  assertEquals(`${both}`.split("\nCaused by: ").length, 2);
});

Deno.test("error log: what cannot be read is logged as such", () => {
  const unreadable = {
    toString() {
      throw new Error("no text");
    },
  };
  assertEquals(logged(unreadable, "label"), [
    "label",
    "(an error whose text cannot be read)",
  ]);
});

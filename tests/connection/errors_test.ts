/** The errors of a connection. */

import { StreamResetError } from "../../connection/errors.ts";
import { StreamClosedError } from "../../errors.ts";
import { statusName } from "../../frame/names.ts";
import { assert, assertEquals } from "../deps.ts";

Deno.test("errors: a known status is named in errors, and an unknown one has its number", () => {
  assertEquals(statusName(5), "CANCEL");
  assertEquals(statusName(4711), "status 4711");
  const error = new StreamResetError("x", { streamId: 1, statusCode: 5 });
  assert(error instanceof StreamClosedError);
  assertEquals(error.unprocessed, false);
  assertEquals(error.name, "StreamResetError");
});

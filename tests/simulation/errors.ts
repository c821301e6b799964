/**
 * Which errors an application has to expect.
 *
 * @module
 */

import {
  ConnectionClosedError,
  StreamResetError,
} from "../../connection/errors.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import {
  InvalidArgumentError,
  SpdyError,
  StreamClosedError,
} from "../../errors.ts";
import type { World } from "./world.ts";

/** The reasons that applications give for leaving. */
export const GIVEN_UP = "given up";
/** What fails in a body that fails. */
export const SOURCE_FAILED = "the source failed";

/** An error that the run explains; any other is a fault. */
export function expectError(world: World, error: unknown): void {
  if (isExpected(error)) return;
  const { name, message, stack } = error instanceof Error
    ? error
    : { name: typeof error, message: String(error), stack: "" };
  const where = stack?.split("\n").slice(1, 4).join(" |") ?? "";
  world.bad(`unexpected ${name}: ${message}${where}`);
}

function isExpected(error: unknown): boolean {
  if (error === GIVEN_UP) return true;
  if (!(error instanceof Error)) return false;
  const { message, cause } = error;
  // What fetch and its bodies fail with.
  if (error instanceof TypeError && cause !== undefined) {
    return isExpected(cause);
  }
  if (message === SOURCE_FAILED || message === GIVEN_UP) return true;
  if (
    error instanceof ConnectionClosedError ||
    error instanceof StreamResetError || error instanceof StreamClosedError ||
    error instanceof HttpMessageError
  ) return true;
  if (error.name === "AbortError") return true;
  if (error instanceof InvalidArgumentError) {
    return /already ended|no reply yet|already has a reply|cannot be replied to/
      .test(message);
  }
  if (error instanceof SpdyError) return /was not sent/.test(message);
  // What the platform says of streams that were closed or errored meanwhile.
  return error instanceof TypeError &&
    /closed|errored|already|locked|disturbed|unusable/i.test(message);
}

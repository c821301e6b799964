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

/** The reasons with which applications cancel or abort. */
export const GIVEN_UP = "given up";
/** The error of a body that fails. */
export const SOURCE_FAILED = "the source failed";

/** Whether the run explains the error. Any other error is a fault of the module. */
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
  // The errors of fetch and its bodies.
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
  // The platform's errors for streams that were closed or that failed
  // meanwhile.
  return error instanceof TypeError &&
    /closed|errored|already|locked|disturbed|unusable/i.test(message);
}

/**
 * Reports connections that failed.
 *
 * @module
 */

import { logError } from "../../connection/error_log.ts";
import type {
  ConnectionErrorInfo,
  ServeConnectionOptions,
} from "./serve_options.ts";

/** Calls `onConnectionError`, and logs an exception in it. */
export function tellConnectionError(
  { onConnectionError }: ServeConnectionOptions,
  error: unknown,
  info: ConnectionErrorInfo,
): void {
  try {
    if (onConnectionError) onConnectionError(error, info);
  } catch (nested) {
    logError(nested, "Exception in onConnectionError");
  }
}

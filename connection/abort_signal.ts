/**
 * Checks of the option `signal`.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { show } from "../values.ts";

/**
 * The signal of an option; `undefined` without one. `null` counts as none, as in
 * `fetch` and `Deno.serve`.
 *
 * Throws `InvalidArgumentError` for any other value. Callers call this before they open
 * anything: if such a value failed only when it is used, a port, a connection or a stream
 * would stay open.
 */
export function checkSignal(
  signal: AbortSignal | null | undefined,
): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  // Does not compare the class: Deno takes time to load it, and other objects imitate it.
  if (
    typeof signal.aborted === "boolean" &&
    typeof signal.addEventListener === "function"
  ) return signal;
  const advice = "signal" in Object(signal) ? ": pass its `signal`" : "";
  throw new InvalidArgumentError(
    `signal ${show(signal)} is not an AbortSignal${advice}`,
  );
}

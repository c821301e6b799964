/**
 * Loads what answers requests. `serve` begins to load it, so that a program which only
 * imports `serve`, such as a client, saves a dozen files and the platform's `Request`:
 * 5 ms.
 *
 * @module
 */

import { logError } from "../../connection/error_log.ts";

type Exchanges = typeof import("./server_exchange.ts");

let loaded: Exchanges | undefined;
let loading: Promise<Exchanges> | undefined;

/** The module that answers requests; `undefined` until it is loaded. */
export function exchanges(): Exchanges | undefined {
  return loaded;
}

/** Loads the module that answers requests. Logs the error if that fails, and rejects. */
export function loadExchanges(): Promise<Exchanges> {
  return loading ??= load();
}

async function load(): Promise<Exchanges> {
  try {
    const module = await import("./server_exchange.ts");
    module.prepareExchanges();
    return loaded = module;
  } catch (error) {
    logError(
      error,
      "spdy: requests cannot be answered, because a module of this package was not loaded",
    );
    throw error;
  }
}

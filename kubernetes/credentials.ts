/**
 * Remembers where credentials come from, so that those that the API server no longer
 * accepts are not used again.
 *
 * @module
 */

import type { TlsOptions } from "../connection/transport/client_tls.ts";

/** The parts of a request's options that carry credentials. */
export interface CredentialParts {
  readonly headers?: HeadersInit;
  readonly tls?: TlsOptions;
}

/**
 * What to do when credentials are not accepted, by the object that carries them. The
 * application spreads the result of `KubeConfig.target` into its options, but passes
 * these objects on unchanged.
 */
const sources = new WeakMap<object, () => void>();

/** Calls `forget` when the API server does not accept the credentials in `parts`. */
export function whenRefused(
  { headers, tls }: CredentialParts,
  forget: () => void,
): void {
  if (headers !== undefined) sources.set(headers, forget);
  if (tls !== undefined) sources.set(tls, forget);
}

/** Must be called with the status of each answer to a request with `parts`. */
export function noteAnswer(
  { headers, tls }: CredentialParts,
  status: number,
): void {
  if (status !== 401) return;
  for (const part of [headers, tls]) {
    if (typeof part === "object") sources.get(part)?.();
  }
}

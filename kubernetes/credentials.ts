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

/** What to do when credentials are used. */
export interface CredentialEvents {
  /** The API server accepted them. */
  accepted(): void;
  /** The API server did not accept them. */
  refused(): void;
}

/**
 * Statuses with which an API server answers a request of a user that it knows. Others,
 * such as 503, say nothing about the credentials.
 */
const KNOWN_USER: ReadonlySet<number> = new Set([403, 404, 409, 422]);

/**
 * The events of credentials, by the object that carries them. The
 * application spreads the result of `KubeConfig.target` into its options, but passes
 * these objects on unchanged.
 */
const sources = new WeakMap<object, CredentialEvents>();

/** Reports to `events` whether the API server accepts the credentials in `parts`. */
export function watchCredentials(
  { headers, tls }: CredentialParts,
  events: CredentialEvents,
): void {
  if (headers !== undefined) sources.set(headers, events);
  if (tls !== undefined) sources.set(tls, events);
}

/** Must be called with the status of each answer to a request with `parts`. */
export function noteAnswer(
  { headers, tls }: CredentialParts,
  status: number,
): void {
  for (const part of [headers, tls]) {
    if (typeof part !== "object") continue;
    const events = sources.get(part);
    if (status === 401) events?.refused();
    else if (status < 400 || KNOWN_USER.has(status)) events?.accepted();
  }
}

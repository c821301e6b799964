/**
 * The auth-provider `oidc` of a kubeconfig: a token of OpenID Connect.
 *
 * @module
 */

import { date } from "../../connection/time/clock.ts";
import type { Field } from "./document.ts";

/** A token is not used when it expires within this time, ms: clocks differ. */
const MARGIN = 10_000;

/** What a user can do about a token that cannot be used. */
const ADVICE =
  "run kubectl once, which writes a new one into the kubeconfig if there is a refresh-token; or use a credential plugin in exec, or give a token";

/**
 * The token in the `id-token` of an auth-provider `oidc`. It is not renewed here: many
 * issuers accept a refresh-token only once, and kubectl could not use it any more
 * unless the new one was written into the kubeconfig.
 *
 * Throws `KubeConfigError` without a token, and for one that has expired.
 */
export function readIdToken(authProvider: Field): string {
  const field = authProvider.get("config")?.get("id-token");
  if (field === undefined) {
    throw authProvider.error(
      `the auth-provider "oidc" has no id-token: ${ADVICE}`,
    );
  }
  const token = field.text();
  const expires = expiryOf(token);
  if (expires === undefined) {
    throw field.error(
      `the id-token is not a JSON Web Token that says when it expires (exp): ${ADVICE}`,
    );
  }
  if (date() + MARGIN < expires) return token;
  throw field.error(
    `the id-token has expired (${new Date(expires).toISOString()}): ${ADVICE}`,
  );
}

/** When a token expires, ms since 1970 (RFC 7519 4.1.4). */
function expiryOf(token: string): number | undefined {
  const parts = token.split(".");
  if (parts.length !== 3 || !/^[\w.-]+$/.test(token)) return undefined;
  try {
    const bytes = Uint8Array.fromBase64(parts[1], { alphabet: "base64url" });
    const { exp } = JSON.parse(new TextDecoder().decode(bytes)) ?? {};
    // The longest time that `Date` supports.
    return typeof exp === "number" && Math.abs(exp) <= 8.64e12
      ? exp * 1000
      : undefined;
  } catch {
    return undefined;
  }
}

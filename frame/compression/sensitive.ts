/**
 * Which headers are secret, and which parts of their values.
 *
 * @module
 */

/** Names whose values are secret whatever they hold (RFC 9110 11, RFC 6265). */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  "cookie",
  "cookie2",
  "set-cookie",
  "set-cookie2",
  "authorization",
  "proxy-authorization",
  "authentication-info",
  "proxy-authentication-info",
]);

/**
 * What a name that carries a credential looks like. Wide on purpose: a header
 * that is taken for a secret by mistake costs some bytes, the other mistake
 * costs the secret.
 */
const SECRET_LOOKS =
  /token|csrf|xsrf|session|secret|passw|credential|signature|jwt|bearer|api[-_]?key|(?:^|[-_])(?:auth|key|sid|otp|pin|nonce|assertion)(?:$|[-_])/;

/**
 * What may stand behind the cookie in a `set-cookie` value (RFC 6265 4.1.1 and
 * its successor). It says how the cookie is kept, for everyone alike.
 */
const COOKIE_ATTRIBUTES: ReadonlySet<string> = new Set([
  "comment",
  "domain",
  "expires",
  "httponly",
  "max-age",
  "partitioned",
  "path",
  "priority",
  "samesite",
  "secure",
  "version",
]);

/**
 * Whether the values of a header are secret by the built-in rule. The rule:
 * the name is one of `cookie`, `cookie2`, `set-cookie`, `set-cookie2`,
 * `authorization`, `proxy-authorization`, `authentication-info` and
 * `proxy-authentication-info`; or it contains `token`, `csrf`, `xsrf`,
 * `session`, `secret`, `passw`, `credential`, `signature`, `jwt`, `bearer` or
 * `apikey` (`api-key`, `api_key`); or one of its words (between `-` or `_`) is
 * `auth`, `key`, `sid`, `otp`, `pin`, `nonce` or `assertion`.
 *
 * @param name In lower case.
 */
export function isSecretName(name: string): boolean {
  let secret = judged.get(name);
  if (secret === undefined) {
    secret = SECRET_NAMES.has(name) || SECRET_LOOKS.test(name);
    if (judged.size < MAX_JUDGED) judged.set(name, secret);
  }
  return secret;
}

/** Judged names, so that a usual name costs one look-up a connection: the pattern takes ten times as long. */
const judged = new Map<string, boolean>();
const MAX_JUDGED = 1000;

/**
 * Gets one secret unit of a value: `value[from..to)`. What is left between two
 * units, before the first and behind the last is public.
 */
export type UnitCallback = (from: number, to: number) => void;

/**
 * Finds the secret units of a value of a secret header, each of which may be
 * repeated by one reference: the NUL-joined values; of `cookie` the crumbs
 * between `"; "` (RFC 6265 4.2.1); of `set-cookie` the cookie itself, and what
 * is no known attribute. Public are the separators and the attributes.
 */
export function findUnits(
  name: string,
  value: string,
  unit: UnitCallback,
): void {
  const isCookie = name === "cookie";
  for (let from = 0; from < value.length;) {
    const nul = value.indexOf("\0", from);
    const to = nul < 0 ? value.length : nul;
    if (isCookie) findCrumbs(value, from, to, unit);
    else if (name === "set-cookie") findSetCookie(value, from, to, unit);
    else unit(from, to);
    from = to + 1;
  }
}

function findCrumbs(
  value: string,
  from: number,
  end: number,
  unit: UnitCallback,
): void {
  while (from < end) {
    let to = value.indexOf("; ", from);
    if (to < 0 || to > end) to = end;
    if (to > from) unit(from, to);
    from = to + 2;
  }
}

function findSetCookie(
  value: string,
  from: number,
  end: number,
  unit: UnitCallback,
): void {
  for (let first = true; from < end; first = false) {
    let to = value.indexOf(";", from);
    if (to < 0 || to > end) to = end;
    while (from < to && value.charCodeAt(from) === 0x20) from++;
    if (from < to && (first || !isAttribute(value, from, to))) unit(from, to);
    from = to + 1;
  }
}

function isAttribute(value: string, from: number, to: number): boolean {
  const equals = value.indexOf("=", from);
  const end = equals < 0 || equals > to ? to : equals;
  return COOKIE_ATTRIBUTES.has(value.slice(from, end).trim().toLowerCase());
}

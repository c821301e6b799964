/**
 * Decides which values are secret, and which parts of them.
 *
 * The decision must not reveal the content of a secret. It depends on the length of
 * a value and on text before a secret (a name, a scheme, the fixed prefix of a kind
 * of key), never on how random the value looks. Otherwise an attacker who can add
 * text to a value would learn from the decision which characters the rest contains.
 *
 * Step 1 of the worked example in `README.md`.
 *
 * @module
 */

import { isSecretParameter, type Sensitivity } from "./secret_names.ts";

/**
 * Characters of the shortest value that is secret only because its name is not
 * known. With 12 a corpus response takes 0.5 bytes more, with 20 it takes 0.1
 * bytes fewer.
 */
const SECRET_LENGTH = 16;
/** Prefixes of shorter values that are secret, too: schemes of RFC 9110 11.1. */
const SECRET_SCHEME = /^(?:basic|bearer|digest|negotiate|ntlm|token) /i;

/** Characters of the shortest name of a parameter that carries a credential. */
const PARAMETER_LENGTH = 3;
/** Characters of the shortest part of an address that can be a key. */
const KEY_LENGTH = 16;
/** Prefixes of the tokens and keys of well-known services; a JWT begins with `eyJ` (RFC 7519). */
const SECRET_KEY =
  /^(?:eyJ|A[KS]IA|AIza|gh[oprsu]_|github_pat_|gl[a-z]{1,6}-|hv[bs]\.|npm_|pypi-|[prs]k_(?:live|test)_|sk-|SG\.|shp[a-z]{2}_|xox[a-z]-)/;

/**
 * The attributes that can follow the cookie in a `set-cookie` value (RFC 6265 4.1.1
 * and its successor). They are the same for all users, and so are public.
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

/** Whether a value, or a part of it, is secret under a name of that sensitivity. */
export function isSecretValue(
  sensitivity: Sensitivity,
  value: string,
): boolean {
  switch (sensitivity) {
    case "secret":
      // Its length is visible anyway.
      return value !== "";
    case "public":
      return false;
    case "unknown":
      return value.length >= SECRET_LENGTH || SECRET_SCHEME.test(value);
    case "address":
      return findInAddress(value, undefined);
  }
}

/**
 * Receives one secret unit of a value: `value[from..to)`. Everything outside the
 * units is public.
 */
export type UnitCallback = (from: number, to: number) => void;

/**
 * Finds the units of a secret value, each of which one reference can repeat:
 *
 * - in `cookie`: the crumbs between `"; "` (RFC 6265 4.2.1)
 * - in `set-cookie`: the cookie itself, and everything but the known attributes
 * - in an address: the user information, the values of parameters that carry a
 *   credential, and keys
 * - in any other value: its NUL-joined parts
 *
 * The separators, the attributes and the rest of the address are public.
 */
export function findUnits(
  name: string,
  sensitivity: Sensitivity,
  value: string,
  unit: UnitCallback,
): void {
  if (sensitivity === "address") {
    findInAddress(value, unit);
    return;
  }
  const isCookie = name === "cookie";
  for (let from = 0; from < value.length;) {
    const nul = value.indexOf("\0", from);
    const to = nul === -1 ? value.length : nul;
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
    if (to === -1 || to > end) to = end;
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
    if (to === -1 || to > end) to = end;
    while (from < to && value.charCodeAt(from) === 0x20) from++;
    if (from < to && (first || !isAttribute(value, from, to))) unit(from, to);
    from = to + 1;
  }
}

function isAttribute(value: string, from: number, to: number): boolean {
  const equals = value.indexOf("=", from);
  const end = equals === -1 || equals > to ? to : equals;
  return COOKIE_ATTRIBUTES.has(value.slice(from, end).trim().toLowerCase());
}

const SLASH = 0x2f;
const EQUALS = 0x3d;
const AT = 0x40;
/** Characters that end a parameter, or can precede one; ordinary characters have 0. */
const ENDS = 1;
/** Characters that separate the parts of an address. */
const PARTS = 2;
/** The meaning of each character of an address; those after `@` in ASCII have none. */
const MEANINGS: Uint8Array = new Uint8Array(AT + 1);
for (const end of '\0 "#&;<>?') MEANINGS[end.charCodeAt(0)] = ENDS;
MEANINGS[SLASH] = MEANINGS[EQUALS] = MEANINGS[AT] = PARTS;

/**
 * Finds the secret units of an address, or of text that contains addresses. Takes
 * time proportional to the length: 0.1 us for a usual path. Returns whether there is
 * a secret unit.
 */
function findInAddress(
  value: string,
  unit: UnitCallback | undefined,
): boolean {
  let found = false;
  let from = 0;
  /** Where user information can begin (RFC 3986 3.2.1), -1 for nowhere. */
  let authority = -1;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code > AT || MEANINGS[code] === 0) continue;
    if (code === EQUALS) {
      if (
        at - from >= PARAMETER_LENGTH &&
        isSecretParameter(value, from, at)
      ) {
        from = at + 1;
        at = parameterEnd(value, from);
        if (at > from) {
          found = true;
          unit?.(from, at);
        }
        authority = -1;
      }
    } else if (code === AT) {
      if (authority === -1) continue;
      at = userEnd(value, at);
      if (at > authority) {
        found = true;
        unit?.(authority, at);
      }
      authority = -1;
    } else {
      if (isKey(value, from, at)) {
        found = true;
        unit?.(from, at);
      }
      const isSecond = code === SLASH && at > 0 &&
        value.charCodeAt(at - 1) === SLASH;
      authority = isSecond ? at + 1 : -1;
    }
    from = at + 1;
  }
  if (isKey(value, from, value.length)) {
    found = true;
    unit?.(from, value.length);
  }
  return found;
}

function isKey(value: string, from: number, to: number): boolean {
  return to - from >= KEY_LENGTH && SECRET_KEY.test(value.slice(from, to));
}

/** Where the user information with an `@` at `at` ends: at the last `@` before a slash or the end of the address (WHATWG URL 4.4). */
function userEnd(value: string, at: number): number {
  let last = at;
  for (let next = at + 1; next < value.length; next++) {
    const code = value.charCodeAt(next);
    if (code === AT) last = next;
    else if (code === SLASH || MEANINGS[code] === ENDS) break;
  }
  return last;
}

/** Where the parameter whose value begins at `from` ends. */
function parameterEnd(value: string, from: number): number {
  let to = from;
  while (to < value.length && MEANINGS[value.charCodeAt(to)] !== ENDS) to++;
  return to;
}

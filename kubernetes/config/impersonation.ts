/**
 * Acting as another user (the API server's impersonation headers).
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkNames, type Names } from "../../values.ts";

/** Who to act as. */
export interface Impersonation {
  /** Name of the user. */
  readonly user: string;
  /** Id of the user. */
  readonly uid?: string;
  /** Groups of the user. */
  readonly groups?: readonly string[];
  /** Further attributes, each with its values. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

const IMPERSONATION_NAMES: Names<Impersonation> = {
  user: true,
  uid: true,
  groups: true,
  extra: true,
};

/** Throws `InvalidArgumentError` for a field that does not exist: without it, the request would be made as somebody else. */
export function checkImpersonation(impersonate: Impersonation): void {
  checkNames("impersonate", impersonate, IMPERSONATION_NAMES);
}

/** The headers, one line for each group and each value. */
export function impersonationHeaders(
  { user, uid, groups = [], extra = {} }: Impersonation,
): NameValue[] {
  const lines: NameValue[] = [["impersonate-user", user]];
  if (uid !== undefined) lines.push(["impersonate-uid", uid]);
  for (const group of groups) lines.push(["impersonate-group", group]);
  for (const [name, values] of Object.entries(extra)) {
    const header = `impersonate-extra-${escapeName(name)}`;
    for (const value of values) lines.push([header, value]);
  }
  return lines.map(([name, value]) => {
    if (isHeaderValue(value)) return [name, utf8(value)];
    throw new InvalidArgumentError(
      `${name} has a control character, or a space at an end`,
    );
  });
}

/** Whether a value can be sent in a header line. */
export function isHeaderValue(value: string): boolean {
  // deno-lint-ignore no-control-regex
  return !/[\x00-\x08\x0a-\x1f\x7f]/.test(value) && value.trim() === value;
}

/** Headers are strings of bytes, and the API server reads them as UTF-8. */
function utf8(value: string): string {
  return Array.from(
    new TextEncoder().encode(value),
    (byte) => String.fromCharCode(byte),
  ).join("");
}

/** The API server undoes this: names of extras may have characters that names of headers may not. */
function escapeName(name: string): string {
  return Array.from(
    new TextEncoder().encode(name.toLowerCase()),
    (byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(char)
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    },
  ).join("");
}

/**
 * Impersonation headers of the API server.
 *
 * @module
 */

import { checkText, checkTexts } from "../../connection/option_kinds.ts";
import type { NameValue } from "../../frame/types.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkNames, type Names } from "../../values.ts";
import { isHeaderValue, utf8 } from "./header_value.ts";

/** The user to act as. */
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

/**
 * Throws `InvalidArgumentError` for an unknown field and for a value of a wrong type. If
 * it were ignored, the request could be made as another user than intended.
 */
export function checkImpersonation(impersonate: Impersonation): void {
  checkNames("impersonate", impersonate, IMPERSONATION_NAMES);
  const { user, uid, groups, extra } = impersonate;
  checkText("impersonate.user", user);
  if (uid !== undefined) checkText("impersonate.uid", uid);
  if (groups !== undefined) checkTexts("impersonate.groups", groups);
  for (const [name, values] of Object.entries(extra ?? {})) {
    checkTexts(`impersonate.extra.${name}`, values);
  }
}

/** The headers, with a separate line for each group and each value. */
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
      `${name} contains a control character, or begins or ends with a space`,
    );
  });
}

/**
 * Escapes characters in the name of an extra field that header names must not
 * contain; the API server decodes them.
 */
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

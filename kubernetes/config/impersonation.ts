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

/**
 * The user to act as. As in kubectl, a field that is absent is that of the kubeconfig; of
 * `extra`, each attribute by itself, whatever the case of its name.
 */
export interface Impersonation {
  /** Name of the user. Needed if the kubeconfig has none. */
  readonly user?: string;
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

/** Message of the error for an impersonation without a user. */
export const NO_USER =
  "a uid, groups or attributes to impersonate need a user: none was given, and the kubeconfig has no `as`";
/** What is wrong with a value that no header can have. */
export const NO_HEADER_VALUE =
  "contains a control character, or begins or ends with a space";

/**
 * Throws `InvalidArgumentError` for an unknown field and for a value of a wrong type. If
 * it were ignored, the request could be made as another user than intended.
 */
export function checkImpersonation(impersonate: Impersonation): void {
  checkNames("impersonate", impersonate, IMPERSONATION_NAMES);
  const { user, uid, groups, extra } = impersonate;
  if (user !== undefined) checkText("impersonate.user", user);
  if (uid !== undefined) checkText("impersonate.uid", uid);
  if (groups !== undefined) checkTexts("impersonate.groups", groups);
  for (const [name, values] of Object.entries(extra ?? {})) {
    checkTexts(`impersonate.extra.${name}`, values);
  }
}

/**
 * The attributes under the names that the API server gives them: in lower case. Those that
 * only differ in case are one attribute with the values of both.
 */
export function attributesOf<Value>(
  entries: Iterable<readonly [name: string, values: readonly Value[]]>,
): Map<string, Value[]> {
  const attributes = new Map<string, Value[]>();
  for (const [spelling, values] of entries) {
    const name = spelling.toLowerCase();
    attributes.set(name, [...attributes.get(name) ?? [], ...values]);
  }
  return attributes;
}

/**
 * The headers, with a separate line for each group and each value.
 *
 * Throws `InvalidArgumentError` without a user, and for a value that no header can have.
 */
export function impersonationHeaders(
  { user, uid, groups = [], extra = {} }: Impersonation,
): NameValue[] {
  if (user === undefined) {
    throw new InvalidArgumentError(NO_USER);
  }
  const lines: NameValue[] = [["impersonate-user", user]];
  if (uid !== undefined) lines.push(["impersonate-uid", uid]);
  for (const group of groups) lines.push(["impersonate-group", group]);
  for (const [name, values] of Object.entries(extra)) {
    const header = `impersonate-extra-${escapeName(name)}`;
    for (const value of values) lines.push([header, value]);
  }
  return lines.map(([name, value]) => {
    if (isHeaderValue(value)) return [name, utf8(value)];
    throw new InvalidArgumentError(`${name} ${NO_HEADER_VALUE}`);
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

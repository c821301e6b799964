/**
 * Reads fields of objects from an API server, whose types are not guaranteed.
 *
 * @module
 */

/** The value at a path of names and indexes; `undefined` if there is none. */
export function at(value: unknown, ...path: (string | number)[]): unknown {
  for (const step of path) {
    if (
      typeof value !== "object" || value === null || !Object.hasOwn(value, step)
    ) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** The string at a path; `""` if there is none. */
export function textAt(value: unknown, ...path: (string | number)[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** The list at a path; empty if there is none. */
export function listAt(
  value: unknown,
  ...path: (string | number)[]
): unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/**
 * Environment variables for the duration of a test.
 *
 * @module
 */

/**
 * Sets variables (`undefined` removes one), and restores the previous ones when
 * it is disposed of.
 */
export function useEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
): Disposable {
  const before = Object.keys(variables).map((name) =>
    [name, Deno.env.get(name)] as const
  );
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) Deno.env.delete(name);
    else Deno.env.set(name, value);
  };
  for (const [name, value] of Object.entries(variables)) set(name, value);
  return {
    [Symbol.dispose]: () => {
      for (const [name, value] of before) set(name, value);
    },
  };
}

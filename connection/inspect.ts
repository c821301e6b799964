/**
 * How the objects of this package look when a program prints them.
 *
 * @module
 */

/** What `Deno.inspect` and `console.log` of Deno call. */
const DENO_INSPECT = Symbol.for("Deno.customInspect");
/** What Node's `util.inspect` and `console.log` call. */
const NODE_INSPECT = Symbol.for("nodejs.util.inspect.custom");

type Inspect = (value: unknown, options?: unknown) => string;

/**
 * Lets the objects of a class show what `describe` says of them, behind the name of
 * their class. It must throw for no object, and wait for nothing.
 */
export function makeInspectable<T extends object>(
  prototype: T,
  describe: (object: T) => object,
): void {
  const shown = (object: T, inspect: Inspect, options: unknown): string => {
    const { name } = object.constructor;
    // The prototype itself has no state.
    if (Object.hasOwn(object, DENO_INSPECT)) return `${name} {}`;
    return `${name} ${inspect(describe(object), options)}`;
  };
  Object.defineProperties(prototype, {
    [DENO_INSPECT]: {
      configurable: true,
      value(this: T, inspect: Inspect, options: unknown): string {
        return shown(this, inspect, options);
      },
    },
    [NODE_INSPECT]: {
      configurable: true,
      value(this: T, depth: number, options: object, inspect: Inspect): string {
        return shown(this, inspect, { ...options, depth });
      },
    },
  });
}

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
 * their class. `describe` waits for nothing.
 */
export function customizeInspect<T extends object>(
  prototype: T,
  describe: (object: T) => object,
): void {
  const show = (object: T, inspect: Inspect, options: unknown): string => {
    const { name = "Object" } = object.constructor ?? {};
    let description: object;
    try {
      description = describe(object);
    } catch {
      // A prototype, or a proxy of an object, has no private fields.
      description = {};
    }
    return `${name} ${inspect(description, options)}`;
  };
  Object.defineProperties(prototype, {
    [DENO_INSPECT]: {
      configurable: true,
      value(this: T, inspect: Inspect, options: unknown): string {
        return show(this, inspect, options);
      },
    },
    [NODE_INSPECT]: {
      configurable: true,
      value(this: T, depth: number, options: object, inspect: Inspect): string {
        return show(this, inspect, { ...options, depth });
      },
    },
  });
}

/**
 * Customizes how the objects of this package are printed.
 *
 * @module
 */

/** Called by `Deno.inspect` and by Deno's `console.log`. */
const DENO_INSPECT = Symbol.for("Deno.customInspect");
/** Called by Node's `util.inspect` and `console.log`. */
const NODE_INSPECT = Symbol.for("nodejs.util.inspect.custom");

type Inspect = (value: unknown, options?: unknown) => string;

/**
 * Lets objects of a class print the result of `describe` after the name of the
 * class. `describe` must not wait for anything.
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

/**
 * Says that the system is Windows, for code that decides by `Deno.build.os`.
 *
 * @module
 */

/** Until disposal, `Deno.build.os` is `"windows"`. */
export function asWindows(): Disposable {
  const { build } = Deno;
  const replace = (value: typeof Deno.build): void => {
    Object.defineProperty(Deno, "build", { value });
  };
  replace({ ...build, os: "windows" });
  return { [Symbol.dispose]: () => replace(build) };
}

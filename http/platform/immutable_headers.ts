/**
 * Makes the headers of received messages immutable (Fetch standard, "guard").
 *
 * @module
 */

/** The result of {@linkcode findGuard}, which a program without `Headers` does not need. */
let found: { readonly guard: symbol | undefined } | undefined;

/**
 * Makes headers immutable: changing them throws `TypeError`. Deno stores this under
 * a symbol, which is cheap to set; without the symbol, the object gets methods of
 * its own.
 */
export function makeImmutable(headers: Headers): Headers {
  const { guard } = found ??= { guard: findGuard() };
  if (guard !== undefined) {
    Reflect.set(headers, guard, "immutable");
    return headers;
  }
  return Object.defineProperties(headers, REFUSING);
}

const REFUSING: PropertyDescriptorMap = {
  append: { value: refuse },
  delete: { value: refuse },
  set: { value: refuse },
};

function refuse(): never {
  throw new TypeError("Cannot change headers: headers are immutable");
}

/**
 * The symbol under which Deno stores whether a `Headers` object may be changed;
 * `undefined` if it stores that elsewhere.
 */
function findGuard(): symbol | undefined {
  const own = Object.getOwnPropertySymbols(new Headers());
  return own.find((key) => key.description === "guard" && works(key));
}

function works(key: symbol): boolean {
  const headers = new Headers([["a", "b"]]);
  Reflect.set(headers, key, "immutable");
  try {
    headers.set("a", "c");
    return false;
  } catch {
    return headers.get("a") === "b" && new Headers(headers).get("a") === "b";
  }
}

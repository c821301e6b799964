/**
 * Makes `fetch` a function that can be passed to other code.
 *
 * @module
 */

/**
 * Binds the `fetch` of an object to that object. Libraries that take a `fetch` (ky,
 * openai) call it without the object. The property is not enumerable, so it does
 * not appear when the object is printed.
 */
export function bindFetch(
  client: { fetch(...args: never[]): Promise<Response> },
): void {
  Object.defineProperty(client, "fetch", {
    value: client.fetch.bind(client),
    writable: true,
    configurable: true,
  });
}

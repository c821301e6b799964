/**
 * Makes `fetch` a function that can be passed on.
 *
 * @module
 */

/**
 * Binds the `fetch` of an object to it, as libraries expect that take a `fetch`
 * (ky, openai): they call it without the object. It is not enumerable, so that it
 * does not show where the object is printed.
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

/**
 * One of each of the platform's objects that a request is made of. Some of the
 * platform's code is JavaScript, too, and is thrown away with the last of them;
 * see `zlib/deflate.ts`.
 *
 * @module
 */

/** Nobody uses them. */
export const KEPT: readonly unknown[] = [
  new URL("http://localhost/"),
  new Headers([["a", "b"]]),
  new Request("http://localhost/", { method: "POST", body: "x" }),
  new Response("x"),
  new Response(new Uint8Array(1), { headers: { "content-type": "a/b" } }),
];

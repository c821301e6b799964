/**
 * Keeps the compiled code of the platform's objects for requests and responses.
 * Deno implements them in JavaScript, so V8 discards their code like that of other
 * classes; `zlib/deflate.ts` explains this. `connection/warm.ts` does the same for
 * the classes of a stream. This file is separate because the connection layer must
 * not load `Request` and `Response` for programs without HTTP.
 *
 * @module
 */

let kept: readonly unknown[] | undefined;

/**
 * Creates one object of each class; further calls do nothing. A server calls it at
 * its start, and a client after some requests: it takes 5 ms, which a program that
 * fetches one page does not need to spend.
 */
export function keepPlatform(): void {
  kept ??= [
    new URL("http://localhost/"),
    new Headers([["a", "b"]]),
    new Request("http://localhost/", { method: "POST", body: "x" }),
    new Response("x"),
    new Response(new Uint8Array(1), { headers: { "content-type": "a/b" } }),
  ];
}

/**
 * Keeps the compiled code of the platform's objects that requests and responses use.
 * Deno implements them in JavaScript, so V8 discards their code as it does that of
 * other classes; `zlib/deflate.ts` explains this. `connection/warm.ts` does the same
 * for the classes of a stream. It is a file apart because the connection layer has no
 * `Request` or `Response`, and must not load them for programs without HTTP.
 *
 * @module
 */

let kept: readonly unknown[] | undefined;

/**
 * Creates one object of each; further calls do nothing. A server does so when it
 * begins, and a client once it has sent some requests: loading this takes 5 ms, which
 * a program that asks for one page does not need.
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

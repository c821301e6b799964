/**
 * Keeps the compiled code of the platform's objects for requests and responses: Deno
 * implements them in JavaScript, so V8 discards their code like that of other classes.
 *
 * @module
 */

import { keepCompiledCode } from "../../compiled_code.ts";

let isKept = false;

/**
 * Creates one object of each class; further calls do nothing. A server calls it at
 * its start, and a client after some requests: it takes 5 ms, which a program that
 * fetches one page does not need to spend.
 */
export function keepPlatform(): void {
  if (isKept) return;
  isKept = true;
  keepCompiledCode([
    new URL("http://localhost/"),
    new Headers([["a", "b"]]),
    new Request("http://localhost/", { method: "POST", body: "x" }),
    new Response("x"),
    new Response(new Uint8Array(1), { headers: { "content-type": "a/b" } }),
  ]);
}

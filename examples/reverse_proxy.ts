/**
 * SPDY in front of an HTTP server. Bodies are streamed in both directions. If a client
 * cancels its request, the proxy cancels its own.
 *
 *     deno run --allow-net examples/reverse_proxy.ts http://127.0.0.1:3000
 *
 * `spdy proxy` of the command line does the same, also with TLS, with an access log,
 * and in the other direction.
 *
 * @module
 */

import { serve } from "../mod.ts";

const { origin } = new URL(Deno.args[0] ?? "http://127.0.0.1:3000");

serve({ hostname: "127.0.0.1", port: 8000 }, async (request, info) => {
  const { pathname, search } = new URL(request.url);
  const headers = new Headers(request.headers);
  headers.delete("host"); // The server behind the proxy has another name.
  headers.append("x-forwarded-for", info.remoteAddr.hostname);
  try {
    // Strings are concatenated, because new URL() would read the path "//other.example/" as a host.
    const response = await fetch(origin + pathname + search, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
      signal: request.signal,
    });
    const answered = new Headers(response.headers);
    // `fetch` has decoded the body, so these two headers are no longer right.
    if (answered.has("content-encoding")) answered.delete("content-length");
    answered.delete("content-encoding");
    return new Response(response.body, {
      status: response.status,
      headers: answered,
    });
  } catch (error) {
    console.error(error);
    return new Response(`${origin} does not answer\n`, { status: 502 });
  }
});

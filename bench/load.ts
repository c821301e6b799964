/**
 * The load of the request rows: 12 request headers of 590 bytes with a cookie
 * and a path that changes, 6 response headers, a body of 1 KiB.
 *
 * @module
 */

import type { NameValue } from "../frame/types.ts";

/** Streams open at the same time in a request row. */
export const IN_FLIGHT = 100;

/** Every response's body. */
export const BODY: Uint8Array = new TextEncoder().encode(
  "The quick brown fox jumps over the lazy dog. ".repeat(23).slice(0, 1024),
);

/**
 * The bytes that bulk rows send. They have been written to, because memory that
 * was never touched is a single page of zeros, which every copy finds in the
 * fastest cache.
 */
export const BULK: Uint8Array<ArrayBuffer> = crypto.getRandomValues(
  new Uint8Array(64 * 1024),
);

const REQUEST_REST: readonly (readonly [name: string, value: string])[] = [
  [":scheme", "https"],
  [":host", "www.example.com"],
  [":version", "HTTP/1.1"],
  ["accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
  ["accept-encoding", "gzip, deflate, br, x"],
  ["accept-language", "en-US,en;q=0.8"],
  ["cache-control", "max-age=0"],
  [
    "cookie",
    "session=0a1b2c3d4e5f60718293a4b5c6d7e8f9; theme=dark; lang=en; cart=7f3e2d1c0b9a8877; _ga=GA1.2.1093847561.1700000000",
  ],
  [
    "referer",
    "https://www.example.com/catalogue/overview/index.html?sort=price&page=000012&view=list",
  ],
  [
    "user-agent",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/118.0.0.0 Safari/537.36",
  ],
];

/** The path of the `index`th request; always 45 bytes. */
export function path(index: number): string {
  return `/catalogue/items/${
    String(index * 7919 % 1_000_000).padStart(6, "0")
  }` +
    `/details?page=${String(index % 10_000).padStart(4, "0")}&x=1`;
}

/** The headers of the `index`th request: 12 pairs, 590 bytes of names and values. */
export function requestHeaders(index: number): NameValue[] {
  const headers: NameValue[] = [[":method", "GET"], [":path", path(index)]];
  for (const [name, value] of REQUEST_REST) headers.push([name, value]);
  return headers;
}

/** The headers of the `index`th response: 6 pairs. */
export function responseHeaders(index: number): NameValue[] {
  return [
    [":status", "200 OK"],
    [":version", "HTTP/1.1"],
    ["content-type", "text/plain; charset=utf-8"],
    ["content-length", "1024"],
    ["date", "Mon, 23 Nov 2026 02:17:00 GMT"],
    ["etag", `"${(index * 104729 % 0xffffff).toString(16)}"`],
  ];
}

/** A list as an object, without the pairs that a peer adds itself. */
export function asObject(
  headers: readonly NameValue[],
  without: (name: string) => boolean,
): Record<string, string> {
  const object: Record<string, string> = {};
  for (const [name, value] of headers) {
    if (!without(name)) object[name] = value;
  }
  return object;
}

/**
 * Makes requests for some time, {@linkcode IN_FLIGHT} of them at a time, and reads
 * their bodies.
 *
 * @param request Makes one request.
 * @return Requests per second.
 */
export async function requestsPerSecond(
  milliseconds: number,
  request: () => Promise<Response>,
): Promise<number> {
  const begin = performance.now();
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - begin < milliseconds) {
      const { byteLength } = await (await request()).arrayBuffer();
      if (byteLength !== BODY.length) throw new Error("short body");
      done++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return done / (performance.now() - begin) * 1000;
}

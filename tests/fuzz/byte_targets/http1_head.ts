import {
  HeadScanner,
  type Http1RequestHead,
  parseHead,
} from "../../../http/upgrade/head.ts";
import { RequestRefusal } from "../../../http/upgrade/refusal.ts";
import { assert, assertEquals } from "../../deps.ts";
import { type ByteTarget, Choices } from "../byte_target.ts";

const HEADS = [
  "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
  "GET / HTTP/1.0\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: h:80\r\n\r\n",
  "GET http://x:1/y?z HTTP/1.1\r\nHost: [::1]\r\nA: b\r\nA: c\r\n\r\n",
  "\r\n\r\nPOST //a HTTP/1.1\r\nhOsT:\th\t\r\nContent-Length: 5\r\n\r\nhello",
  "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
];
const WORDS = [
  "\r\n",
  "\r\n\r\n",
  "\r",
  ": ",
  "Host: h\r\n",
  " HTTP/1.1",
  "http://",
  "//",
  "#",
  "@",
  "%2f",
  "[::1]",
];

function encode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Where the head ends if its bytes arrive in pieces of `size`. */
function endOf(bytes: Uint8Array, size: number): number | string | undefined {
  const scanner = new HeadScanner();
  try {
    for (let end = 0; end < bytes.length;) {
      end = Math.min(bytes.length, end + size);
      const length = scanner.scan(bytes.subarray(0, end));
      if (length !== undefined) return length;
    }
    return undefined;
  } catch (error) {
    if (error instanceof RequestRefusal) return error.message;
    throw error;
  }
}

function parsed(head: Uint8Array): Http1RequestHead | undefined {
  try {
    return parseHead(head, "http");
  } catch (error) {
    if (error instanceof RequestRefusal) return undefined;
    throw error;
  }
}

/** A head is read or refused, however it is cut, and no other reader interprets it differently. */
export const http1HeadTarget: ByteTarget = {
  name: "http1_head",
  property:
    "a request head ends at the same byte however it is cut, and reads the same when written again",
  sources: ["http/upgrade/head", "http/platform/header_text"],
  words: WORDS.map(encode),
  seeds: () => HEADS.map((head) => encode(`\x05${head}`)),
  run(input) {
    const choices = new Choices(input);
    const size = 1 + choices.below(256);
    const bytes = choices.rest();
    const end = endOf(bytes, bytes.length);
    assertEquals(endOf(bytes, size), end);
    if (typeof end !== "number") return;
    const head = parsed(bytes.subarray(0, end));
    if (head === undefined) return;
    const { method, url, minor, headers } = head;
    assert(url.protocol === "http:" && url.hash === "");
    assertEquals([url.username, url.password], ["", ""]);
    const lines = [...headers].filter(([name]) => name !== "host")
      .map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const again = parsed(encode(
      `${method} ${url.href} HTTP/1.${minor}\r\nHost: ${url.host}\r\n${lines}\r\n`,
    ));
    if (again === undefined) {
      throw new Error("the head is refused when it is written again");
    }
    assertEquals(again.url.href, url.href);
    assertEquals([again.method, again.minor], [method, minor]);
    headers.delete("host");
    again.headers.delete("host");
    assertEquals([...again.headers], [...headers]);
    // A proxy or a log in front of this server sees the same path.
    assert(!/[\s]/.test(url.href), url.href);
    // Nothing in the path becomes part of the host.
    assert(url.pathname.startsWith("/"));
    assert(new Request(url, { method }).url === url.href || method === "GET");
  },
};

/** The URL of a request, parsed or not, is the same. */

import { readRequestUrl } from "../../http/fetch/request_url.ts";
import { assertEquals, assertThrows } from "../deps.ts";
import { Random } from "../helpers/random.ts";

const ORIGINS = [
  "http://example.org",
  "http://example.org:80",
  "http://example.org:8080",
  "https://example.org",
  "https://example.org:443",
  "http://EXAMPLE.org",
  "http://[::1]:8080",
  "http://example.orgs",
];
const PARTS = [
  "/",
  "//",
  "a",
  "A1",
  ".",
  "..",
  "%2e",
  "%41",
  "?",
  "??",
  "#",
  "&b=c",
  "\\",
  "\t",
  "\n",
  " ",
  '"',
  "'",
  "<",
  "^",
  "`",
  "{",
  "|",
  "[",
  "*",
  "~",
  "!$&()+,;:@=-_",
  "@",
  "\u00e9",
  "\ud800",
];

interface Parts {
  href: string;
  host: string;
  protocol: string;
  path: string;
}

function partsOf(
  { href, host, protocol, pathname, search }: Pick<
    URL,
    "href" | "host" | "protocol" | "pathname" | "search"
  >,
): Parts {
  return { href, host, protocol, path: pathname + search };
}

function parsed(url: string, base?: string): Parts {
  const target = new URL(url, base);
  target.hash = "";
  return partsOf(target);
}

Deno.test("a URL that is not parsed has the parts of the parsed one", () => {
  const random = new Random(41);
  let plain = 0;
  for (let round = 0; round < 4000; round++) {
    const origin = random.pick(ORIGINS);
    let path = "/";
    for (let count = random.int(0, 5); count > 0; count--) {
      path += random.pick(PARTS);
    }
    // The second time, the origin is known.
    readRequestUrl(`${origin}/`);
    let wanted: Parts;
    try {
      wanted = parsed(origin + path);
    } catch {
      continue;
    }
    const found = readRequestUrl(origin + path);
    assertEquals(partsOf(found), wanted, origin + path);
    if (!(found instanceof URL)) plain++;
    const { origin: base } = new URL(origin);
    for (const relativeTo of [base, `${base}/a/b`]) {
      let relative: Parts;
      try {
        const { username, password } = new URL(path, relativeTo);
        if (username !== "" || password !== "") continue;
        relative = parsed(path, relativeTo);
      } catch {
        continue;
      }
      assertEquals(partsOf(readRequestUrl(path, relativeTo)), relative, path);
    }
  }
  assertEquals(plain > 200, true, `${plain}`);
});

Deno.test("a URL that fetch does not accept is refused, whatever was read before", () => {
  readRequestUrl("http://a/");
  const refused = ["http://a@b/", "http://u:p@a/", "ftp://a/", "a", "", "/x"];
  for (const url of refused) {
    assertThrows(() => readRequestUrl(url), TypeError, "");
  }
});

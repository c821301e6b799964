import { assertEquals } from "../../deps.ts";
import {
  findUnits,
  isSecretName,
} from "../../../frame/compression/sensitive.ts";

const SECRET = [
  "cookie",
  "cookie2",
  "set-cookie",
  "set-cookie2",
  "authorization",
  "proxy-authorization",
  "authentication-info",
  "x-auth",
  "x-auth-token",
  "x-csrf-token",
  "csrf",
  "x-xsrf-header",
  "x-api-key",
  "x_api_key",
  "apikey",
  "ocp-apim-subscription-key",
  "x-amz-security-token",
  "x-session-id",
  "phpsessionid",
  "sid",
  "x-sid",
  "client_secret",
  "x-password",
  "x-amz-credential",
  "x-hub-signature-256",
  "x-jwt-assertion",
];

const PUBLIC = [
  ":path",
  ":host",
  ":status",
  "accept",
  "author",
  "age",
  "cache-control",
  "date",
  "etag",
  "expires",
  "keep-alive",
  "last-modified",
  "location",
  "monkey",
  "referer",
  "side",
  "user-agent",
  "vary",
  "www-authenticate",
  "x-pingback",
];

Deno.test("secret names: what carries a credential, and what only looks a little like it", () => {
  for (const name of SECRET) assertEquals(isSecretName(name), true, name);
  for (const name of PUBLIC) assertEquals(isSecretName(name), false, name);
  // Judged names are remembered; too many of them are not.
  for (let index = 0; index < 3000; index++) {
    assertEquals(isSecretName(`x-${index}`), false);
    assertEquals(isSecretName(`x-${index}-token`), true);
  }
});

function units(name: string, value: string): string[] {
  const found: string[] = [];
  let end = 0;
  findUnits(name, value, (from, to) => {
    // In order, not empty, not overlapping.
    if (from < end || to <= from) throw new Error(`${from}..${to}`);
    found.push(value.slice(from, to));
    end = to;
  });
  return found;
}

Deno.test("units: cookies fall into crumbs, other secrets into their values", () => {
  assertEquals(units("cookie", "a=1; b=2; c=3"), ["a=1", "b=2", "c=3"]);
  assertEquals(units("cookie", "a=1;b=2; c"), ["a=1;b=2", "c"]);
  assertEquals(units("cookie", "a=1\0b=2; c=3"), ["a=1", "b=2", "c=3"]);
  assertEquals(units("cookie", "; ; a"), ["a"]);
  assertEquals(units("cookie", "Path=/; Secure"), ["Path=/", "Secure"]);
  assertEquals(units("cookie", ""), []);
  assertEquals(units("authorization", "a; b"), ["a; b"]);
  assertEquals(units("x-token", "a\0b"), ["a", "b"]);
});

Deno.test("units: of set-cookie the known attributes are public, unless one stands first", () => {
  assertEquals(
    units("set-cookie", "a=1; Path=/; EXPIRES=Thu, 01 Jan;secure;HttpOnly"),
    ["a=1"],
  );
  assertEquals(units("set-cookie", "a=1; x=2; path=/"), ["a=1", "x=2"]);
  assertEquals(units("set-cookie", "path=/; path=/"), ["path=/"]);
  assertEquals(units("set-cookie", "a=1; Path=/\0path=b; Path=/"), [
    "a=1",
    "path=b",
  ]);
  assertEquals(units("set-cookie", "a=1; pathological=x"), [
    "a=1",
    "pathological=x",
  ]);
  assertEquals(units("set-cookie", ";;"), []);
});

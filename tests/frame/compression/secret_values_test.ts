/** Which values are secret, and which parts of values. */

import { assertEquals } from "../../deps.ts";
import { sensitivityOf } from "../../../frame/compression/secret_names.ts";
import {
  findUnits,
  isSecretValue,
} from "../../../frame/compression/secret_values.ts";

function units(name: string, value: string): string[] {
  const found: string[] = [];
  let end = 0;
  findUnits(name, sensitivityOf(name), value, (from, to) => {
    // Parts are in order, not empty, and do not overlap.
    if (from < end || to <= from) throw new Error(`${from}..${to}`);
    found.push(value.slice(from, to));
    end = to;
  });
  return found;
}

Deno.test("units: cookies are divided into crumbs, other secrets into their values", () => {
  assertEquals(units("cookie", "a=1; b=2; c=3"), ["a=1", "b=2", "c=3"]);
  assertEquals(units("cookie", "a=1;b=2; c"), ["a=1;b=2", "c"]);
  assertEquals(units("cookie", "a=1\0b=2; c=3"), ["a=1", "b=2", "c=3"]);
  assertEquals(units("cookie", "; ; a"), ["a"]);
  assertEquals(units("cookie", "Path=/; Secure"), ["Path=/", "Secure"]);
  assertEquals(units("cookie", ""), []);
  assertEquals(units("authorization", "a; b"), ["a; b"]);
  assertEquals(units("x-token", "a\0b"), ["a", "b"]);
});

Deno.test("units: the known attributes of set-cookie are public, unless one is first", () => {
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

Deno.test("values: under an unknown name they are secret from 16 characters on, or with a scheme", () => {
  for (
    const value of [
      "0123456789abcdef",
      "a".repeat(16),
      "a b c d e f g h ",
      "\u00e9".repeat(16),
      "12345678\x001234567",
      "Basic dTpw",
      "bearer x",
      "Negotiate YII=",
    ]
  ) assertEquals(isSecretValue("unknown", value), true, value);
  for (const value of ["", "HIT", "0123456789abcde", "basically", "Bearer"]) {
    assertEquals(isSecretValue("unknown", value), false, value);
  }
  assertEquals(isSecretValue("public", "Bearer 0123456789abcdef"), false);
  assertEquals(isSecretValue("secret", "a"), true);
  // It has no byte that could be found out.
  assertEquals(isSecretValue("secret", ""), false);
});

Deno.test("values: the characters in them make no difference", () => {
  // Otherwise, the class of a value would reveal which characters its secret
  // part lacks.
  for (let length = 0; length < 40; length++) {
    const classes = ["a", "0", "-", "Z", "\u00e9", "="].map((text) =>
      isSecretValue("unknown", text.repeat(length))
    );
    assertEquals(new Set(classes).size, 1, `${length} characters`);
  }
});

Deno.test("units: in an address, parameters with credentials, user information and keys are secret", () => {
  const table: readonly (readonly [address: string, ...units: string[]])[] = [
    ["/"],
    ["/index.html?q=token&page=2"],
    ["/?access_token=abc&x=1", "abc"],
    ["/a?q=x&token=ab/cd==&z", "ab/cd=="],
    ["/a?Token=1#id_token=2&state=3", "1", "2", "3"],
    ["/x;jsessionid=AB?y=1", "AB"],
    ["https://user:pa=ss@host/x", "user:pa=ss"],
    ["https://a@b@c/", "a@b"],
    ["https://host/a@b"],
    ["//@h/"],
    ["mailto:a@b"],
    ["/r?to=https://u:p@h/?sig=1", "u:p", "1"],
    ['<https://h/?api_key=1>; rel="next"', "1"],
    ["0; url=/?code=9", "9"],
    ["/\u00e9?token=\u00e9&", "\u00e9"],
    ["https://h/?token="],
    ["=abc"],
    ["/eyJhbGciOiJIUzI1NiJ9.e30.c2ln/x", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"],
    ["/v1/ghp_0123456789abcdef", "ghp_0123456789abcdef"],
    ["/?v=AKIA0123456789ABCDEF", "AKIA0123456789ABCDEF"],
    ["/eyJ/short"],
    ["/a?token=1\0/b?token=2", "1", "2"],
  ];
  for (const [address, ...wanted] of table) {
    for (const name of [":path", "referer"]) {
      assertEquals(units(name, address), wanted, address);
    }
    assertEquals(isSecretValue("address", address), wanted.length > 0);
  }
});

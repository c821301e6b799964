import {
  withBrackets,
  withoutBrackets,
} from "../../../connection/transport/host_name.ts";
import { assertEquals } from "../../deps.ts";

Deno.test("an IPv6 address loses the brackets that a URL has; other names are unchanged", () => {
  for (
    const [text, expected] of [
      ["[::1]", "::1"],
      ["::1", "::1"],
      ["[fe80::1%eth0]", "fe80::1%eth0"],
      ["127.0.0.1", "127.0.0.1"],
      ["example.org", "example.org"],
      ["[]", ""],
      ["[::1", "[::1"],
      ["::1]", "::1]"],
      ["", ""],
    ]
  ) assertEquals(withoutBrackets(text), expected);
});

Deno.test("an IPv6 address gets the brackets that a URL needs; other names are unchanged", () => {
  for (
    const [text, expected] of [
      ["::1", "[::1]"],
      ["::", "[::]"],
      ["fe80::1%eth0", "[fe80::1%eth0]"],
      ["127.0.0.1", "127.0.0.1"],
      ["example.org", "example.org"],
      ["", ""],
    ]
  ) {
    assertEquals(withBrackets(text), expected);
    assertEquals(withoutBrackets(withBrackets(text)), text);
  }
});

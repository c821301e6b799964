import { isUnchanged, matchesTag } from "../../cli/conditional.ts";
import { assertEquals } from "../deps.ts";

Deno.test("If-None-Match: it is a star or a list of tags, which are compared weakly", () => {
  const cases: [header: string, tag: string | undefined, matches: boolean][] = [
    ["*", undefined, true],
    [" * ", `"a"`, true],
    [`"a"`, `"a"`, true],
    [`W/"a"`, `"a"`, true],
    [`"a"`, `W/"a"`, true],
    [`"b", W/"a"`, `W/"a"`, true],
    [`"b",,\t,"a"`, `"a"`, true],
    [`"b""a"`, `"a"`, true],
    [`"a,b"`, `"a,b"`, true],
    [`"ab"`, `"a"`, false],
    [`"a"`, `"ab"`, false],
    [`"a`, `"a"`, false],
    [`a`, `"a"`, false],
    [`w/"a"`, `"a"`, false],
    [`*, "a"`, `"a"`, false],
    [`"a"`, undefined, false],
    ["", `"a"`, false],
    [`x"a"`, `"a"`, false],
  ];
  for (const [header, tag, matches] of cases) {
    assertEquals(matchesTag(header, tag), matches, `${header} of ${tag}`);
  }
});

Deno.test("If-Modified-Since: only the three forms of a date are accepted", () => {
  const mtime = new Date("1994-11-06T08:49:37.900Z");
  const unchanged = (since: string): boolean =>
    isUnchanged(new Headers({ "if-modified-since": since }), {
      tag: undefined,
      mtime,
    });
  for (
    const date of [
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
      "Mon, 07 Nov 1994 00:00:00 GMT",
    ]
  ) assertEquals(unchanged(date), true, date);
  for (
    const date of [
      "Sun, 06 Nov 1994 08:49:36 GMT",
      "Sun Nov  6 08:49:36 1994",
      "0",
      "2026",
      "Infinity",
      "9999-12-31",
      "9999-12-31T00:00:00Z",
      "Sun, 06 Nov 9999 99:49:37 GMT",
      "(".repeat(60_000),
      "",
    ]
  ) assertEquals(unchanged(date), false, date.slice(0, 40));
  const both = new Headers({
    "if-modified-since": "Mon, 07 Nov 1994 00:00:00 GMT",
    "if-none-match": `"b"`,
  });
  assertEquals(isUnchanged(both, { tag: `"a"`, mtime }), false);
});

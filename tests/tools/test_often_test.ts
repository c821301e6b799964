import { assertEquals, assertMatch, assertThrows } from "../deps.ts";
import { exactFilter, testNames } from "../../tools/test_often.ts";

Deno.test("test often: names are read from a report, without steps and ignored tests", () => {
  const report = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="0" errors="0" time="0.1">
    <testsuite name="./a_test.ts" tests="5" disabled="1" errors="0" failures="0">
        <testcase name="plain" classname="./a_test.ts" time="0.003" line="3" col="6">
        </testcase>
        <testcase name="a &lt;b&gt; &amp; &quot;c&quot; &#39;&#x21;" time="0.003"/>
        <testcase name="plain &gt; a step" time="0.003">
        </testcase>
        <testcase name="not here" time="0">
            <skipped/>
        </testcase>
        <testcase name="last" time="0.003">
        </testcase>
    </testsuite>
</testsuites>`;
  assertEquals(testNames(report), ["plain", `a <b> & "c" '!`, "last"]);
});

Deno.test("test often: a filter selects one name and no other", () => {
  for (const name of ["a.b", "a(b)/c", "x [1] {2} ^$ | * + ? \\", "plain"]) {
    const filter = exactFilter(name);
    const pattern = new RegExp(filter.slice(1, -1));
    assertMatch(name, pattern);
    assertThrows(() => assertMatch(`${name}s`, pattern));
    assertThrows(() => assertMatch(`the ${name}`, pattern));
  }
  assertThrows(() =>
    assertMatch("acb", new RegExp(exactFilter("a.b").slice(1, -1)))
  );
});

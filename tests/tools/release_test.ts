import {
  compareVersions,
  objections,
  withVersion,
} from "../../tools/release.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "../deps.ts";

const READY = {
  current: "1.2.3",
  changelog:
    "# Changelog\n\n## 1.3.0\n\n- Something.\n\n## 1.2.3\n\n- First.\n",
  status: "",
  tags: ["v1.2.3"],
};

Deno.test("release: there is no objection to the next version", () => {
  assertEquals(objections("1.3.0", READY), []);
});

Deno.test("release: the first one is the version in deno.json", () => {
  assertEquals(objections("1.2.3", { ...READY, tags: [] }), []);
});

Deno.test("release: each objection names what is wrong", () => {
  const cases: [
    version: string,
    changes: Partial<typeof READY>,
    says: string,
  ][] = [
    ["1.3", {}, `"1.3" is not a version`],
    ["v1.3.0", {}, `"v1.3.0" is not a version`],
    ["01.3.0", {}, "is not a version"],
    ["1.3.0", { current: "1.4.0" }, "1.3.0 is lower than 1.4.0"],
    ["1.3.0", { tags: ["v1.3.0"] }, "the tag v1.3.0"],
    ["1.4.0", {}, `no section "## 1.4.0"`],
    [
      "1.3.0",
      { changelog: "## 1.3.0\n\n## 1.2.3\n- First.\n" },
      "with text in it",
    ],
    ["1.3.0", { changelog: "## 1.3.00\n\n- Other.\n" }, "no section"],
    ["1.3.0", { status: " M mod.ts\n" }, "not clean:\n M mod.ts"],
  ];
  for (const [version, changes, says] of cases) {
    const found = objections(version, { ...READY, ...changes });
    assertEquals(found.length, 1, `${version}: ${found}`);
    assertStringIncludes(found[0], says);
  }
});

Deno.test("release: versions are ordered as section 11 of Semantic Versioning 2.0.0 requires", () => {
  const order = [
    "0.9.10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.1",
    "1.2.0",
    "1.10.0",
    "2.0.0",
  ];
  for (const [left, a] of order.entries()) {
    for (const [right, b] of order.entries()) {
      assertEquals(
        Math.sign(compareVersions(a, b)),
        Math.sign(left - right),
        `${a}, ${b}`,
      );
    }
  }
  assertThrows(() => compareVersions("1.0", "1.0.0"), TypeError);
});

Deno.test("release: only the version changes", async () => {
  const config = await Deno.readTextFile(
    new URL("../../deno.json", import.meta.url),
  );
  const { version, ...rest } = JSON.parse(config);
  const changed = withVersion(config, "99.0.1");
  assertEquals(JSON.parse(changed), { ...rest, version: "99.0.1" });
  assert(changed.startsWith("{\n"));
  assertEquals(withVersion(changed, version), config);
});

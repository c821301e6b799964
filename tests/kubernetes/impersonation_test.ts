/** The impersonation headers of a kubeconfig and of the caller. */

import type { NameValue } from "../../frame/types.ts";
import {
  type Impersonation,
  KubeConfigError,
  loadKubeConfig,
} from "../../kubernetes/mod.ts";
import { InvalidArgumentError } from "../../mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";

/** The headers for a kubeconfig whose user has these fields. */
async function headersOf(
  user: string,
  impersonate?: Impersonation,
): Promise<NameValue[]> {
  const text = `current-context: shop
contexts:
- name: shop
  context: { cluster: east, user: ann }
clusters:
- name: east
  cluster: { server: "https://10.0.0.1:6443" }
users:
- name: ann
  user:
    ${user.replaceAll("\n", "\n    ")}
`;
  const config = await loadKubeConfig({ text, impersonate });
  return (await config.target()).headers;
}

Deno.test("impersonation: each group has its own line, and extras are escaped", async () => {
  const headers = await headersOf(`token: t
as: jane
as-uid: "7"
as-groups: [devs, "a, b"]
as-user-extra:
  Acme.com/Pro Max: [x, y]
  scopes: [jos\u00e9]`);
  assertEquals(headers.slice(1), [
    ["impersonate-user", "jane"],
    ["impersonate-uid", "7"],
    ["impersonate-group", "devs"],
    ["impersonate-group", "a, b"],
    ["impersonate-extra-acme.com%2Fpro%20max", "x"],
    ["impersonate-extra-acme.com%2Fpro%20max", "y"],
    ["impersonate-extra-scopes", "jos\u00c3\u00a9"],
  ]);
  await assertRejects(
    () => headersOf("as-groups: [devs]"),
    KubeConfigError,
    "but no as",
  );
});

Deno.test("impersonation: what the caller leaves out is that of the kubeconfig, as in kubectl", async () => {
  const user = `as: jane
as-uid: "7"
as-groups: [devs]
as-user-extra:
  reason: [file]
  scopes: [x, y]`;
  const headers = async (
    impersonate: Impersonation,
    file = user,
  ): Promise<string[]> =>
    (await headersOf(file, impersonate))
      .map(([name, value]) => `${name.slice("impersonate-".length)}: ${value}`);
  const extra = ["extra-reason: file", "extra-scopes: x", "extra-scopes: y"];
  assertEquals(await headers({ user: "bob" }), [
    "user: bob",
    "uid: 7",
    "group: devs",
    ...extra,
  ]);
  assertEquals(await headers({ groups: ["ops", "qa"] }), [
    "user: jane",
    "uid: 7",
    "group: ops",
    "group: qa",
    ...extra,
  ]);
  assertEquals(
    await headers({ uid: "8", groups: [], extra: { reason: ["caller"] } }),
    [
      "user: jane",
      "uid: 8",
      "extra-reason: caller",
      "extra-scopes: x",
      "extra-scopes: y",
    ],
  );
  assertEquals(await headers({ user: "bob" }, "as-groups: [devs]"), [
    "user: bob",
    "group: devs",
  ]);
  await assertRejects(
    () => headers({ groups: ["ops"] }, "{}"),
    InvalidArgumentError,
    "need a user",
  );
});

Deno.test("impersonation: the error for a value of the file has its place, whatever the caller gives", async () => {
  const cases: [user: string, line: number, field: string][] = [
    ['as: "b\\x01x"', 11, "as"],
    ['as: bob\nas-uid: "7 "', 12, "as-uid"],
    ['as: bob\nas-groups: [ok, "b\\x01x"]', 12, "as-groups[1]"],
    [
      'as: bob\nas-user-extra:\n  a: [ok]\n  b: ["b\\x01x"]',
      14,
      "as-user-extra.b[0]",
    ],
  ];
  for (const [user, line, field] of cases) {
    for (const impersonate of [undefined, {}, { extra: { c: ["y"] } }]) {
      const error = await assertRejects(
        () => headersOf(user, impersonate),
        KubeConfigError,
        "this contains a control character, or begins or ends with a space",
      );
      assertEquals([error.line, error.field], [
        line,
        `users[0].user.${field}`,
      ]);
    }
  }
});

Deno.test("impersonation: a value of the file that the caller replaces is not checked, that of the caller is", async () => {
  const file = `as: "b\\x01x"
as-uid: " "
as-groups: ["b\\x01x"]
as-user-extra: { Scopes: ["b\\x01x"] }`;
  const caller = { user: "a", uid: "1", groups: [], extra: { scopes: ["c"] } };
  assertEquals(await headersOf(file, caller), [
    ["impersonate-user", "a"],
    ["impersonate-uid", "1"],
    ["impersonate-extra-scopes", "c"],
  ]);
  const error = await assertRejects(
    () => headersOf("as: bob", { groups: ["b\x01x"] }),
    InvalidArgumentError,
    "impersonate-group contains a control character",
  );
  assertEquals(error instanceof KubeConfigError, false);
});

Deno.test("impersonation: attributes whose names differ only in case are one", async () => {
  const file = `as: jane
as-user-extra: { Scopes: [file], reason: [a], Reason: [b] }`;
  assertEquals(await headersOf(file, { extra: { scopes: ["caller"] } }), [
    ["impersonate-user", "jane"],
    ["impersonate-extra-scopes", "caller"],
    ["impersonate-extra-reason", "a"],
    ["impersonate-extra-reason", "b"],
  ]);
  const extra = { REASON: ["c"], scopes: ["d"], Reason: ["e"] };
  assertEquals((await headersOf(file, { extra })).slice(1), [
    ["impersonate-extra-scopes", "d"],
    ["impersonate-extra-reason", "c"],
    ["impersonate-extra-reason", "e"],
  ]);
});

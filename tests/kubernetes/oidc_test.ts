/**
 * The auth-provider `oidc` of a kubeconfig.
 *
 * @module
 */

import { date } from "../../connection/time/clock.ts";
import {
  type ClusterTarget,
  KubeConfigError,
  loadKubeConfig,
} from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { virtualTime } from "../helpers/virtual_time.ts";

/** The target of a user with the auth-provider `oidc`. */
async function target(
  config: Readonly<Record<string, string>>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<ClusterTarget> {
  const user = { "auth-provider": { name: "oidc", config }, ...more };
  const text = JSON.stringify({
    "current-context": "a",
    contexts: [{ name: "a", context: { cluster: "c", user: "u" } }],
    clusters: [{ name: "c", cluster: { server: "https://a.example" } }],
    users: [{ name: "u", user }],
  });
  return await (await loadKubeConfig({ text })).target();
}

function encode(value: unknown): string {
  return new TextEncoder().encode(JSON.stringify(value))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A token with these claims. */
function tokenOf(claims: unknown): string {
  return `e30.${encode(claims)}.c2ln`;
}

Deno.test("auth-provider oidc: the id-token is used until it expires", async () => {
  using time = virtualTime();
  const token = tokenOf({ exp: date() / 1000 + 60, name: "\u00fc?>" });
  const config = { "id-token": token };
  assertEquals((await target(config)).headers, [
    ["authorization", `Bearer ${token}`],
  ]);
  // As in kubectl, it is not used in its last ten seconds.
  await time.advance(49_999);
  await target(config);
  await time.advance(1);
  await assertRejects(
    () => target(config),
    KubeConfigError,
    "the id-token has expired (2024-01-01T00:01:00.000Z): run kubectl once",
  );
});

Deno.test("auth-provider oidc: a token or a password takes precedence, as in kubectl", async () => {
  for (
    const [more, authorization] of [
      [{ token: "t" }, "Bearer t"],
      [{ username: "a", password: "b" }, "Basic YTpi"],
    ] as const
  ) {
    const { headers } = await target({ "id-token": "none" }, more);
    assertEquals(headers, [["authorization", authorization]]);
  }
});

Deno.test("auth-provider oidc: without a usable id-token, the error says what to do", async () => {
  await assertRejects(
    () => target({ "client-id": "a", "refresh-token": "r" }),
    KubeConfigError,
    'the auth-provider "oidc" has no id-token: run kubectl once',
  );
  const exp = date() / 1000 + 3600;
  for (
    const token of [
      "e30",
      `e30.${encode({ exp })}`,
      tokenOf({ exp: `${exp}` }),
      tokenOf({ exp: 1e300 }),
      tokenOf({}),
      tokenOf(null),
      "e30.!.c2ln",
      "e30.e30.c2ln\n",
      `${tokenOf({ exp })}\u00fc`,
    ]
  ) {
    await assertRejects(
      () => target({ "id-token": token }),
      KubeConfigError,
      "the id-token is not a JSON Web Token that says when it expires",
    );
  }
});

import { KubeConfigError, loadKubeConfig } from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects } from "../deps.ts";

const text = `
current-context: missing
contexts:
- { name: bare, context: { namespace: web } }
- { name: anonymous, context: { cluster: east } }
- { name: wrong, context: { cluster: east, user: nobody } }
clusters:
- { name: east, cluster: { server: "https://east.example" } }
users:
- { name: ann, user: { token: secret } }
`;

async function target(
  options: Parameters<typeof loadKubeConfig>[0],
): Promise<unknown[]> {
  const config = await loadKubeConfig({ text, ...options });
  const { url, headers } = await config.target();
  return [url, headers[0]?.[1]];
}

Deno.test("kubeconfig: a context without a user has no credentials, and one without a cluster is an error", async () => {
  assertEquals(
    await target({ context: "anonymous" }),
    ["https://east.example", undefined],
  );
  assertEquals(
    await target({ context: "bare", cluster: "east" }),
    ["https://east.example", undefined],
  );
  await assertRejects(
    () => target({ context: "bare" }),
    KubeConfigError,
    'the context "bare" has no cluster',
  );
});

Deno.test("kubeconfig: the context is needed only for what the caller does not choose", async () => {
  assertEquals(
    await target({ cluster: "east", user: "ann" }),
    ["https://east.example", "Bearer secret"],
  );
  await assertRejects(
    () => target({ cluster: "east" }),
    KubeConfigError,
    'the context "missing" does not exist',
  );
});

Deno.test("kubeconfig: the error for a user that does not exist has the place of its name", async () => {
  const error = await assertRejects(
    () => target({ context: "wrong" }),
    KubeConfigError,
    'the user "nobody" does not exist; the users are "ann"',
  );
  assertEquals(error.line, 6);
});

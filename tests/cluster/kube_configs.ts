/**
 * A kubeconfig for each way to authenticate.
 *
 * @module
 */

import type { Credentials, User } from "./credentials.ts";

/** The user of a file, with a token or certificate, or one of the other ways. */
export type Holder = User | "plugin" | "impersonator" | "admin";

/** The files. */
export interface KubeConfigs {
  /** Path of a file. */
  of(holder: Holder): string;
}

/** Writes all files. */
export async function writeKubeConfigs(
  folder: string,
  server: string,
  credentials: Credentials,
): Promise<KubeConfigs> {
  const { token, file } = credentials;
  const certificate = (name: string): Record<string, string> => ({
    "client-certificate": file(`${name}.pem`),
    "client-key": file(`${name}.key`),
  });
  const users: Record<Holder, Record<string, unknown>> = {
    developer: { token: token("developer") },
    "developer-certificate": certificate("developer-certificate"),
    "get-only": { token: token("get-only") },
    "create-only": { token: token("create-only") },
    nobody: { token: token("nobody") },
    admin: certificate("admin"),
    impersonator: { ...certificate("admin"), as: "developer" },
    plugin: {
      exec: {
        apiVersion: "client.authentication.k8s.io/v1",
        interactiveMode: "Never",
        command: "echo",
        args: [JSON.stringify({
          apiVersion: "client.authentication.k8s.io/v1",
          kind: "ExecCredential",
          status: { token: token("developer") },
        })],
      },
    },
  };
  const path = (holder: Holder): string => `${folder}/${holder}.kubeconfig`;
  for (const [holder, user] of Object.entries(users)) {
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{
        name: "local",
        cluster: { server, "certificate-authority": file("ca.pem") },
      }],
      users: [{ name: holder, user }],
      contexts: [{ name: "x", context: { cluster: "local", user: holder } }],
      "current-context": "x",
    };
    await Deno.writeTextFile(path(holder as Holder), JSON.stringify(config), {
      mode: 0o600,
    });
  }
  return { of: path };
}

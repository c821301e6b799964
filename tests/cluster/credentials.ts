/**
 * The users of the cluster, and how the API server authenticates them.
 *
 * @module
 */

import { makeAuthority, makeKeyPair } from "../helpers/certificate.ts";

/** Users, each with the verbs that it has for exec, attach and port-forward. */
export const USERS: Readonly<Record<User, readonly string[]>> = {
  /** All verbs that kubectl needs, with a token. */
  developer: ["get", "create"],
  /** The same, with a client certificate. */
  "developer-certificate": ["get", "create"],
  /** The verbs that a WebSocket needs. */
  "get-only": ["get"],
  /** The verbs that SPDY needs. */
  "create-only": ["create"],
  /** No verb. */
  nobody: [],
};

/** A user of the cluster. */
export type User =
  | "developer"
  | "developer-certificate"
  | "get-only"
  | "create-only"
  | "nobody";

/** Files of keys and certificates, in a folder. */
export interface Credentials {
  /** The authority that all trust, PEM. */
  readonly caCert: string;
  /** The administrator's certificate, PEM. */
  readonly admin: { readonly cert: string; readonly key: string };
  /** The token of a user. */
  token(user: User): string;
  /** Path of a file, such as `server.pem`. */
  file(name: string): string;
}

/** Makes all keys and certificates. */
export async function makeCredentials(folder: string): Promise<Credentials> {
  const authority = await makeAuthority();
  const file = (name: string): string => `${folder}/${name}`;
  const issue = async (
    name: string,
    commonName: string,
    organizations: readonly string[] = [],
  ): Promise<{ cert: string; key: string }> => {
    const issued = await authority.issue({
      commonName,
      organizations,
      names: ["localhost"],
      address: [127, 0, 0, 1],
    });
    await Deno.writeTextFile(file(`${name}.pem`), issued.cert);
    await Deno.writeTextFile(file(`${name}.key`), issued.key);
    return issued;
  };
  await Deno.mkdir(folder, { mode: 0o700 });
  await Deno.writeTextFile(file("ca.pem"), authority.caCert);
  await issue("server", "localhost");
  await issue("node", "system:node:localhost", ["system:nodes"]);
  await issue("kubelet-client", "apiserver", ["system:masters"]);
  await issue("developer-certificate", "developer-certificate");
  const admin = await issue("admin", "admin", ["system:masters"]);
  const { privateKey, publicKey } = await makeKeyPair();
  await Deno.writeTextFile(file("accounts.key"), privateKey);
  await Deno.writeTextFile(file("accounts.pub"), publicKey);
  const token = (user: User): string => `token-of-${user}`;
  const tokens = Object.keys(USERS)
    .map((user, id) => `${token(user as User)},${user},${id}\n`);
  await Deno.writeTextFile(file("tokens.csv"), tokens.join(""));
  return { caCert: authority.caCert, admin, token, file };
}

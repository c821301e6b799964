/**
 * Access to the API server from inside a pod, with its service account.
 *
 * @module
 */

import { withBrackets } from "../../connection/transport/host_name.ts";
import type { ClusterTarget } from "./target.ts";
import { impersonationHeaders } from "./impersonation.ts";
import type { TargetOverrides } from "./target.ts";
import { KubeConfigError } from "./error.ts";
import { MAX_FILE, readBounded } from "./files.ts";
import { bearer, isHeaderValue } from "./header_value.ts";
import { plainHref, readServerUrl, refusePlainText } from "./server_url.ts";

/** Where Kubernetes puts a service account's files. */
export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Access from inside a pod. */
export interface InCluster {
  readonly url: string;
  /** The pod's own namespace. */
  readonly namespace: string;
  readonly folder: string;
}

/** Determines whether this process runs in a pod with a service account. */
export async function findInCluster(
  folder: string = SERVICE_ACCOUNT,
): Promise<InCluster | undefined> {
  const host = Deno.env.get("KUBERNETES_SERVICE_HOST");
  const port = Deno.env.get("KUBERNETES_SERVICE_PORT");
  if (!host || !port) return undefined;
  const token = await Deno.stat(`${folder}/token`).catch(() => undefined);
  if (token === undefined) return undefined;
  const name = await readBounded(`${folder}/namespace`, 1024)
    .catch(() => "");
  return {
    url: `https://${withBrackets(host)}:${port}`,
    namespace: name.trim() || "default",
    folder,
  };
}

/** Reads token and certificates again, because the kubelet replaces them before they expire. */
export async function inClusterTarget(
  { url, folder }: InCluster,
  { server, token, impersonate }: TargetOverrides,
): Promise<ClusterTarget> {
  const fail = (message: string): Error => new KubeConfigError(message);
  const place = readServerUrl(server ?? url, true, fail);
  refusePlainText(place, fail);
  const [text, caCert] = await Promise.all([
    token ?? readToken(`${folder}/token`),
    read(`${folder}/ca.crt`),
  ]);
  return {
    url: server === undefined ? url : plainHref(place),
    headers: [
      ["authorization", bearer(text)],
      ...(impersonate === undefined ? [] : impersonationHeaders(impersonate)),
    ],
    ...(place.protocol === "https:" ? { tls: { caCerts: [caCert] } } : {}),
  };
}

async function readToken(file: string): Promise<string> {
  const token = (await read(file)).trim();
  if (token !== "" && isHeaderValue(token)) return token;
  throw new KubeConfigError(
    "the token is empty or contains a control character",
    { file },
  );
}

async function read(file: string): Promise<string> {
  try {
    return await readBounded(file, MAX_FILE);
  } catch (cause) {
    const { message } = cause as Error;
    throw new KubeConfigError(`it cannot be read: ${message}`, { file }, {
      cause,
    });
  }
}

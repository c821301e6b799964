/**
 * What `spdy exec` and `spdy port-forward` have in common: how to reach a pod.
 *
 * @module
 */

import type { TargetOptions } from "../kubernetes/dial.ts";
import { UsageError } from "./command.ts";

/** Names of the options. */
export const POD_VALUES = [
  "server",
  "namespace",
  "container",
  "token",
  "ca",
  "cert",
  "key",
] as const;

/** Values of the options, as given. */
export type PodValues = {
  readonly [name in typeof POD_VALUES[number]]?: string;
};

/** Their short names. */
export const POD_ALIASES = {
  s: "server",
  n: "namespace",
  c: "container",
} as const;

/** The same as `--help` tells it. */
export const POD_HELP =
  `  -s, --server URL       the API server, such as https://10.0.0.1:6443; with a full
                         streaming URL (container runtime) POD is "-"
  -n, --namespace NAME   default "default"
  -c, --container NAME   needed when the pod has several
      --token FILE       file with a bearer token
      --ca FILE          certificates (PEM) to trust besides the usual ones
      --cert FILE        client certificate (PEM), with --key its private key`;

/** Where the options say the pod is. Reads the files that they name. */
export async function podTarget(
  values: PodValues,
  pod: string,
): Promise<TargetOptions> {
  const { server, token, ca, cert, key } = values;
  if (
    server === undefined || !/^https?:/.test(server) || !URL.canParse(server)
  ) {
    throw new UsageError(
      "--server: the URL of the API server is needed, such as https://10.0.0.1:6443",
    );
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key go together");
  }
  const read = (file: string | undefined): Promise<string> | undefined =>
    file === undefined ? undefined : Deno.readTextFile(file);
  const bearer = (await read(token))?.trim();
  const caCert = await read(ca);
  return {
    url: server,
    pod: pod === "-"
      ? undefined
      : { name: pod, namespace: values.namespace, container: values.container },
    headers: bearer === undefined
      ? undefined
      : { authorization: `Bearer ${bearer}` },
    tls: {
      caCerts: caCert === undefined ? undefined : [caCert],
      cert: await read(cert),
      key: await read(key),
    },
  };
}

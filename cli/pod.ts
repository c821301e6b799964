/**
 * What `spdy exec`, `attach`, `cp` and `port-forward` share: the options that
 * select the cluster, the user and the pod.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import {
  defaultContainer,
  findPod,
  isPod,
  readResource,
} from "../kubernetes/api/resource.ts";
import {
  readAuthorities,
  readClientChain,
} from "../kubernetes/config/certificates.ts";
import { KubeConfigError } from "../kubernetes/config/error.ts";
import { MAX_FILE, readBounded } from "../kubernetes/config/files.ts";
import {
  type Impersonation,
  NO_USER,
} from "../kubernetes/config/impersonation.ts";
import { type KubeConfig, loadKubeConfig } from "../kubernetes/config/load.ts";
import { toPkcs8 } from "../kubernetes/config/private_key.ts";
import type { ClusterTarget } from "../kubernetes/config/target.ts";
import type { PodReference, TargetOptions } from "../kubernetes/dial.ts";
import { StreamingRefusedError } from "../kubernetes/errors.ts";
import { readDuration, reasonOf, UsageError } from "./command.ts";
import type { ReadOptions } from "./options.ts";
import { printError, show } from "./terminal.ts";

/** The options that select the cluster, the user and the pod. */
export const POD_OPTIONS = [
  {
    name: "namespace",
    short: "n",
    value: "NAME",
    help: 'default: that of the context, or "default"',
  },
  {
    name: "container",
    short: "c",
    value: "NAME",
    help: "default: the pod's default container",
  },
  {
    name: "kubeconfig",
    value: "FILE",
    help:
      "default: the files in KUBECONFIG, or ~/.kube/config, or the service account of the pod that this runs in",
  },
  {
    name: "context",
    value: "NAME",
    help: "context of the kubeconfig; default its current one",
  },
  {
    name: "cluster",
    value: "NAME",
    help: "cluster of the kubeconfig, in place of the context's",
  },
  {
    name: "user",
    value: "NAME",
    help: "user of the kubeconfig, in place of the context's",
  },
  { name: "as", value: "NAME", help: "act as this user" },
  {
    name: "as-group",
    value: "NAME",
    repeated: true,
    help: "with --as: a group of that user; may be repeated",
  },
  { name: "as-uid", value: "ID", help: "with --as: the UID of that user" },
  {
    name: "token",
    value: "TOKEN",
    help: "bearer token, or the file that holds it",
  },
  {
    name: "ca",
    value: "FILE",
    aliases: ["certificate-authority"],
    help: "certificates (PEM) to trust besides the usual ones",
  },
  {
    name: "cert",
    value: "FILE",
    aliases: ["client-certificate"],
    help: "client certificate (PEM), with --key its private key",
  },
  {
    name: "key",
    value: "FILE",
    aliases: ["client-key"],
    help: "the private key (PEM) of --cert",
  },
  {
    name: "tls-server-name",
    value: "NAME",
    help:
      "name that the server's certificate must have, if not that of the URL",
  },
  {
    name: "request-timeout",
    value: "TIME",
    help:
      "longest wait for an answer of the server, such as 10, 500ms or 1m30s; 0: no limit; default 30s. It does not limit what follows, such as the command",
  },
  {
    name: "server",
    short: "s",
    value: "URL",
    help:
      'the API server, such as https://10.0.0.1:6443. Without --kubeconfig, --context, --cluster and --user, no kubeconfig is read. With a full streaming URL (container runtime) POD is "-"',
  },
] as const;

type PodArguments = ReadOptions<typeof POD_OPTIONS>;

/** Values of the options. */
export type PodValues = PodArguments["values"];

/** Values of the options that can be repeated. */
export type PodLists = PodArguments["lists"];

/** The option `-q` of `exec` and `attach`. */
export const QUIET_OPTION = {
  name: "quiet",
  short: "q",
  help: "no warnings and notes of this command, only errors",
} as const;

/** How to reach a cluster. */
type ClusterOptions = ClusterTarget & Pick<TargetOptions, "timeout">;

/** The cluster that the options select. */
export interface ClusterAccess {
  /** The address and the credentials; must be called for each connection. */
  readonly target: () => Promise<ClusterOptions>;
  readonly namespace: string;
  /** The value of --request-timeout, ms. */
  readonly timeout: number | undefined;
}

/** Finds the cluster that the options select. */
export async function openCluster(
  given: PodValues,
  lists: PodLists,
): Promise<ClusterAccess> {
  const values = withoutEmpty(given);
  if ((values.cert === undefined) !== (values.key === undefined)) {
    throw new UsageError("--cert and --key must be given together");
  }
  const { server } = values;
  if (server !== undefined) {
    if (!/^https?:/.test(server) || !URL.canParse(server)) {
      throw new UsageError(
        `--server ${server}: it must be a URL, such as https://10.0.0.1:6443`,
      );
    }
  }
  const { "request-timeout": time } = values;
  const timeout = time === undefined
    ? undefined
    : readDuration("--request-timeout", time);
  const config = await loadConfig(values, lists);
  return {
    namespace: config.namespace,
    timeout,
    target: async () => {
      const target = await targetOf(config);
      const serverName = values["tls-server-name"];
      return {
        ...target,
        timeout,
        tls: {
          ...target.tls,
          ...await readTls(values),
          ...(serverName === undefined ? {} : { serverName }),
        },
      };
    },
  };
}

/** As in kubectl, an empty value counts as none, such as that of -n "$NAMESPACE". */
export function withoutEmpty(values: PodValues): PodValues {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== ""),
  );
}

async function loadConfig(
  values: PodValues,
  lists: PodLists,
): Promise<KubeConfig> {
  const { kubeconfig, context, cluster, user, namespace, server } = values;
  const own = [kubeconfig, context, cluster, user];
  const isAlone = server !== undefined &&
    own.every((value) => value === undefined);
  try {
    return await loadKubeConfig({
      ...(isAlone
        ? { text: SERVER_ALONE }
        : kubeconfig === undefined
        ? {}
        : { paths: [kubeconfig] }),
      context,
      cluster,
      user,
      namespace,
      server,
      token: await readToken(values.token),
      impersonate: readImpersonation(values, lists),
    });
  } catch (error) {
    if (!(error instanceof KubeConfigError) || error.file !== undefined) {
      throw error;
    }
    throw new Error(
      `${error.message} (--server names an API server without a kubeconfig)`,
      { cause: error },
    );
  }
}

/** A kubeconfig that only contains what `--server` replaces. */
const SERVER_ALONE = JSON.stringify({
  "current-context": "server",
  contexts: [{ name: "server", context: { cluster: "server" } }],
  clusters: [{ name: "server", cluster: {} }],
});

/** The token itself, as in kubectl, or the content of a file of this name. */
async function readToken(
  token: string | undefined,
): Promise<string | undefined> {
  if (token === undefined) return undefined;
  const inFile = await Deno.readTextFile(token).catch(() => undefined);
  return (inFile ?? token).trim();
}

function readImpersonation(
  { as: user, "as-uid": uid }: PodValues,
  lists: PodLists,
): Impersonation | undefined {
  const groups = lists["as-group"];
  if (groups.length > 0) return { user, uid, groups };
  return user === undefined && uid === undefined ? undefined : { user, uid };
}

/** The cluster's target; the error for a missing user names the options. */
async function targetOf(config: KubeConfig): Promise<ClusterTarget> {
  try {
    return await config.target();
  } catch (error) {
    if (!(error instanceof Error) || error.message !== NO_USER) throw error;
    throw new Error(
      "--as-group and --as-uid need --as, or an `as` in the kubeconfig",
    );
  }
}

async function readTls(
  { ca, cert, key }: PodValues,
): Promise<{ caCerts?: string[]; cert?: string; key?: string }> {
  const tls = ca === undefined
    ? {}
    : { caCerts: [await readPem(ca, readAuthorities)] };
  if (cert === undefined || key === undefined) return tls;
  const pkcs8 = await readPem(key, toPkcs8);
  return {
    ...tls,
    cert: await readPem(cert, (text) => readClientChain(text, pkcs8)),
    key: pkcs8,
  };
}

/** The result of `read` for the file that an option names; an error contains the path. */
async function readPem(
  path: string,
  read: (text: string) => string | Promise<string>,
): Promise<string> {
  try {
    return await read(await readBounded(path, MAX_FILE));
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * The options of `exec` and `attach` for `POD`, `TYPE/NAME`, or "-" for a streaming
 * URL.
 */
export async function podTarget(
  given: PodValues,
  lists: PodLists,
  pod: string,
): Promise<TargetOptions> {
  const values = withoutEmpty(given);
  if (pod === "-" && values.server === undefined) {
    throw new UsageError('POD "-" needs --server with a streaming URL');
  }
  const cluster = await openCluster(values, lists);
  const target = await cluster.target();
  // A streaming URL is used unchanged, with its query.
  if (pod === "-") return { ...target, url: values.server ?? target.url };
  const reference = await podOf(target, cluster.namespace, pod);
  const { container } = values;
  return {
    ...target,
    pod: container === undefined ? reference : { ...reference, container },
  };
}

/** The pod for `POD` or `TYPE/NAME`; only the latter needs a request to the API server. */
async function podOf(
  target: ClusterOptions,
  namespace: string,
  text: string,
): Promise<PodReference> {
  const resource = readPodName(text, namespace);
  if (isPod(resource)) return { name: resource.name, namespace };
  const found = await reaching(
    () => target.url,
    () => findPod(target, resource),
  );
  return { name: found.name, namespace };
}

/** Parses `POD` or `TYPE/NAME`. Throws {@linkcode UsageError} for anything else. */
export function readPodName(
  text: string,
  namespace: string,
): ReturnType<typeof readResource> {
  try {
    return readResource(text, namespace);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    throw new UsageError(error.message);
  }
}

/** Codes of errors that occur before a connection is made. */
const UNREACHABLE: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ETIMEDOUT",
]);

/**
 * Runs an action on the server at `url()`. If the server cannot be reached, the error
 * names it.
 */
export async function reaching<T>(
  url: () => string | URL,
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (!isUnreachable(cause)) throw cause;
    const { origin } = new URL(url());
    throw new Error(`cannot connect to ${origin}: ${reasonOf(cause)}`);
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof Error &&
    ("code" in error && UNREACHABLE.has(error.code) ||
      // Deno gives this error no code.
      error.message.startsWith("failed to lookup address"));
}

/**
 * Starts something in a container. If the pod has several and none is selected, the
 * API server refuses; then it is tried again with the container that kubectl would
 * use. Its name is printed, unless `quiet` is set or an annotation of the pod names it.
 */
export async function inContainer<T>(
  target: TargetOptions,
  start: (target: TargetOptions) => Promise<T>,
  quiet: boolean = false,
): Promise<T> {
  const { pod } = target;
  try {
    return await reaching(() => target.url, () => start(target));
  } catch (error) {
    if (
      pod === undefined || pod.container !== undefined ||
      !(error instanceof StreamingRefusedError) ||
      !error.body.includes("container name must be specified")
    ) throw error;
    const resource = readResource(pod.name, pod.namespace ?? "default");
    const { name, all, isNamed } = defaultContainer(
      (await findPod(target, resource)).pod,
    );
    if (name === undefined) throw error;
    if (!quiet && !isNamed) {
      printError(show`Defaulted container "${name}" out of: ${all.join(", ")}`);
    }
    return await start({ ...target, pod: { ...pod, container: name } });
  }
}

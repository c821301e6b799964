/**
 * Finds kubeconfig files as kubectl does, and selects a context.
 *
 * @module
 */

import { delimiter } from "node:path";
import { checkText, checkTexts } from "../../connection/option_kinds.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { checkTimeout } from "../../numbers.ts";
import { checkNames, type Names } from "../../values.ts";
import { type Field, MAX_TEXT, readDocument } from "./document.ts";
import { KubeConfigError } from "./error.ts";
import { readBounded } from "./files.ts";
import { isHeaderValue } from "./header_value.ts";
import { checkImpersonation, type Impersonation } from "./impersonation.ts";
import {
  findInCluster,
  type InCluster,
  inClusterTarget,
} from "./in_cluster.ts";
import {
  type Cluster,
  type Config,
  type Context,
  mergeConfigs,
  readConfig,
  type User,
} from "./schema.ts";
import {
  type ClusterTarget,
  readTarget,
  type TargetOverrides,
} from "./target.ts";

/** The options of `loadKubeConfig`. */
export interface KubeConfigOptions {
  /**
   * Files to read and merge; all of them must exist. By default, the files in the
   * environment variable `KUBECONFIG`, otherwise `~/.kube/config`, otherwise the
   * service account of the pod in which this process runs.
   */
  readonly paths?: readonly string[];
  /**
   * The text of a kubeconfig, instead of files. Relative paths in it start at the
   * current folder.
   */
  readonly text?: string;
  /** Name of the context; default: `current-context`. */
  readonly context?: string;
  /** Name of the cluster, instead of the context's. */
  readonly cluster?: string;
  /** Name of the user, instead of the context's. */
  readonly user?: string;
  /** The namespace, instead of the context's. */
  readonly namespace?: string;
  /** URL of the API server, instead of the cluster's. */
  readonly server?: string;
  /** A bearer token, instead of the user's token, password or plugin. */
  readonly token?: string;
  /** The user to impersonate. Its fields replace the user's `as` fields one by one. */
  readonly impersonate?: Impersonation;
  /** Longest run of a credential plugin, ms; 0: no limit; default 60000. */
  readonly pluginTimeout?: number;
}

const KUBE_CONFIG_NAMES: Names<KubeConfigOptions> = {
  paths: true,
  text: true,
  context: true,
  cluster: true,
  user: true,
  namespace: true,
  server: true,
  token: true,
  impersonate: true,
  pluginTimeout: true,
};

/** Creates a KubeConfig. Only `loadKubeConfig` calls it. */
export let createKubeConfig: (
  source: Source,
  options: KubeConfigOptions,
) => KubeConfig;

/** The source of the values. */
type Source = Config | InCluster;

/** Name of the only context inside a pod. */
const IN_CLUSTER = "in-cluster";

/**
 * A kubeconfig: the result of `loadKubeConfig`.
 *
 * @example
 * ```ts
 * import { loadKubeConfig } from "@spdy/spdy/kubernetes";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const text = `
 * current-context: shop
 * contexts:
 * - name: shop
 *   context: { cluster: east, user: ann, namespace: web }
 * clusters:
 * - name: east
 *   cluster: { server: "https://10.0.0.1:6443" }
 * users:
 * - name: ann
 *   user: { token: secret }
 * `;
 * const config = await loadKubeConfig({ text });
 * assertEquals(config.contexts, ["shop"]);
 * assertEquals(config.namespace, "web");
 * const { url, headers } = await config.target();
 * assertEquals(url, "https://10.0.0.1:6443");
 * assertEquals(headers, [["authorization", "Bearer secret"]]);
 * ```
 */
export class KubeConfig {
  readonly #source: Source;
  readonly #overrides: TargetOverrides;
  readonly #cluster: string | undefined;
  readonly #user: string | undefined;

  /** Names of all contexts, in the order of the files. */
  readonly contexts: string[];
  /** Name of the selected context; `undefined` if no file selects one. */
  readonly currentContext: string | undefined;
  /** The selected namespace; default `"default"`. */
  readonly namespace: string;

  static {
    createKubeConfig = (source, options) => new KubeConfig(source, options);
  }

  private constructor(source: Source, options: KubeConfigOptions) {
    this.#source = source;
    const { server, token, impersonate, pluginTimeout = 60_000 } = options;
    if (token !== undefined && (token === "" || !isHeaderValue(token))) {
      throw new InvalidArgumentError(
        "the token is empty, contains a control character, or begins or ends with a space",
      );
    }
    this.#overrides = {
      server,
      token,
      impersonate,
      pluginTimeout: checkTimeout("pluginTimeout", pluginTimeout),
    };
    this.#cluster = options.cluster;
    this.#user = options.user;
    if (isInCluster(source)) {
      this.contexts = [IN_CLUSTER];
      this.currentContext = options.context ?? IN_CLUSTER;
      this.namespace = options.namespace ?? source.namespace;
      const unknown = this.currentContext !== IN_CLUSTER
        ? this.currentContext
        : options.cluster ?? options.user;
      if (unknown === undefined) return;
      throw new KubeConfigError(
        `there is no "${unknown}": no kubeconfig was found, only the service account of this pod`,
      );
    }
    this.contexts = [...source.contexts.keys()];
    this.currentContext = options.context ?? source.currentContext?.text();
    this.namespace = options.namespace ??
      source.contexts.get(this.currentContext ?? "")?.namespace ?? "default";
    // A name from the caller is checked here; a name from a file is checked when it
    // is used.
    if (options.context !== undefined) this.#context(source);
    if (options.cluster !== undefined) this.#chooseCluster(source);
    if (options.user !== undefined) this.#chooseUser(source);
  }

  /**
   * The address of the API server and the credentials, to be spread into the
   * options of `exec`, `attach` and `portForward`.
   *
   * Each call reads the files to which the kubeconfig refers again, because tokens
   * and certificates change, and runs a credential plugin again if its credential
   * has expired, or if the API server answered a request with `headers` or `tls` of
   * an earlier result with 401. Call it for each connection, and pass the objects
   * `headers` and `tls` on without copying them.
   *
   * Rejects with `KubeConfigError`, and with `InvalidArgumentError` for what is wrong with
   * `impersonate`: a value that no header can have, or no user, here and in the kubeconfig.
   */
  async target(): Promise<ClusterTarget> {
    const source = this.#source;
    if (isInCluster(source)) {
      return await inClusterTarget(source, this.#overrides);
    }
    const cluster = this.#chooseCluster(source);
    const user = this.#chooseUser(source);
    return await readTarget(cluster, user, this.#overrides);
  }

  #context({ contexts, currentContext }: Config): Context {
    const name = this.currentContext;
    const context = contexts.get(name ?? "");
    if (context !== undefined) return context;
    const known = knownNames("contexts", contexts);
    if (name === undefined) {
      throw new KubeConfigError(`no context is chosen; ${known}`, {
        field: "current-context",
      });
    }
    const message = `the context "${name}" does not exist; ${known}`;
    throw currentContext?.text() === name
      ? currentContext.error(message)
      : new KubeConfigError(message);
  }

  #chooseCluster(config: Config): Cluster {
    const { clusters } = config;
    if (this.#cluster !== undefined) {
      return choose("cluster", clusters, this.#cluster);
    }
    const { name, field, cluster } = this.#context(config);
    if (cluster !== undefined) return choose("cluster", clusters, cluster);
    throw field.error(`the context "${name}" has no cluster`);
  }

  #chooseUser(config: Config): User | undefined {
    const { users } = config;
    if (this.#user !== undefined) return choose("user", users, this.#user);
    // Without a context, a cluster that the caller selected has no user.
    if (this.currentContext === undefined) return undefined;
    const { user } = this.#context(config);
    return user && choose("user", users, user);
  }
}

function isInCluster(source: Source): source is InCluster {
  return "folder" in source;
}

/** The entry that the caller named, or the one that a field of the context names. */
function choose<T>(
  kind: "cluster" | "user",
  entries: ReadonlyMap<string, T>,
  chosen: string | Field,
): T {
  const isGiven = typeof chosen === "string";
  const name = isGiven ? chosen : chosen.text();
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  const message = `the ${kind} "${name}" does not exist; ${
    knownNames(`${kind}s`, entries)
  }`;
  throw isGiven ? new KubeConfigError(message) : chosen.error(message);
}

function knownNames(what: string, map: ReadonlyMap<string, unknown>): string {
  const names = [...map.keys()];
  if (names.length === 0) return `there are no ${what}`;
  const shown = names.slice(0, 20).map((name) => `"${name}"`).join(", ");
  return `the ${what} are ${shown}${names.length > 20 ? ", ..." : ""}`;
}

/**
 * Reads the kubeconfig that kubectl would use, or another one.
 *
 * Several files are merged as in kubectl: of entries with the same name, the first
 * file's is used, and a relative path starts at the folder of its file. Files in
 * `KUBECONFIG` that do not exist are skipped.
 * Needs `--allow-read`, `--allow-env` unless `paths` or `text` is given, and
 * `--allow-run` and `--allow-env` for credential plugins.
 *
 * Rejects with {@linkcode KubeConfigError}, which contains file, line and field, if
 * a file cannot be read or parsed, if nothing is found, and if `context`, `cluster`
 * or `user` does not exist.
 *
 * @example
 * ```ts
 * import { exec, loadKubeConfig } from "@spdy/spdy/kubernetes";
 *
 * async function list(pod: string): Promise<string> {
 *   const config = await loadKubeConfig();
 *   await using process = await exec({
 *     ...await config.target(),
 *     pod: { name: pod, namespace: config.namespace },
 *     command: ["ls"],
 *     stderr: false,
 *   });
 *   return await new Response(process.stdout).text();
 * }
 * ```
 */
export async function loadKubeConfig(
  options: KubeConfigOptions = {},
): Promise<KubeConfig> {
  checkNames("loadKubeConfig", options, KUBE_CONFIG_NAMES);
  const { text, paths, impersonate } = options;
  if (impersonate !== undefined) checkImpersonation(impersonate);
  if (text !== undefined && paths !== undefined) {
    throw new InvalidArgumentError("text and paths cannot be combined");
  }
  if (text !== undefined) checkText("text", text);
  if (paths !== undefined) checkTexts("paths", paths);
  if (text !== undefined) {
    const config = readConfig(
      await readDocument({ file: undefined, text }),
    );
    return createKubeConfig(config, options);
  }
  const configs = paths === undefined
    ? await readFiles(defaultPaths(), false)
    : await readFiles(paths, true);
  const config = mergeConfigs(configs);
  if (paths === undefined && config.clusters.size === 0) {
    const found = await findInCluster();
    if (found !== undefined) return createKubeConfig(found, options);
    if (configs.length === 0) throw nothingFound();
  }
  return createKubeConfig(config, options);
}

function defaultPaths(): string[] {
  const list = Deno.env.get("KUBECONFIG");
  if (list) {
    const paths = list.split(delimiter).filter((path) => path !== "");
    return [...new Set(paths)];
  }
  const home = Deno.env.get("HOME") || Deno.env.get("USERPROFILE");
  return home ? [`${home}/.kube/config`] : [];
}

async function readFiles(
  paths: readonly string[],
  needed: boolean,
): Promise<Config[]> {
  const configs = await Promise.all(paths.map(async (file) => {
    const text = await readFile(file, needed);
    return text === undefined
      ? []
      : [readConfig(await readDocument({ file, text }))];
  }));
  return configs.flat();
}

async function readFile(
  file: string,
  needed: boolean,
): Promise<string | undefined> {
  try {
    return await readBounded(file, MAX_TEXT, true);
  } catch (cause) {
    if (!needed && cause instanceof Deno.errors.NotFound) return undefined;
    const { message } = cause as Error;
    throw new KubeConfigError(`it cannot be read: ${message}`, { file }, {
      cause,
    });
  }
}

function nothingFound(): KubeConfigError {
  const list = Deno.env.get("KUBECONFIG");
  return new KubeConfigError(
    list
      ? `no file of KUBECONFIG exists: ${list}`
      : "there is no kubeconfig: KUBECONFIG is not set, ~/.kube/config does not exist, and this process does not run in a pod with a service account",
  );
}

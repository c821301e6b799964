/**
 * Finds kubeconfig files, as kubectl does, and chooses from them.
 *
 * @module
 */

import { delimiter } from "node:path";
import { InvalidArgumentError } from "../../errors.ts";
import { checkTimeout } from "../../numbers.ts";
import { checkNames, type Names } from "../../values.ts";
import { type Field, MAX_TEXT, readDocument } from "./document.ts";
import { KubeConfigError } from "./error.ts";
import { readBounded } from "./files.ts";
import {
  checkImpersonation,
  type Impersonation,
  isHeaderValue,
} from "./impersonation.ts";
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

/** What `loadKubeConfig` takes. */
export interface KubeConfigOptions {
  /**
   * Files to read and merge, all of which must exist. Default: those in the
   * environment variable `KUBECONFIG`, else `~/.kube/config`, else the service
   * account of the pod that this process runs in.
   */
  readonly paths?: readonly string[];
  /** The text of a kubeconfig, in place of files. Paths in it are taken from the current folder. */
  readonly text?: string;
  /** Name of the context; default the file's `current-context`. */
  readonly context?: string;
  /** Name of the cluster, in place of the context's. */
  readonly cluster?: string;
  /** Name of the user, in place of the context's. */
  readonly user?: string;
  /** The namespace, in place of the context's. */
  readonly namespace?: string;
  /** URL of the API server, in place of the cluster's. */
  readonly server?: string;
  /** A bearer token, in place of the user's token, password or plugin. */
  readonly token?: string;
  /** Who to act as, in place of the user's `as` fields. */
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

/** Makes a KubeConfig; only `loadKubeConfig` does. */
export let createKubeConfig: (
  source: Source,
  options: KubeConfigOptions,
) => KubeConfig;

/** Where the answers come from. */
type Source = Config | InCluster;

/** Name of the one context inside a pod. */
const IN_CLUSTER = "in-cluster";

/**
 * A kubeconfig: what `loadKubeConfig` resolves to.
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
  /** Name of the chosen context; `undefined` when no file chooses one. */
  readonly currentContext: string | undefined;
  /** The chosen namespace; `"default"` when nothing chooses one. */
  readonly namespace: string;

  static {
    createKubeConfig = (source, options) => new KubeConfig(source, options);
  }

  private constructor(source: Source, options: KubeConfigOptions) {
    this.#source = source;
    const { server, token, impersonate, pluginTimeout = 60_000 } = options;
    if (token !== undefined && (token === "" || !isHeaderValue(token))) {
      throw new InvalidArgumentError(
        "the token is empty, or has a control character or a space at an end",
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
    // A name that the caller gives is checked here, one in a file when it is used.
    if (options.context !== undefined) this.#context(source);
    if (options.cluster !== undefined) this.#chooseCluster(source);
    if (options.user !== undefined) this.#chooseUser(source);
  }

  /**
   * Where the API server is and what it wants to see, to be spread into the
   * options of `exec`, `attach` and `portForward`.
   *
   * Each call reads the files again that the kubeconfig names, since tokens and
   * authorities rotate, and runs a credential plugin again once what it gave has
   * expired: call this for each connection.
   *
   * Rejects with `KubeConfigError`.
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
    return choose("cluster", config.clusters, this.#cluster, () => {
      const context = this.#context(config);
      return context.cluster ??
        fail(context.field, `the context "${context.name}" names no cluster`);
    });
  }

  #chooseUser(config: Config): User | undefined {
    // With a cluster of the caller's choice and no context there is no user.
    if (this.#user === undefined && this.currentContext === undefined) {
      return undefined;
    }
    if (this.#user === undefined && this.#context(config).user === undefined) {
      return undefined;
    }
    return choose(
      "user",
      config.users,
      this.#user,
      () => this.#context(config).user ?? fail(this.#context(config).field, ""),
    );
  }
}

function isInCluster(source: Source): source is InCluster {
  return "folder" in source;
}

/** An entry by the caller's name, or else by the context's. */
function choose<T>(
  kind: "cluster" | "user",
  entries: ReadonlyMap<string, T>,
  given: string | undefined,
  ofContext: () => Field,
): T {
  const field = given === undefined ? ofContext() : undefined;
  const name = given ?? field?.text() ?? "";
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  const message = `the ${kind} "${name}" does not exist; ${
    knownNames(`${kind}s`, entries)
  }`;
  throw field?.error(message) ?? new KubeConfigError(message);
}

function knownNames(what: string, map: ReadonlyMap<string, unknown>): string {
  const names = [...map.keys()];
  if (names.length === 0) return `there are no ${what}`;
  const shown = names.slice(0, 20).map((name) => `"${name}"`).join(", ");
  return `the ${what} are ${shown}${names.length > 20 ? ", ..." : ""}`;
}

function fail(field: Field, message: string): never {
  throw field.error(message);
}

/**
 * Reads the kubeconfig that kubectl would use, or another one.
 *
 * Several files are merged as kubectl merges them: of entries with the same name
 * the first file's counts, and relative paths are taken from the folder of the
 * file that they are in. Files of `KUBECONFIG` that do not exist are skipped.
 * Needs `--allow-read`, `--allow-env` unless `paths` or `text` is given, and
 * `--allow-run` and `--allow-env` for credential plugins.
 *
 * Rejects with {@linkcode KubeConfigError}, which names file, line and field,
 * when a file cannot be read or understood, when nothing is found, and when
 * `context`, `cluster` or `user` does not exist.
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
    throw new InvalidArgumentError("both text and paths are given");
  }
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
    return await readBounded(file, MAX_TEXT);
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
      : "there is none: KUBECONFIG is not set, ~/.kube/config does not exist, and this process does not run in a pod with a service account",
  );
}

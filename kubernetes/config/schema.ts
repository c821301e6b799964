/**
 * The content of a kubeconfig: clusters, users, and contexts that combine them.
 *
 * @module
 */

import type { Field } from "./document.ts";

/** An API server. */
export interface Cluster {
  readonly name: string;
  /** For errors about the whole cluster. */
  readonly field: Field;
  readonly server?: Field;
  readonly caFile?: Field;
  readonly caData?: Field;
  readonly serverName?: Field;
  readonly skipVerify?: Field;
  readonly proxyUrl?: Field;
  /** The part of the cluster's data that credential plugins get. */
  readonly pluginConfig?: Field;
}

/** Credentials. */
export interface User {
  readonly name: string;
  /** For errors about the whole user. */
  readonly field: Field;
  readonly token?: Field;
  readonly tokenFile?: Field;
  readonly certFile?: Field;
  readonly certData?: Field;
  readonly keyFile?: Field;
  readonly keyData?: Field;
  readonly username?: Field;
  readonly password?: Field;
  readonly as?: Field;
  readonly asUid?: Field;
  readonly asGroups: readonly Field[];
  readonly asExtra: readonly (readonly [name: string, values: Field[]])[];
  /**
   * Reads the fields of the plugin. Throws `KubeConfigError` for invalid ones, and
   * only when this user is used: another user of the file must still work.
   */
  readonly plugin?: () => Plugin;
  readonly authProvider?: Field;
}

/** A program that prints credentials. */
export interface Plugin {
  /** For errors about the whole plugin. */
  readonly field: Field;
  readonly apiVersion: Field;
  readonly command: Field;
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  readonly installHint?: string;
  readonly provideClusterInfo: boolean;
  readonly interactiveMode: "Never" | "IfAvailable" | "Always";
}

/** A combination of a cluster, a user and a namespace. */
export interface Context {
  readonly name: string;
  /** For errors about the whole context. */
  readonly field: Field;
  readonly cluster?: Field;
  readonly user?: Field;
  readonly namespace?: string;
}

/** The content of one file, or of several merged files. */
export interface Config {
  readonly currentContext?: Field;
  readonly contexts: ReadonlyMap<string, Context>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly users: ReadonlyMap<string, User>;
}

/** Name of the cluster's extension for credential plugins. */
const PLUGIN_EXTENSION = "client.authentication.k8s.io/exec";

/**
 * Reads the content of a file.
 *
 * Throws `KubeConfigError` for a field of the wrong type and for a duplicate name.
 */
export function readConfig(root: Field): Config {
  checkKind(root);
  const currentContext = root.get("current-context");
  currentContext?.text();
  return {
    currentContext,
    contexts: readNamed(root, "contexts", "context", readContext),
    clusters: readNamed(root, "clusters", "cluster", readCluster),
    users: readNamed(root, "users", "user", readUser),
  };
}

/** Merges files as kubectl does: the first file's value takes precedence. */
export function mergeConfigs(configs: readonly Config[]): Config {
  return {
    currentContext: configs.find(({ currentContext }) => currentContext)
      ?.currentContext,
    contexts: mergeMaps(configs.map(({ contexts }) => contexts)),
    clusters: mergeMaps(configs.map(({ clusters }) => clusters)),
    users: mergeMaps(configs.map(({ users }) => users)),
  };
}

function mergeMaps<T>(
  maps: readonly ReadonlyMap<string, T>[],
): ReadonlyMap<string, T> {
  const merged = new Map<string, T>();
  for (const map of maps) {
    for (const [name, value] of map) {
      if (!merged.has(name)) merged.set(name, value);
    }
  }
  return merged;
}

function checkKind(root: Field): void {
  const kind = root.get("kind");
  if (kind !== undefined && kind.text() !== "Config") {
    throw kind.error(`this is not a kubeconfig: its kind is ${kind.text()}`);
  }
  const version = root.get("apiVersion");
  if (version !== undefined && version.text() !== "v1") {
    throw version.error(`version ${version.text()} is not supported, only v1`);
  }
}

function readNamed<T extends { readonly name: string }>(
  root: Field,
  list: string,
  key: string,
  read: (name: string, field: Field) => T,
): ReadonlyMap<string, T> {
  const named = new Map<string, T>();
  for (const entry of root.get(list)?.entries() ?? []) {
    const name = entry.get("name");
    if (name === undefined) throw entry.error("this entry has no name");
    if (named.has(name.text())) {
      throw name.error(`the name "${name.text()}" is used twice`);
    }
    // `user: {}` and a missing `user` both mean a user without credentials.
    const field = entry.get(key) ?? entry;
    named.set(name.text(), read(name.text(), field));
  }
  return named;
}

function readContext(name: string, field: Field): Context {
  return {
    name,
    field,
    cluster: scalar(field, "cluster"),
    user: scalar(field, "user"),
    namespace: scalar(field, "namespace")?.text(),
  };
}

function readCluster(name: string, field: Field): Cluster {
  const skipVerify = scalar(field, "insecure-skip-tls-verify");
  return {
    name,
    field,
    server: scalar(field, "server"),
    caFile: scalar(field, "certificate-authority"),
    caData: scalar(field, "certificate-authority-data"),
    serverName: scalar(field, "tls-server-name"),
    skipVerify: skipVerify?.truth() ? skipVerify : undefined,
    proxyUrl: scalar(field, "proxy-url"),
    pluginConfig: field.get("extensions")?.entries()
      .find((each) => each.get("name")?.text() === PLUGIN_EXTENSION)
      ?.get("extension"),
  };
}

function readUser(name: string, field: Field): User {
  const exec = field.get("exec");
  return {
    name,
    field,
    token: scalar(field, "token"),
    tokenFile: scalar(field, "tokenFile"),
    certFile: scalar(field, "client-certificate"),
    certData: scalar(field, "client-certificate-data"),
    keyFile: scalar(field, "client-key"),
    keyData: scalar(field, "client-key-data"),
    username: scalar(field, "username"),
    password: scalar(field, "password"),
    as: scalar(field, "as"),
    asUid: scalar(field, "as-uid"),
    asGroups: texts(field.get("as-groups")),
    asExtra: (field.get("as-user-extra")?.fields() ?? [])
      .map(([name, values]) => [name, texts(values)] as const),
    plugin: exec && (() => readPlugin(exec)),
    authProvider: field.get("auth-provider"),
  };
}

function readPlugin(field: Field): Plugin {
  const apiVersion = scalar(field, "apiVersion");
  if (apiVersion === undefined) throw field.error("apiVersion is missing");
  const command = scalar(field, "command");
  if (command === undefined) throw field.error("command is missing");
  return {
    field,
    apiVersion,
    command,
    args: texts(field.get("args")).map((each) => each.text()),
    env: (field.get("env")?.entries() ?? []).map((entry) => {
      const name = entry.get("name");
      if (name === undefined) throw entry.error("this variable has no name");
      return [name.text(), entry.get("value")?.text() ?? ""] as const;
    }),
    installHint: scalar(field, "installHint")?.text(),
    provideClusterInfo: scalar(field, "provideClusterInfo")?.truth() ?? false,
    interactiveMode: readMode(field, apiVersion.text()),
  };
}

function readMode(field: Field, apiVersion: string): Plugin["interactiveMode"] {
  const mode = scalar(field, "interactiveMode");
  if (mode === undefined) {
    // v1 requires the field; v1beta1 has a default.
    if (!apiVersion.endsWith("/v1")) return "IfAvailable";
    throw field.error(
      "interactiveMode is missing: it must be Never, IfAvailable or Always",
    );
  }
  const text = mode.text();
  if (text === "Never" || text === "IfAvailable" || text === "Always") {
    return text;
  }
  throw mode.error(
    "interactiveMode must be one of Never, IfAvailable and Always",
  );
}

/** A field that must be a string if it exists. */
function scalar(field: Field, name: string): Field | undefined {
  const value = field.get(name);
  value?.text();
  return value;
}

/** The strings of a list. */
function texts(list: Field | undefined): Field[] {
  const fields = list?.entries() ?? [];
  for (const field of fields) field.text();
  return fields;
}

/**
 * Derives the options of `exec`, `attach` and `portForward` from a cluster and a
 * user of a kubeconfig.
 *
 * @module
 */

import type { TlsOptions } from "../../connection/transport/client_tls.ts";
import type { NameValue } from "../../frame/types.ts";
import { type CredentialEvents, watchCredentials } from "../credentials.ts";
import type { Field } from "./document.ts";
import { readAuthorities, readClientChain } from "./certificates.ts";
import { dataOrFile, readFileOf } from "./files.ts";
import { bearer, isHeaderValue } from "./header_value.ts";
import {
  attributesOf,
  type Impersonation,
  impersonationHeaders,
  NO_HEADER_VALUE,
} from "./impersonation.ts";
import { readIdToken } from "./oidc.ts";
import { PluginCache, runPlugin } from "./plugin.ts";
import { toPkcs8 } from "./private_key.ts";
import type { Cluster, Plugin, User } from "./schema.ts";
import { plainHref, readServerUrl, refusePlainText } from "./server_url.ts";

/** How to reach an API server, and with which credentials: a part of `TargetOptions`. */
export interface ClusterTarget {
  /** URL of the API server. */
  readonly url: string;
  /** Credentials and impersonation. Repeated names are sent as several lines. */
  readonly headers: NameValue[];
  /**
   * Certificates of the authority, a client certificate, and the name to verify;
   * only for `https:`.
   */
  readonly tls?: TlsOptions;
  /** The proxy to use. */
  readonly proxy?: { readonly url: string };
}

/** Values of the caller, which replace those of the files. */
export interface TargetOverrides {
  readonly server?: string;
  readonly token?: string;
  readonly impersonate?: Impersonation;
  /** Longest run of a credential plugin, ms; 0: no limit. */
  readonly pluginTimeout: number;
}

/** The plugin caches of users, which keep credentials between calls. */
const caches = new WeakMap<User, PluginCache>();

/** Reads again everything that may have changed: files and expired credentials. */
export async function readTarget(
  cluster: Cluster,
  user: User | undefined,
  overrides: TargetOverrides,
): Promise<ClusterTarget> {
  const caCert = await authoritiesOf(cluster);
  const isSecure = caCert !== undefined || cluster.skipVerify !== undefined ||
    (user?.certData ?? user?.certFile) !== undefined;
  const url = serverUrl(cluster, overrides.server, isSecure);
  refuseSkippedVerification(cluster, url);
  const proxy = proxyOf(cluster);
  const credentials = await credentialsOf(
    user,
    overrides,
    (plugin) =>
      runPlugin(
        plugin,
        { cluster, server: plainHref(url), caCert },
        overrides.pluginTimeout,
      ),
  );
  const { authorization, cert, key, events } = credentials;
  if (authorization !== undefined) {
    const { server, field } = cluster;
    refusePlainText(url, (message) => (server ?? field).error(message));
  }
  const tls: TlsOptions = {
    ...(caCert === undefined ? {} : { caCerts: [caCert] }),
    ...(cert === undefined ? {} : { cert, key }),
    ...(cluster.serverName === undefined
      ? {}
      : { serverName: cluster.serverName.text() }),
  };
  const target: ClusterTarget = {
    url: plainHref(url),
    headers: [
      ...(authorization === undefined
        ? []
        : [["authorization", authorization] as NameValue]),
      ...impersonation(user, overrides),
    ],
    ...(url.protocol === "https:" ? { tls } : {}),
    ...(proxy === undefined ? {} : { proxy: { url: proxy } }),
  };
  if (events !== undefined) watchCredentials(target, events);
  return target;
}

/** The URL decides, because without TLS there is nothing to skip. */
function refuseSkippedVerification({ skipVerify }: Cluster, url: URL): void {
  if (skipVerify === undefined || url.protocol !== "https:") return;
  throw skipVerify.error(
    "Deno cannot skip the check of a certificate for one connection. " +
      "Name the authority in certificate-authority instead; or remove this line and " +
      `run Deno with --unsafely-ignore-certificate-errors=${url.hostname}, which turns the check ` +
      "off for this host in the whole process",
  );
}

function serverUrl(
  cluster: Cluster,
  override: string | undefined,
  secure: boolean,
): URL {
  const field = cluster.server ?? cluster.field;
  const text = override ?? cluster.server?.text();
  if (text === undefined) {
    throw field.error(`the cluster "${cluster.name}" has no server`);
  }
  return readServerUrl(text, secure, (message) => field.error(message));
}

function proxyOf({ proxyUrl }: Cluster): string | undefined {
  if (proxyUrl === undefined) return undefined;
  const text = proxyUrl.text();
  if (!URL.canParse(text)) throw proxyUrl.error("this is not a URL");
  const { protocol } = new URL(text);
  if (/^(https?|socks5h?):$/.test(protocol)) return text;
  throw proxyUrl.error(
    `the URL of a proxy must begin with http:, https:, socks5: or socks5h:, not with ${protocol}`,
  );
}

interface Credentials {
  readonly authorization?: string;
  /** Certificate chain (PEM). */
  readonly cert?: string;
  /** Private key (PEM, PKCS#8). */
  readonly key?: string;
  /** Only for those of a plugin, which runs again after they were refused. */
  readonly events?: CredentialEvents;
}

async function credentialsOf(
  user: User | undefined,
  { token: override }: TargetOverrides,
  run: (plugin: Plugin) => ReturnType<typeof runPlugin>,
): Promise<Credentials> {
  const given = override === undefined ? undefined : bearer(override);
  if (user === undefined) return { authorization: given };
  if (given === undefined) refuseAuthProvider(user);
  const authorization = given ?? await authorizationOf(user) ??
    oidcAuthorization(user);
  const certificate = await clientCertificate(user);
  // As in kubectl, a user with other credentials needs no plugin.
  if (
    user.plugin === undefined || authorization !== undefined ||
    certificate.cert !== undefined
  ) {
    return { authorization, ...certificate };
  }
  const plugin = user.plugin();
  const cache = caches.get(user) ?? new PluginCache();
  caches.set(user, cache);
  const running = cache.get(() => run(plugin));
  const { token, cert, key } = await running;
  return {
    events: {
      accepted: () => cache.accepted(running),
      refused: () => cache.refused(running),
    },
    authorization: token === undefined ? undefined : bearer(token),
    ...(cert === undefined || key === undefined
      ? {}
      : await certificateOfPlugin(cert, key, plugin.command)),
  };
}

async function certificateOfPlugin(
  cert: string,
  key: string,
  command: Field,
): Promise<{ cert: string; key: string }> {
  try {
    const pkcs8 = toPkcs8(key);
    return { cert: await readClientChain(cert, pkcs8), key: pkcs8 };
  } catch (cause) {
    throw command.error(
      `the credential plugin ${command.text()} printed a client certificate or key that cannot be used: ${
        (cause as Error).message
      }`,
      cause,
    );
  }
}

function refuseAuthProvider({ authProvider }: User): void {
  if (authProvider === undefined) return;
  const name = authProvider.get("name")?.text() ?? "";
  if (name === "oidc") return;
  throw authProvider.error(
    `the auth-provider "${name}" is not supported (kubectl removed gcp and azure in 1.26; only oidc is left); use a credential plugin in exec, or give a token`,
  );
}

/** As in kubectl, a token or a password of the user takes precedence. */
function oidcAuthorization({ authProvider }: User): string | undefined {
  return authProvider && bearer(readIdToken(authProvider));
}

async function authorizationOf(user: User): Promise<string | undefined> {
  const { token, tokenFile, username, password } = user;
  const source = tokenFile ?? token;
  if (username !== undefined || password !== undefined) {
    if (source !== undefined) {
      throw user.field.error(
        `the user "${user.name}" has both a token and a password`,
      );
    }
    const pair = `${username?.text() ?? ""}:${password?.text() ?? ""}`;
    return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
  }
  if (tokenFile === undefined) {
    return token && bearer(checkToken(token.text().trim(), token));
  }
  // The file takes precedence. It is read each time, because tokens in files
  // change. As in kubectl, `token` is used if the file contains no usable token.
  try {
    const text = await readFileOf(tokenFile);
    return bearer(checkToken(text.trim(), tokenFile));
  } catch (error) {
    if (token === undefined) throw error;
    return bearer(checkToken(token.text().trim(), token));
  }
}

function checkToken(token: string, field: Field): string {
  if (token === "") throw field.error("the token is empty");
  if (isHeaderValue(token)) return token;
  throw field.error("the token contains a control character");
}

async function clientCertificate(
  user: User,
): Promise<{ cert?: string; key?: string }> {
  const cert = await dataOrFile(user.certData, user.certFile);
  const key = await dataOrFile(user.keyData, user.keyFile);
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) {
    throw user.field.error(
      `the user "${user.name}" has a ${
        cert === undefined ? "client-key" : "client-certificate"
      } but no ${cert === undefined ? "client-certificate" : "client-key"}`,
    );
  }
  const pkcs8 = await explained(key.field, () => toPkcs8(key.text));
  return {
    cert: await explained(
      cert.field,
      () => readClientChain(cert.text, pkcs8),
    ),
    key: pkcs8,
  };
}

async function authoritiesOf(
  { caData, caFile }: Cluster,
): Promise<string | undefined> {
  const found = await dataOrFile(caData, caFile);
  return found && explained(found.field, () => readAuthorities(found.text));
}

/** The result of `work`; an error contains the place of the field. */
async function explained<T>(
  field: Field,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw field.error((cause as Error).message, cause);
  }
}

/** Throws `KubeConfigError` for what the file says, `InvalidArgumentError` for the rest. */
function impersonation(
  user: User | undefined,
  { impersonate }: TargetOverrides,
): NameValue[] {
  if (user === undefined) {
    return impersonate === undefined ? [] : impersonationHeaders(impersonate);
  }
  const { as, asUid, asGroups, asExtra } = user;
  if (impersonate === undefined && as === undefined) {
    if (asUid === undefined && asGroups.length + asExtra.length === 0) {
      return [];
    }
    throw user.field.error(
      `the user "${user.name}" has as-uid, as-groups or as-user-extra, but no as`,
    );
  }
  return impersonationHeaders(mergeImpersonation(user, impersonate ?? {}));
}

/**
 * What the caller wants, with what the file says about the rest. Only values that are used
 * are checked. Those of the file are checked here, because only here their place is known.
 */
function mergeImpersonation(
  { as, asUid, asGroups, asExtra }: User,
  caller: Impersonation,
): Impersonation {
  const own = attributesOf(Object.entries(caller.extra ?? {}));
  const extra = new Map<string, readonly string[]>();
  for (const [name, values] of attributesOf(asExtra)) {
    extra.set(name, own.get(name) ?? values.map(headerText));
  }
  return {
    user: caller.user ?? (as && headerText(as)),
    uid: caller.uid ?? (asUid && headerText(asUid)),
    groups: caller.groups ?? asGroups.map(headerText),
    extra: Object.fromEntries([...extra, ...own]),
  };
}

/** The text of a field that becomes the value of a header. */
function headerText(field: Field): string {
  const text = field.text();
  if (isHeaderValue(text)) return text;
  throw field.error(`this ${NO_HEADER_VALUE}`);
}

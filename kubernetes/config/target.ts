/**
 * Derives the options of `exec`, `attach` and `portForward` from a cluster and a
 * user of a kubeconfig.
 *
 * @module
 */

import type { TlsOptions } from "../../connection/transport/client_tls.ts";
import type { NameValue } from "../../frame/types.ts";
import type { Field } from "./document.ts";
import { certificatesOf, dataOrFile, readFileOf } from "./files.ts";
import {
  type Impersonation,
  impersonationHeaders,
  isHeaderValue,
} from "./impersonation.ts";
import { PluginCache, runPlugin } from "./plugin.ts";
import { toPkcs8 } from "./private_key.ts";
import type { Cluster, User } from "./schema.ts";

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
  refuseSkippedVerification(cluster);
  const caCert = await certificatesOf(cluster.caData, cluster.caFile);
  const url = serverUrl(cluster, overrides.server, caCert !== undefined);
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
  const { authorization, cert, key } = credentials;
  if (authorization !== undefined) refusePlainText(url, cluster);
  const tls: TlsOptions = {
    ...(caCert === undefined ? {} : { caCerts: [caCert] }),
    ...(cert === undefined ? {} : { cert, key }),
    ...(cluster.serverName === undefined
      ? {}
      : { serverName: cluster.serverName.text() }),
  };
  return {
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
}

function refuseSkippedVerification({ skipVerify, server }: Cluster): void {
  if (skipVerify === undefined) return;
  const host = URL.canParse(server?.text() ?? "")
    ? new URL(server?.text() ?? "").hostname
    : "HOST";
  throw skipVerify.error(
    "Deno cannot skip the check of a certificate for one connection. " +
      "Name the authority in certificate-authority instead; or remove this line and " +
      `run Deno with --unsafely-ignore-certificate-errors=${host}, which turns the check ` +
      "off for this host in the whole process",
  );
}

/**
 * Without a scheme, the URL is HTTPS if there is a certificate of the authority,
 * otherwise HTTP, as in kubectl.
 */
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
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? text
    : `${secure ? "https" : "http"}://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw field.error(`${JSON.stringify(text)} is not an http: or https: URL`);
  }
  url.search = "";
  url.hash = "";
  return url;
}

/** The URL as it was written: without the slash that `href` adds after a host. */
function plainHref({ href, pathname }: URL): string {
  return pathname === "/" ? href.slice(0, -1) : href;
}

function proxyOf({ proxyUrl }: Cluster): string | undefined {
  if (proxyUrl === undefined) return undefined;
  const text = proxyUrl.text();
  if (!URL.canParse(text)) throw proxyUrl.error("this is not a URL");
  const { protocol } = new URL(text);
  if (protocol === "http:" || protocol === "https:") return text;
  throw proxyUrl.error(
    `the URL of a proxy must begin with http: or https:, not with ${protocol}`,
  );
}

/** Rule: credentials are never sent in plain text; kubectl omits them without a message. */
function refusePlainText(url: URL, cluster: Cluster): void {
  if (url.protocol === "https:") return;
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) return;
  throw (cluster.server ?? cluster.field).error(
    `the server ${url.origin} does not use TLS; credentials are only sent over TLS or to this machine`,
  );
}

interface Credentials {
  readonly authorization?: string;
  /** Certificate chain (PEM). */
  readonly cert?: string;
  /** Private key (PEM, PKCS#8). */
  readonly key?: string;
}

async function credentialsOf(
  user: User | undefined,
  { token: override }: TargetOverrides,
  run: (plugin: NonNullable<User["plugin"]>) => ReturnType<typeof runPlugin>,
): Promise<Credentials> {
  const given = override === undefined ? undefined : `Bearer ${override}`;
  if (user === undefined) return { authorization: given };
  if (user.authProvider !== undefined) {
    throw user.authProvider.error(
      "auth-provider is not supported (kubectl dropped it in 1.26); use a credential plugin in exec",
    );
  }
  const authorization = given ?? await authorizationOf(user);
  const certificate = await clientCertificate(user);
  if (user.plugin === undefined || authorization !== undefined) {
    return { authorization, ...certificate };
  }
  const { plugin } = user;
  const cache = caches.get(user) ?? new PluginCache();
  caches.set(user, cache);
  const { token, cert, key } = await cache.get(() => run(plugin));
  return {
    authorization: token === undefined ? undefined : `Bearer ${token}`,
    ...(cert === undefined || key === undefined
      ? certificate
      : { cert, key: converted(key, plugin.command) }),
  };
}

async function authorizationOf(user: User): Promise<string | undefined> {
  const { token, tokenFile, username, password } = user;
  const bearer = tokenFile ?? token;
  if (username !== undefined || password !== undefined) {
    if (bearer !== undefined) {
      throw user.field.error(
        `the user "${user.name}" has both a token and a password`,
      );
    }
    const pair = `${username?.text() ?? ""}:${password?.text() ?? ""}`;
    return `Basic ${new TextEncoder().encode(pair).toBase64()}`;
  }
  if (bearer === undefined) return undefined;
  // The file takes precedence. It is read each time, because tokens in files
  // change.
  const text = tokenFile === undefined
    ? bearer.text()
    : await readFileOf(tokenFile);
  return `Bearer ${checkToken(text.trim(), bearer)}`;
}

function checkToken(token: string, field: Field): string {
  if (token === "") throw field.error("the token is empty");
  if (isHeaderValue(token)) return token;
  throw field.error("the token contains a control character");
}

async function clientCertificate(
  user: User,
): Promise<{ cert?: string; key?: string }> {
  const cert = await certificatesOf(user.certData, user.certFile);
  const key = await dataOrFile(user.keyData, user.keyFile);
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) {
    throw user.field.error(
      `the user "${user.name}" has a ${
        cert === undefined ? "client-key" : "client-certificate"
      } but no ${cert === undefined ? "client-certificate" : "client-key"}`,
    );
  }
  return { cert, key: converted(key.text, key.field) };
}

function converted(key: string, field: Field): string {
  try {
    return toPkcs8(key);
  } catch (cause) {
    throw field.error((cause as Error).message, cause);
  }
}

function impersonation(
  user: User | undefined,
  { impersonate }: TargetOverrides,
): NameValue[] {
  if (impersonate !== undefined) return impersonationHeaders(impersonate);
  if (user === undefined) return [];
  const { as, asUid, asGroups, asExtra } = user;
  if (as === undefined) {
    if (asUid === undefined && asGroups.length + asExtra.length === 0) {
      return [];
    }
    throw user.field.error(
      `the user "${user.name}" has as-uid, as-groups or as-user-extra, but no as`,
    );
  }
  try {
    return impersonationHeaders({
      user: as.text(),
      uid: asUid?.text(),
      groups: asGroups.map((group) => group.text()),
      extra: Object.fromEntries(
        asExtra.map((
          [name, values],
        ) => [name, values.map((each) => each.text())]),
      ),
    });
  } catch (cause) {
    throw as.error((cause as Error).message, cause);
  }
}

/**
 * Selects the proxy of a connection: the option `proxy`, or the environment.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { checkTimeout } from "../../numbers.ts";
import { checkNames, copyOptions, type Names } from "../../values.ts";
import {
  checkTls,
  copyTls,
  type HostPort,
  type TlsOptions,
} from "./client_tls.ts";
import { withoutBrackets } from "./host_name.ts";
import { isWithin, parseAddress, parseRange } from "./ip_address.ts";

/**
 * A proxy that opens tunnels: an HTTP proxy with CONNECT (RFC 9110 9.3.6), or a
 * SOCKS proxy of version 5 (RFC 1928).
 *
 * @category Connection
 */
export interface ProxyOptions {
  /**
   * URL of the proxy: `http:`, `https:` (TLS to the proxy) or `socks5:` (also
   * `socks5h:`; in both cases, the proxy looks up the host name). A user name and
   * password in it are sent as basic `proxy-authorization` (RFC 7617), or to a SOCKS
   * proxy by RFC 1929.
   */
  readonly url: string | URL;
  /**
   * Headers of the CONNECT request. `proxy-authorization` replaces the credentials
   * of the URL. Not for SOCKS.
   */
  readonly headers?: HeadersInit;
  /** TLS settings for an `https:` proxy itself; default the `caCerts` of the connection. */
  readonly tls?: TlsOptions;
  /** Longest wait for the tunnel, from connecting to the proxy's answer, ms; 0: no limit; default 30000. */
  readonly timeout?: number;
}

const PROXY_NAMES: Names<ProxyOptions> = {
  url: true,
  headers: true,
  tls: true,
  timeout: true,
};

/** A copy of checked options, which may be an object of a class. */
export function copyProxy(proxy: ProxyOptions): ProxyOptions {
  return copyOptions(proxy, PROXY_NAMES);
}

/** A proxy after all checks. */
export interface ProxySettings extends HostPort {
  /** URL of the proxy without user name and password, for messages. */
  readonly name: string;
  readonly secure: boolean;
  /** Set for a SOCKS proxy. */
  readonly socks?: SocksCredentials;
  /** Lines of the CONNECT request after `host`. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly tls: TlsOptions | undefined;
  readonly timeout: number;
}

/** What a SOCKS proxy asks for (RFC 1929); both are empty if the URL has neither. */
export interface SocksCredentials {
  readonly username: Uint8Array;
  readonly password: Uint8Array;
}

const DEFAULT_TIMEOUT = 30_000;
const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * Checks the option `proxy`.
 *
 * Throws `InvalidArgumentError` for a URL that does not name a proxy, and `TypeError` for
 * headers that are not allowed and for contradictory settings of TLS.
 */
export function readProxy(options: ProxyOptions): ProxySettings {
  if (typeof options !== "object" || options === null) {
    // Not the value, because a URL can contain a password.
    const kind = options === null ? "null" : `a ${typeof options}`;
    throw new InvalidArgumentError(
      `proxy is ${kind}, but it must be an object with a url`,
    );
  }
  checkNames("proxy", options, PROXY_NAMES);
  const { headers, tls, timeout = DEFAULT_TIMEOUT } = options;
  checkTimeout("proxy.timeout", timeout);
  if (tls !== undefined) checkTls(tls, "proxy.tls");
  return {
    ...readUrl("proxy.url", String(options.url), new Headers(headers)),
    tls: tls && copyTls(tls),
    timeout,
  };
}

function readUrl(
  source: string,
  text: string,
  headers: Headers,
): Omit<ProxySettings, "tls" | "timeout"> {
  // The text may contain a password, so no message repeats it.
  if (!URL.canParse(text)) {
    throw new InvalidArgumentError(`${source} is not a URL`);
  }
  const url = new URL(text);
  if (/^socks5h?:$/.test(url.protocol)) return socksProxy(source, url, headers);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new InvalidArgumentError(
      `${source} must begin with http:, https:, socks5: or socks5h:, not with ${url.protocol}`,
    );
  }
  const secure = url.protocol === "https:";
  if (url.username !== "" || url.password !== "") {
    if (!headers.has("proxy-authorization")) {
      headers.set("proxy-authorization", basicCredentials(source, url));
    }
  }
  // The target of the tunnel is in the request line, and in `host`.
  headers.delete("host");
  return {
    name: `${url.protocol}//${url.host}`,
    secure,
    hostname: withoutBrackets(url.hostname),
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    headers: [...headers],
  };
}

function socksProxy(
  source: string,
  url: URL,
  headers: Headers,
): Omit<ProxySettings, "tls" | "timeout"> {
  if (url.hostname === "") {
    throw new InvalidArgumentError(`${source} has no host`);
  }
  if (!headers.keys().next().done) {
    throw new InvalidArgumentError(
      `${source} is that of a SOCKS proxy, which takes no headers`,
    );
  }
  const credential = (text: string): Uint8Array => {
    const bytes = new TextEncoder().encode(decode(text));
    // Rule: one byte holds the length (RFC 1929 2).
    if (bytes.length <= 255) return bytes;
    throw new InvalidArgumentError(
      `${source} has a user name or password of more than 255 bytes`,
    );
  };
  return {
    name: `${url.protocol}//${url.host}`,
    secure: false,
    socks: {
      username: credential(url.username),
      password: credential(url.password),
    },
    hostname: decode(withoutBrackets(url.hostname)),
    port: url.port === "" ? 1080 : Number(url.port),
    headers: [],
  };
}

/** RFC 7617 2: `user:password` in base64, here as UTF-8. */
function basicCredentials(source: string, url: URL): string {
  const user = decode(url.username);
  // Rule: the user's name contains no colon (RFC 7617 2).
  if (user.includes(":")) {
    throw new InvalidArgumentError(
      `${source} has a user whose name contains a colon, which basic authentication cannot express`,
    );
  }
  const bytes = new TextEncoder().encode(`${user}:${decode(url.password)}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Decodes percent-encoding. A percent sign that is not part of an escape is kept. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/** Reads an environment variable; `undefined` if it is unset or may not be read. */
export type ReadVariable = (name: string) => string | undefined;

/** Reads a variable if the program has the permission; never prompts for it. */
function readVariable(name: string): string | undefined {
  const permission = { name: "env", variable: name } as const;
  return Deno.permissions.querySync(permission).state === "granted"
    ? Deno.env.get(name)
    : undefined;
}

/**
 * The proxy for a TLS connection to `hostname` in the environment: `HTTPS_PROXY` or
 * else `ALL_PROXY`, also in lower case, unless `NO_PROXY` lists the host, as in
 * `fetch`. `undefined` if there is none.
 *
 * `HTTP_PROXY` is for proxies that forward HTTP requests, which SPDY connections
 * cannot use.
 *
 * Throws `InvalidArgumentError` if the variable is not the URL of a proxy.
 */
export function proxyOfEnvironment(
  target: HostPort,
  read: ReadVariable = readVariable,
): ProxySettings | undefined {
  for (const name of ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) {
    const value = read(name);
    if (value === undefined || value === "") continue;
    const list = read("NO_PROXY") ?? read("no_proxy") ?? "";
    if (isExcepted(target, list)) return undefined;
    const url = SCHEME.test(value) ? value : `http://${value}`;
    try {
      return {
        ...readUrl(`the environment variable ${name}`, url, new Headers()),
        tls: undefined,
        timeout: DEFAULT_TIMEOUT,
      };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InvalidArgumentError(
        `${reason}; with the option proxy: false, it is not used`,
        { cause: error },
      );
    }
  }
  return undefined;
}

/**
 * Whether `NO_PROXY` lists a host: as `*`, an address, a range such as
 * `10.0.0.0/8`, or a domain, which includes its subdomains. Each may have a port.
 */
function isExcepted({ hostname, port }: HostPort, list: string): boolean {
  const host = withoutBrackets(hostname).toLowerCase().replace(/\.$/, "");
  const address = parseAddress(host);
  return list.split(",").map((each) => each.trim().toLowerCase()).some(
    (entry) => {
      if (entry === "") return false;
      if (entry === "*") return true;
      const range = parseRange(withoutBrackets(entry));
      if (range !== undefined) {
        return address !== undefined && isWithin(address, range);
      }
      const match = /^(.+):(\d+)$/.exec(entry);
      if (match !== null && Number(match[2]) !== port) return false;
      const name = withoutBrackets(match?.[1] ?? entry);
      if (address !== undefined) return name === host;
      const domain = name.replace(/^\*?\./, "");
      return host === domain || host.endsWith(`.${domain}`);
    },
  );
}

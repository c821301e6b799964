/**
 * The URL of an API server.
 *
 * @module
 */

/** Creates the error for a URL, with its place. */
type Fail = (message: string) => Error;

/**
 * Reads the URL of an API server. As in kubectl, a URL without a scheme becomes
 * https: with `secure` (another setting shows that the server uses TLS), and http:
 * without.
 */
export function readServerUrl(text: string, secure: boolean, fail: Fail): URL {
  const whole = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? text
    : `${secure ? "https" : "http"}://${text}`;
  const url = URL.canParse(whole) ? new URL(whole) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw fail(`${JSON.stringify(text)} is not an http: or https: URL`);
  }
  url.search = "";
  url.hash = "";
  return url;
}

/** The URL as it was written: without the slash that `href` adds after a host. */
export function plainHref({ href, pathname }: URL): string {
  return pathname === "/" ? href.slice(0, -1) : href;
}

/**
 * Rule: credentials are sent in plain text only to this machine. kubectl omits them
 * without a message instead.
 */
export function refusePlainText(url: URL, fail: Fail): void {
  if (url.protocol === "https:") return;
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) return;
  throw fail(
    `the server ${url.origin} does not use TLS; credentials are only sent over TLS or to this machine`,
  );
}

/**
 * Whether the values of a header are secret, judged by its name.
 *
 * Step 1 of the worked example in `README.md`.
 *
 * @module
 */

/**
 * The sensitivity of a header's values, judged by its name:
 *
 * - `"secret"`: the values are secret.
 * - `"address"`: the values are public except the parts that carry a credential.
 * - `"public"`: the values are public.
 * - `"unknown"`: the name is not known. Long values are treated as secret; see
 *   `isSecretValue` in `secret_values.ts`.
 */
export type Sensitivity = "secret" | "address" | "public" | "unknown";

/**
 * Headers that are known to contain no credential, including those whose names look
 * secret. A name that is missing here costs some bytes, but reveals no secret.
 */
const PUBLIC_NAMES: ReadonlySet<string> = new Set([
  // Those of SPDY/3 and, without the colon, of SPDY/2.
  ":host",
  ":method",
  ":scheme",
  ":status",
  ":version",
  "host",
  "method",
  "scheme",
  "status",
  "version",
  // In requests.
  "accept",
  "device-memory",
  "dnt",
  "downlink",
  "dpr",
  "early-data",
  "ect",
  "expect",
  "forwarded",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "origin",
  "prefer",
  "priority",
  "range",
  "rtt",
  "save-data",
  "sec-gpc",
  "te",
  "upgrade-insecure-requests",
  "user-agent",
  "viewport-width",
  "width",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-real-ip",
  "x-requested-with",
  // In responses.
  "age",
  "allow",
  "alt-svc",
  "etag",
  "expect-ct",
  "expires",
  "last-modified",
  "nel",
  "p3p",
  "permissions-policy",
  "referrer-policy",
  "report-to",
  "retry-after",
  "server",
  "server-timing",
  "strict-transport-security",
  "timing-allow-origin",
  "tk",
  "vary",
  "x-aspnet-version",
  "x-aspnetmvc-version",
  "x-cache",
  "x-cache-hits",
  "x-cache-lookup",
  "x-content-type-options",
  "x-dns-prefetch-control",
  "x-download-options",
  "x-frame-options",
  "x-permitted-cross-domain-policies",
  "x-powered-by",
  "x-robots-tag",
  "x-runtime",
  "x-served-by",
  "x-timer",
  "x-ua-compatible",
  "x-varnish",
  "x-xss-protection",
  // In both.
  "cache-control",
  "connection",
  "date",
  "keep-alive",
  "pragma",
  "proxy-connection",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "warning",
  "x-via",
  // Identifiers of requests, which grant no access.
  "cf-cache-status",
  "cf-ray",
  "traceparent",
  "x-amz-cf-id",
  "x-amz-cf-pop",
  "x-amz-id-1",
  "x-amz-id-2",
  "x-amz-request-id",
  "x-amzn-requestid",
  "x-amzn-trace-id",
  "x-b3-spanid",
  "x-b3-traceid",
  "x-correlation-id",
  "x-github-request-id",
  "x-request-id",
  // Names that look secret.
  "access-control-allow-credentials",
  "sec-fetch-user",
]);

/** Prefixes of headers that contain no credential. */
const PUBLIC_LOOKS =
  /^(?:accept|access-control|content|cross-origin|sec-ch|sec-fetch)-/;

/** Headers that contain addresses; `url` is `:path` in SPDY/2. */
const ADDRESS_NAMES: ReadonlySet<string> = new Set([
  ":path",
  "url",
  "content-location",
  "destination",
  "link",
  "location",
  "referer",
  "refresh",
  "service-worker-allowed",
  "sourcemap",
  "x-accel-redirect",
  "x-forwarded-uri",
  "x-ms-copy-source",
  "x-original-uri",
  "x-original-url",
  "x-pingback",
  "x-rewrite-url",
]);

/**
 * Parts of the names of headers that carry a credential or identify a user. They match
 * too much on purpose: a header that is wrongly treated as secret costs some bytes, but
 * one that is wrongly treated as public discloses the secret. `docs/security.md` lists
 * the headers that these patterns are for.
 */
const SECRET_PARTS: readonly string[] = [
  "access[-_]?key",
  "api[-_]?key",
  "app[-_]?key",
  "appcheck",
  "assert",
  "authenti[ck]",
  "auth[-_]?key",
  "authori[sz]",
  "bearer",
  "captcha",
  "cf-access",
  "client[-_]?cert",
  "consumer",
  "cookie",
  "credential",
  "crumb",
  "csrf",
  "dpop",
  "hmac",
  "identity",
  "impersonat",
  "jwt",
  "oauth",
  "oidc",
  "origin[-_]?verify",
  "pass(?:wd|w|phrase|code)",
  "principal",
  "remote[-_]?(?:extra|group|uid|user)",
  "saml",
  "secret",
  "session",
  "shib",
  "signature",
  "ssl[-_]?client",
  "token",
  "x-amz-security",
  "xsrf",
  "(?:access|activation|security|verification)[-_]?code",
];

/** Complete words of such names, between `-`, `_` or `.`. */
const SECRET_WORDS: readonly string[] = [
  "2fa",
  "auth",
  "cert",
  "email",
  "eppn",
  "key",
  "login",
  "mfa",
  "nonce",
  "otp",
  "pin",
  "pwd",
  "sid",
  "sig",
  "sso",
  "ticket",
  "totp",
  "user",
  "userid",
  "userinfo",
  "username",
  "webauth",
  "wsse",
];

const SECRET_LOOKS = new RegExp(
  `${SECRET_PARTS.join("|")}|(?:^|[-_.])(?:${
    SECRET_WORDS.join("|")
  })(?:$|[-_.])`,
);

/** Lower-case names of URL parameters that carry a credential, in addition to those that match the name of a secret header. */
const SECRET_PARAMETERS: ReadonlySet<string> = new Set([
  "code",
  "policy",
  "relaystate",
  "sas",
  "state",
]);

/** A cache of judged names: the pattern takes ten times as long as a look-up. */
const judged = new Map<string, Sensitivity>();
const MAX_JUDGED = 1000;
/** Longest name in the cache, characters: names that peers send through a proxy must not fill the memory. */
const LONGEST_JUDGED = 64;

/**
 * Judges the name of a header by the built-in rules.
 *
 * @param name In lower case, as it goes over the wire.
 */
export function sensitivityOf(name: string): Sensitivity {
  let sensitivity = judged.get(name);
  if (sensitivity === undefined) {
    sensitivity = judge(name);
    if (judged.size < MAX_JUDGED && name.length <= LONGEST_JUDGED) {
      judged.set(name, sensitivity);
    }
  }
  return sensitivity;
}

function judge(name: string): Sensitivity {
  if (PUBLIC_NAMES.has(name)) return "public";
  if (SECRET_LOOKS.test(name)) return "secret";
  if (ADDRESS_NAMES.has(name)) return "address";
  return PUBLIC_LOOKS.test(name) ? "public" : "unknown";
}

/**
 * Recently judged names of parameters, by hash. Comparing one with the address takes
 * a third of the time of a substring and a look-up in a map.
 */
const parameters: (JudgedParameter | undefined)[] = Array(256).fill(undefined);
/** Longest name that is kept, characters: V8 makes a longer substring refer to the whole address, which would stay in memory. */
const LONGEST_PARAMETER = 12;

interface JudgedParameter {
  readonly name: string;
  readonly secret: boolean;
}

/** Whether the parameter with the name `address[from..to)` carries a credential. */
export function isSecretParameter(
  address: string,
  from: number,
  to: number,
): boolean {
  const length = to - from;
  if (length > LONGEST_PARAMETER) {
    return judgeParameter(address.slice(from, to));
  }
  let hash = length;
  for (let at = from; at < to; at++) {
    hash = Math.imul(hash, 31) + address.charCodeAt(at) | 0;
  }
  const place = hash & (parameters.length - 1);
  const known = parameters[place];
  if (
    known !== undefined && known.name.length === length &&
    address.startsWith(known.name, from)
  ) return known.secret;
  const name = address.slice(from, to);
  const secret = judgeParameter(name);
  parameters[place] = { name, secret };
  return secret;
}

function judgeParameter(name: string): boolean {
  const lower = name.toLowerCase();
  return SECRET_PARAMETERS.has(lower) || SECRET_LOOKS.test(lower);
}

/**
 * TLS certificates for tests: X.509 (RFC 5280), written by hand with WebCrypto,
 * so that no test needs openssl or a file that expires.
 *
 * @module
 */

/** A server's certificate and the authority that signed it, all PEM. */
export interface TestCertificate {
  /** For `cert` of the listener. */
  readonly cert: string;
  /** For `key` of the listener. */
  readonly key: string;
  /** For `caCerts` of the client. */
  readonly caCert: string;
}

const ECDSA = { name: "ECDSA", namedCurve: "P-256" } as const;
const OID_ECDSA_SHA256 = "1.2.840.10045.4.3.2";
const OID_COMMON_NAME = "2.5.4.3";
const OID_ORGANIZATION = "2.5.4.10";
const OID_BASIC_CONSTRAINTS = "2.5.29.19";
const OID_SUBJECT_ALT_NAME = "2.5.29.17";
const DAY = 24 * 60 * 60 * 1000;

/** The contents of a certificate. */
export interface CertificateSubject {
  /** The owner: a host, or a user of a cluster. */
  readonly commonName: string;
  /** Organizations; Kubernetes takes them as the groups of a user. */
  readonly organizations?: readonly string[];
  /** Names of a host. */
  readonly names?: readonly string[];
  /** IPv4 address of a host. */
  readonly address?: readonly number[];
}

/** A certificate and its private key, both PEM. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority that signs certificates. */
export interface TestAuthority {
  /** Its own certificate, PEM. */
  readonly caCert: string;
  /** Signs a certificate for a new key. */
  issue(subject: CertificateSubject): Promise<IssuedCertificate>;
}

/** Makes a certificate for these names (default `127.0.0.1`), signed by a new authority. */
export async function makeCertificate(
  names: readonly string[] = ["localhost"],
  address: readonly number[] | null = [127, 0, 0, 1],
): Promise<TestCertificate> {
  const authority = await makeAuthority();
  const issued = await authority.issue({
    commonName: names[0],
    names,
    address: address ?? undefined,
  });
  return { ...issued, caCert: authority.caCert };
}

/** Listens for TLS on a free port of loopback. */
export function listenWith(
  { cert, key }: TestCertificate,
  alpnProtocols?: readonly string[],
): Deno.TlsListener {
  const where = { hostname: "127.0.0.1", port: 0 };
  return Deno.listenTls(
    alpnProtocols === undefined
      ? { ...where, cert, key }
      : { ...where, cert, key, alpnProtocols: [...alpnProtocols] },
  );
}

/** Makes an authority. */
export async function makeAuthority(): Promise<TestAuthority> {
  const issuer: CertificateSubject = { commonName: "spdy test authority" };
  const authority = await generateKeys();
  const ca = await certificate({
    subject: issuer,
    issuer,
    keys: authority,
    signer: authority.privateKey,
    serial: 1,
    extensions: [extension(
      OID_BASIC_CONSTRAINTS,
      sequence([der(0x01, Uint8Array.of(0xff))]),
      true,
    )],
  });
  let serial = 1;
  return {
    caCert: pem("CERTIFICATE", ca),
    async issue(subject) {
      const keys = await generateKeys();
      const leaf = await certificate({
        subject,
        issuer,
        keys,
        signer: authority.privateKey,
        serial: ++serial,
        extensions: alternativeNames(subject),
      });
      return {
        cert: pem("CERTIFICATE", leaf),
        key: await exportKey(keys.privateKey),
      };
    },
  };
}

/** Makes a pair of keys, both PEM (PKCS#8 and SubjectPublicKeyInfo). */
export async function makeKeyPair(): Promise<
  { readonly privateKey: string; readonly publicKey: string }
> {
  const keys = await generateKeys();
  const spki = await crypto.subtle.exportKey("spki", keys.publicKey);
  return {
    privateKey: await exportKey(keys.privateKey),
    publicKey: pem("PUBLIC KEY", new Uint8Array(spki)),
  };
}

async function exportKey(key: CryptoKey): Promise<string> {
  const bytes = await crypto.subtle.exportKey("pkcs8", key);
  return pem("PRIVATE KEY", new Uint8Array(bytes));
}

interface CertificateParts {
  readonly subject: CertificateSubject;
  readonly issuer: CertificateSubject;
  readonly keys: CryptoKeyPair;
  readonly signer: CryptoKey;
  readonly serial: number;
  readonly extensions: readonly Uint8Array[];
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
}

async function certificate(parts: CertificateParts): Promise<Uint8Array> {
  const spki = await crypto.subtle.exportKey("spki", parts.keys.publicKey);
  const algorithm = sequence([oid(OID_ECDSA_SHA256)]);
  const now = Date.now();
  const body = sequence([
    der(0xa0, integer(Uint8Array.of(2))), // version 3
    integer(Uint8Array.of(parts.serial)),
    algorithm,
    name(parts.issuer),
    sequence([time(now - DAY), time(now + DAY)]),
    name(parts.subject),
    new Uint8Array(spki),
    ...(parts.extensions.length === 0
      ? []
      : [der(0xa3, sequence(parts.extensions))]),
  ]);
  const signature = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    parts.signer,
    body.slice(),
  );
  return sequence([body, algorithm, bitString(signatureOf(signature))]);
}

/** WebCrypto returns r and s one after the other; X.509 expects them as a SEQUENCE. */
function signatureOf(raw: ArrayBuffer): Uint8Array {
  const bytes = new Uint8Array(raw);
  const half = bytes.length / 2;
  return sequence([
    integer(bytes.subarray(0, half)),
    integer(bytes.subarray(half)),
  ]);
}

function name(
  { commonName, organizations = [] }: CertificateSubject,
): Uint8Array {
  const attribute = (id: string, value: string): Uint8Array =>
    der(0x31, sequence([oid(id), der(0x0c, text(value))]));
  return sequence([
    ...organizations.map((each) => attribute(OID_ORGANIZATION, each)),
    attribute(OID_COMMON_NAME, commonName),
  ]);
}

function alternativeNames(
  { names = [], address }: CertificateSubject,
): Uint8Array[] {
  const all = [
    ...names.map((each) => der(0x82, text(each))),
    ...(address === undefined ? [] : [der(0x87, Uint8Array.from(address))]),
  ];
  return all.length === 0
    ? []
    : [extension(OID_SUBJECT_ALT_NAME, sequence(all), false)];
}

function extension(
  id: string,
  value: Uint8Array,
  critical: boolean,
): Uint8Array {
  return sequence([
    oid(id),
    ...(critical ? [der(0x01, Uint8Array.of(0xff))] : []),
    der(0x04, value),
  ]);
}

/** UTCTime: years 1950 to 2049. */
function time(milliseconds: number): Uint8Array {
  const digits = new Date(milliseconds).toISOString().replace(/[-:T]/g, "")
    .slice(2, 14);
  return der(0x17, text(`${digits}Z`));
}

function oid(dotted: string): Uint8Array {
  const [first, second, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const value of rest) {
    const groups = [value & 0x7f];
    for (let left = value >>> 7; left > 0; left >>>= 7) {
      groups.unshift((left & 0x7f) | 0x80);
    }
    bytes.push(...groups);
  }
  return der(0x06, Uint8Array.from(bytes));
}

/** A positive INTEGER: the only leading zero is the one that keeps it positive. */
function integer(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const digits = bytes.subarray(start);
  const sign = digits[0] >= 0x80 ? [0] : [];
  return der(0x02, Uint8Array.from([...sign, ...digits]));
}

function bitString(bytes: Uint8Array): Uint8Array {
  return der(0x03, Uint8Array.from([0, ...bytes]));
}

function sequence(parts: readonly Uint8Array[]): Uint8Array {
  return der(0x30, Uint8Array.from(parts.flatMap((part) => [...part])));
}

function der(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >>> 8, length & 0xff];
  return Uint8Array.from([...head, ...content]);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""]
    .join("\n");
}

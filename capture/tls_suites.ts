/**
 * TLS cipher suites: which can be decrypted, and the names of the others.
 *
 * @module
 */

/** A suite that can be decrypted: AES-GCM (RFC 5288, RFC 5289, RFC 8446). */
export interface GcmSuite {
  /** Length of the key, bytes. */
  readonly keyLength: 16 | 32;
  /** Hash of the key derivation, with its name in WebCrypto. */
  readonly hash: "SHA-256" | "SHA-384";
}

const AES_128: GcmSuite = { keyLength: 16, hash: "SHA-256" };
const AES_256: GcmSuite = { keyLength: 32, hash: "SHA-384" };

/** Names of suites by their number, and the parameters of those with AES-GCM. */
const SUITES: ReadonlyMap<number, readonly [string, GcmSuite | undefined]> =
  new Map([
    [0x1301, ["TLS_AES_128_GCM_SHA256", AES_128]],
    [0x1302, ["TLS_AES_256_GCM_SHA384", AES_256]],
    [0x1303, ["TLS_CHACHA20_POLY1305_SHA256", undefined]],
    [0x1304, ["TLS_AES_128_CCM_SHA256", undefined]],
    [0x009c, ["TLS_RSA_WITH_AES_128_GCM_SHA256", AES_128]],
    [0x009d, ["TLS_RSA_WITH_AES_256_GCM_SHA384", AES_256]],
    [0x009e, ["TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", AES_128]],
    [0x009f, ["TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", AES_256]],
    [0xc02b, ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", AES_128]],
    [0xc02c, ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", AES_256]],
    [0xc02d, ["TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", AES_128]],
    [0xc02e, ["TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384", AES_256]],
    [0xc02f, ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", AES_128]],
    [0xc030, ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", AES_256]],
    [0xc031, ["TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", AES_128]],
    [0xc032, ["TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384", AES_256]],
    [0xcca8, ["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", undefined]],
    [0xcca9, ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", undefined]],
    [0x0004, ["TLS_RSA_WITH_RC4_128_MD5", undefined]],
    [0x0005, ["TLS_RSA_WITH_RC4_128_SHA", undefined]],
    [0x000a, ["TLS_RSA_WITH_3DES_EDE_CBC_SHA", undefined]],
    [0x002f, ["TLS_RSA_WITH_AES_128_CBC_SHA", undefined]],
    [0x0033, ["TLS_DHE_RSA_WITH_AES_128_CBC_SHA", undefined]],
    [0x0035, ["TLS_RSA_WITH_AES_256_CBC_SHA", undefined]],
    [0x0039, ["TLS_DHE_RSA_WITH_AES_256_CBC_SHA", undefined]],
    [0x003c, ["TLS_RSA_WITH_AES_128_CBC_SHA256", undefined]],
    [0x003d, ["TLS_RSA_WITH_AES_256_CBC_SHA256", undefined]],
    [0xc007, ["TLS_ECDHE_ECDSA_WITH_RC4_128_SHA", undefined]],
    [0xc009, ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", undefined]],
    [0xc00a, ["TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", undefined]],
    [0xc011, ["TLS_ECDHE_RSA_WITH_RC4_128_SHA", undefined]],
    [0xc013, ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", undefined]],
    [0xc014, ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", undefined]],
    [0xc023, ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", undefined]],
    [0xc027, ["TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", undefined]],
    [0xc028, ["TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", undefined]],
  ]);

/** The parameters of a suite; `undefined` if it cannot be decrypted. */
export function gcmSuite(suite: number): GcmSuite | undefined {
  return SUITES.get(suite)?.[1];
}

/** Name of a suite, or its number if it is unknown. */
export function suiteName(suite: number): string {
  return SUITES.get(suite)?.[0] ??
    `cipher suite 0x${suite.toString(16).padStart(4, "0")}`;
}

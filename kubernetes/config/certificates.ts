/**
 * Checks certificates in PEM (RFC 7468) before a connection uses them. Deno reports a
 * damaged one only when it connects, and as a fault of the server's certificate.
 *
 * @module
 */

const BEGIN = "-----BEGIN CERTIFICATE-----";
/** A block that is cut off has no end line; the next block is still read. */
const BLOCK = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/g;

/**
 * The certificates of authorities in `text`. As in kubectl, damaged ones are left
 * out if at least one is complete.
 *
 * Throws `Error` if there is no certificate that can be used.
 */
export function readAuthorities(text: string): string {
  const { whole, count } = blocksOf(text);
  if (whole.length === count) return text;
  if (whole.length > 0) return `${whole.join("\n")}\n`;
  throw new Error("the certificate in it is damaged or cut off");
}

/**
 * The chain of a client certificate; `key` is its private key (PKCS#8).
 *
 * Throws `Error` if a certificate is damaged, or the first one does not belong to the
 * key.
 */
export async function readClientChain(
  text: string,
  key: string,
): Promise<string> {
  const { whole, count } = blocksOf(text);
  if (whole.length < count) {
    throw new Error(
      count === 1
        ? "the certificate in it is damaged or cut off"
        : `${
          count - whole.length
        } of the ${count} certificates in it are damaged or cut off`,
    );
  }
  if (await belongTogether(whole[0], key) === false) {
    throw new Error(
      "the first certificate in it does not belong to the private key",
    );
  }
  return text;
}

/** The complete certificates, and the number of all certificates. */
function blocksOf(text: string): { whole: string[]; count: number } {
  const count = text.split(BEGIN).length - 1;
  if (count === 0) throw new Error("it contains no certificate in PEM");
  const whole = [...text.matchAll(BLOCK)]
    .flatMap(([block, body]) => isWhole(body) ? [block] : []);
  return { whole, count };
}

/** Whether the body of a block is one DER sequence, which a certificate is (RFC 5280 4.1). */
function isWhole(body: string): boolean {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(body.replace(/\s/g, ""));
  } catch {
    return false;
  }
  // A certificate has hundreds of bytes, so its length has a long form (X.690 8.1.3.5).
  const [tag, form] = bytes;
  const size = form - 0x80;
  if (tag !== 0x30 || !(size >= 1 && size <= 3)) return false;
  const length = bytes.subarray(2, 2 + size)
    .reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes.length === 2 + size + length;
}

/** Whether the key is that of the certificate; `undefined` if one of them has an unknown form. */
async function belongTogether(
  certificate: string,
  key: string,
): Promise<boolean | undefined> {
  // Loaded here, because only client certificates need it.
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  try {
    return new X509Certificate(certificate)
      .checkPrivateKey(createPrivateKey(key));
  } catch {
    return undefined;
  }
}

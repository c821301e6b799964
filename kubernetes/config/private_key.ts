/**
 * Converts private keys to PKCS#8 (RFC 5208), the form that `Deno.connectTls`
 * needs.
 *
 * @module
 */

const OID_RSA = "2a864886f70d010101"; // 1.2.840.113549.1.1.1 (RFC 8017 A.1)
const OID_EC = "2a8648ce3d0201"; // 1.2.840.10045.2.1 (RFC 5480 2.1.1)

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
const OID = 0x06;
const NULL = 0x05;
/** The curve inside a SEC1 key: `[0] EXPLICIT` (RFC 5915 3). */
const EC_PARAMETERS = 0xa0;

/**
 * Longest key that is converted, bytes; one of RSA with 16,384 bits has 9 KiB. With
 * what is put around it, its length must fit into two bytes.
 */
const LONGEST_KEY = 0x8000;

/** A block that is cut off has no end line; the next block is still read. */
const BLOCK =
  /-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n((?:(?!-----BEGIN )[\s\S])*?)-----END \1-----/g;

/**
 * Converts a private key in PEM: PKCS#1 (`RSA PRIVATE KEY`) and SEC1 (`EC PRIVATE
 * KEY`) become PKCS#8; PKCS#8 (`PRIVATE KEY`) is returned unchanged. Other blocks,
 * such as `EC PARAMETERS` or certificates, are skipped.
 *
 * Throws `Error` for a text without a private key, and for an encrypted key.
 */
export function toPkcs8(pem: string): string {
  for (const [block, label, body] of pem.matchAll(BLOCK)) {
    if (label === "ENCRYPTED PRIVATE KEY" || body.includes("ENCRYPTED")) {
      throw new Error(
        "the private key is encrypted; decrypt it, for example with OpenSSL",
      );
    }
    if (label === "PRIVATE KEY") return `${block}\n`;
    if (label === "RSA PRIVATE KEY") {
      const algorithm = [...der(OID, hex(OID_RSA)), NULL, 0];
      return wrap(algorithm, decode(body));
    }
    if (label === "EC PRIVATE KEY") {
      const key = decode(body);
      const algorithm = [...der(OID, hex(OID_EC)), ...curveOf(key)];
      return wrap(algorithm, key);
    }
  }
  throw new Error("it contains no private key in PEM");
}

function wrap(algorithm: readonly number[], key: Uint8Array): string {
  const bytes = der(SEQUENCE, [
    ...der(INTEGER, [0]),
    ...der(SEQUENCE, algorithm),
    ...der(OCTET_STRING, key),
  ]);
  const lines = Uint8Array.from(bytes).toBase64().match(/.{1,64}/g) ?? [];
  return [
    "-----BEGIN PRIVATE KEY-----",
    ...lines,
    "-----END PRIVATE KEY-----",
    "",
  ].join("\n");
}

/** The OID of the curve in a SEC1 key, with its tag and length. */
function curveOf(key: Uint8Array): number[] {
  let fields = contentOf(key, 0, SEQUENCE);
  for (let at = fields.start; at < fields.end;) {
    const field = contentOf(key, at);
    if (key[at] === EC_PARAMETERS) {
      fields = contentOf(key, field.start, OID);
      return [...key.subarray(field.start, fields.end)];
    }
    at = field.end;
  }
  throw new Error("the EC private key does not name its curve");
}

/** The place of the content of the DER value at `at`. */
function contentOf(
  bytes: Uint8Array,
  at: number,
  tag = bytes[at],
): { start: number; end: number } {
  let length = bytes[at + 1];
  let start = at + 2;
  if (length > 0x80) {
    const count = length - 0x80;
    length = 0;
    for (const byte of bytes.subarray(start, start + count)) {
      length = length * 256 + byte;
    }
    start += count;
  }
  const end = start + length;
  // This also refuses a length beyond the end, and NaN if the length is missing.
  if (bytes[at] !== tag || !(end <= bytes.length)) {
    throw new Error("the private key is not valid DER");
  }
  return { start, end };
}

function der(tag: number, content: ArrayLike<number>): number[] {
  const { length } = content;
  const head = length < 0x80
    ? [tag, length]
    : length < 0x100
    ? [tag, 0x81, length]
    : [tag, 0x82, length >>> 8, length & 0xff];
  return [...head, ...Array.from(content)];
}

function decode(base64: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(base64.replace(/\s/g, ""));
  } catch {
    throw new Error("the private key is not valid base64");
  }
  if (bytes.length <= LONGEST_KEY) return bytes;
  throw new Error(
    `the private key has ${bytes.length} bytes, but at most ${LONGEST_KEY} are accepted`,
  );
}

function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text);
}

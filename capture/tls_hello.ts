/**
 * Reads the TLS handshake messages that negotiate the protocol.
 *
 * @module
 */

const EXTENSION_ALPN = 16;
const EXTENSION_VERSIONS = 43;
const LATIN1 = new TextDecoder("latin1");

/** The content of a ClientHello or ServerHello. */
export interface Hello {
  /** The random, 32 bytes. */
  readonly random: Uint8Array;
  /** The server's cipher suite; 0 in a ClientHello. */
  readonly suite: number;
  /** The server's version, such as 0x0303 for TLS 1.2. */
  readonly version: number;
  /** ALPN protocols: those of the client, or the one that the server has chosen. */
  readonly protocols: readonly string[];
  /** Whether the records are compressed (RFC 3749). */
  readonly isCompressed: boolean;
}

/** Reads the body of a ClientHello (1) or ServerHello (2); `undefined` if it is truncated. */
export function readHello(
  body: Uint8Array,
  type: 1 | 2,
): Hello | undefined {
  try {
    return parse(body, type);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(body: Uint8Array, type: 1 | 2): Hello {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  let version = view.getUint16(0);
  const random = body.slice(2, 34);
  let at = 34;
  at += 1 + view.getUint8(at);
  let suite = 0;
  let isCompressed = false;
  if (type === 1) {
    at += 2 + view.getUint16(at);
    at += 1 + view.getUint8(at);
  } else {
    suite = view.getUint16(at);
    isCompressed = view.getUint8(at + 2) !== 0;
    at += 3;
  }
  const protocols: string[] = [];
  if (at < body.length) {
    forEachExtension(body, at, (extension, begin, end) => {
      if (extension === EXTENSION_ALPN) {
        protocols.push(...readProtocols(body, begin, end));
      } else if (extension === EXTENSION_VERSIONS && type === 2) {
        version = view.getUint16(begin);
      }
    });
  }
  return { random, suite, version, protocols, isCompressed };
}

/** The ALPN protocol in the EncryptedExtensions of TLS 1.3. */
export function encryptedAlpn(body: Uint8Array): string | undefined {
  let found: string | undefined;
  try {
    forEachExtension(body, 0, (extension, begin, end) => {
      if (extension === EXTENSION_ALPN) {
        found = readProtocols(body, begin, end)[0];
      }
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return found;
}

function forEachExtension(
  body: Uint8Array,
  begin: number,
  each: (extension: number, begin: number, end: number) => void,
): void {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const last = begin + 2 + view.getUint16(begin);
  for (let at = begin + 2; at + 4 <= last;) {
    const end = at + 4 + view.getUint16(at + 2);
    if (end > body.length) throw new RangeError("extension cut off");
    each(view.getUint16(at), at + 4, end);
    at = end;
  }
}

function readProtocols(
  body: Uint8Array,
  begin: number,
  end: number,
): string[] {
  const protocols: string[] = [];
  for (let at = begin + 2; at < end;) {
    const next = at + 1 + body[at];
    protocols.push(LATIN1.decode(body.subarray(at + 1, Math.min(next, end))));
    at = next;
  }
  return protocols;
}

/** Name of a version, such as `TLS 1.3`. */
export function versionName(version: number): string {
  return version === 0x0300 ? "SSL 3.0" : `TLS 1.${(version & 0xff) - 1}`;
}

/**
 * Derives the keys of TLS 1.2 (RFC 5246 6.3) and TLS 1.3 (RFC 8446 7.3), and
 * decrypts records with AES-GCM.
 *
 * @module
 */

import { concat } from "../bytes.ts";
import type { GcmSuite } from "./tls_suites.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const ENCODER = new TextEncoder();
const TAG = 16;
/** Length of the explicit nonce before each ciphertext in TLS 1.2, bytes. */
const EXPLICIT_NONCE = 8;

/** The key of one direction. */
export interface RecordKey {
  readonly key: CryptoKey;
  /** The implicit part of the nonce: 12 bytes in TLS 1.3, 4 in TLS 1.2. */
  readonly iv: Bytes;
  /** Bytes of a record besides its content; in TLS 1.3, they include the type. */
  readonly overhead: number;
  /** The traffic secret, from which the next key is derived; only in TLS 1.3. */
  readonly secret: Bytes | undefined;
}

/** Derives the keys of both directions of TLS 1.2 from the master secret. */
export async function keysOfTls12(
  suite: GcmSuite,
  master: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
): Promise<{ client: RecordKey; server: RecordKey }> {
  const { keyLength, hash } = suite;
  const seed = concat([
    ENCODER.encode("key expansion"),
    serverRandom,
    clientRandom,
  ]);
  const length = 2 * keyLength + 8;
  const hmac = await hmacKey(hash, master);
  let block: Bytes = new Uint8Array(0);
  // P_hash (RFC 5246 5).
  for (let a: Bytes = seed; block.length < length;) {
    a = await sign(hmac, a);
    block = concat([block, await sign(hmac, concat([a, seed]))]);
  }
  const make = async (key: number, iv: number): Promise<RecordKey> => ({
    key: await gcmKey(block.slice(key, key + keyLength)),
    iv: block.slice(iv, iv + 4),
    overhead: EXPLICIT_NONCE + TAG,
    secret: undefined,
  });
  return {
    client: await make(0, 2 * keyLength),
    server: await make(keyLength, 2 * keyLength + 4),
  };
}

/** Derives the key of a direction of TLS 1.3 from its traffic secret. */
export async function keyOfTls13(
  suite: GcmSuite,
  secret: Uint8Array,
): Promise<RecordKey> {
  return {
    key: await gcmKey(await expand(suite, secret, "key", suite.keyLength)),
    iv: await expand(suite, secret, "iv", 12),
    overhead: TAG + 1,
    secret: concat([secret]),
  };
}

/** The secret after a KeyUpdate (RFC 8446 7.2). */
export async function nextSecret(
  suite: GcmSuite,
  secret: Uint8Array,
): Promise<Uint8Array> {
  return await expand(suite, secret, "traffic upd", secret.length);
}

/**
 * Decrypts a record; `undefined` if the key or the sequence number is wrong. `head`
 * is the five bytes before `body`.
 */
export async function openRecord(
  { key, iv }: RecordKey,
  sequence: number,
  head: Uint8Array,
  body: Uint8Array,
): Promise<Uint8Array | undefined> {
  const isTls12 = iv.length === 4;
  if (body.length < TAG + (isTls12 ? EXPLICIT_NONCE : 1)) return undefined;
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(sequence));
  let nonce: Bytes;
  let additional: Bytes;
  let sealed: Bytes;
  if (isTls12) {
    nonce = concat([iv, body.subarray(0, EXPLICIT_NONCE)]);
    sealed = concat([body.subarray(EXPLICIT_NONCE)]);
    const length = sealed.length - TAG;
    additional = concat([
      number,
      head.subarray(0, 3),
      new Uint8Array([length >> 8, length]),
    ]);
  } else {
    nonce = iv.slice();
    for (let index = 0; index < 8; index++) nonce[4 + index] ^= number[index];
    sealed = concat([body]);
    additional = concat([head]);
  }
  try {
    return new Uint8Array(
      await crypto.subtle.decrypt(
        { name: "AES-GCM", iv: nonce, additionalData: additional },
        key,
        sealed,
      ),
    );
  } catch {
    // WebCrypto only reports that the tag is wrong.
    return undefined;
  }
}

/** HKDF-Expand-Label without a context (RFC 8446 7.1); all lengths here need only one block. */
async function expand(
  { hash }: GcmSuite,
  secret: Uint8Array,
  label: string,
  length: number,
): Promise<Bytes> {
  const name = ENCODER.encode(`tls13 ${label}`);
  const info = concat([
    new Uint8Array([length >> 8, length, name.length]),
    name,
    new Uint8Array([0, 1]),
  ]);
  const output = await sign(await hmacKey(hash, secret), info);
  return output.slice(0, length);
}

async function gcmKey(bytes: Bytes): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, [
    "decrypt",
  ]);
}

async function hmacKey(hash: string, secret: Uint8Array): Promise<CryptoKey> {
  return await crypto.subtle.importKey(
    "raw",
    concat([secret]),
    { name: "HMAC", hash },
    false,
    ["sign"],
  );
}

async function sign(key: CryptoKey, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data));
}

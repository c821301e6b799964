/**
 * Conversations inside TLS, encrypted with secrets that tests know.
 *
 * @module
 */

import { createCipheriv, createHmac } from "node:crypto";
import { concat } from "../deps.ts";
import { ascii, Talk } from "./reading.ts";

const CLIENT_RANDOM = new Uint8Array(32).fill(0xc1);
const SERVER_RANDOM = new Uint8Array(32).fill(0x5e);
const MASTER = new Uint8Array(48).map((_, index) => index);
/** Random of the client, as it is in a key log. */
export const RANDOM_HEX: string = "c1".repeat(32);
/** TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256. */
export const AES_128 = 0xc02f;
/** TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384. */
export const AES_256 = 0xc030;

/** A number in two bytes. */
export function uint16(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 255]);
}

/** A record that is not encrypted. */
export function record(type: number, body: Uint8Array): Uint8Array {
  return concat([new Uint8Array([type, 3, 3]), uint16(body.length), body]);
}

/** A handshake message. */
export function handshake(type: number, body: Uint8Array): Uint8Array {
  return concat([new Uint8Array([type, 0]), uint16(body.length), body]);
}

/** The extension of ALPN with one protocol. */
export function alpn(name: string): Uint8Array {
  const list = concat([new Uint8Array([name.length]), ascii(name)]);
  const data = concat([uint16(list.length), list]);
  return concat([uint16(16), uint16(data.length), data]);
}

/** The ClientHello. */
export function clientHello(): Uint8Array {
  const extensions = alpn("spdy/3.1");
  return handshake(
    1,
    concat([
      uint16(0x0303),
      CLIENT_RANDOM,
      new Uint8Array([0, 0, 2, 0xc0, 0x2f, 1, 0]),
      uint16(extensions.length),
      extensions,
    ]),
  );
}

/** The ServerHello. */
export function serverHello(suite: number, extensions: Uint8Array): Uint8Array {
  return handshake(
    2,
    concat([
      uint16(0x0303),
      SERVER_RANDOM,
      new Uint8Array([0]),
      uint16(suite),
      new Uint8Array([0]),
      uint16(extensions.length),
      extensions,
    ]),
  );
}

function hmac(
  hash: string,
  key: Uint8Array,
  ...data: Uint8Array[]
): Uint8Array {
  const mac = createHmac(hash, key);
  for (const part of data) mac.update(part);
  return new Uint8Array(mac.digest());
}

/** Encrypts records with AES-GCM for one side. */
export class Sealer {
  #sequence = 0;
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;

  constructor(key: Uint8Array, iv: Uint8Array) {
    this.#key = key;
    this.#iv = iv;
  }

  seal(type: number, content: Uint8Array): Uint8Array {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setUint32(4, this.#sequence++);
    const isTls12 = this.#iv.length === 4;
    const nonce = isTls12 ? concat([this.#iv, number]) : this.#iv.slice();
    if (!isTls12) number.forEach((byte, index) => nonce[4 + index] ^= byte);
    // TLS 1.3: the type follows the content, then padding.
    const plain = isTls12
      ? content
      : concat([content, new Uint8Array([type, 0, 0, 0])]);
    const head = concat([
      new Uint8Array([isTls12 ? type : 23, 3, 3]),
      uint16(plain.length + 16),
    ]);
    const cipher = createCipheriv(
      this.#key.length === 16 ? "aes-128-gcm" : "aes-256-gcm",
      this.#key,
      nonce,
    );
    cipher.setAAD(
      isTls12
        ? concat([number, new Uint8Array([type, 3, 3]), uint16(plain.length)])
        : head,
    );
    const sealed = concat([
      isTls12 ? number : new Uint8Array(),
      new Uint8Array(cipher.update(plain)),
      new Uint8Array(cipher.final()),
      new Uint8Array(cipher.getAuthTag()),
    ]);
    return record(head[0], sealed);
  }
}

/** The sealers of TLS 1.2 (RFC 5246 6.3). */
function sealersOfTls12(suite: number): { client: Sealer; server: Sealer } {
  const hash = suite === AES_128 ? "sha256" : "sha384";
  const size = suite === AES_128 ? 16 : 32;
  const seed = concat([ascii("key expansion"), SERVER_RANDOM, CLIENT_RANDOM]);
  let a: Uint8Array = seed;
  let block: Uint8Array = new Uint8Array();
  while (block.length < 2 * size + 8) {
    a = hmac(hash, MASTER, a);
    block = concat([block, hmac(hash, MASTER, a, seed)]);
  }
  const part = (at: number, length: number): Uint8Array =>
    block.slice(at, at + length);
  return {
    client: new Sealer(part(0, size), part(2 * size, 4)),
    server: new Sealer(part(size, size), part(2 * size + 4, 4)),
  };
}

/** The sealer of a traffic secret of TLS 1.3 (RFC 8446 7.3). */
export function sealerOfTls13(secret: Uint8Array): Sealer {
  return new Sealer(expand(secret, "key", 16), expand(secret, "iv", 12));
}

/** HKDF-Expand-Label (RFC 8446 7.1). */
export function expand(
  secret: Uint8Array,
  label: string,
  length: number,
): Uint8Array {
  const name = ascii(`tls13 ${label}`);
  const info = concat([
    uint16(length),
    new Uint8Array([name.length]),
    name,
    new Uint8Array([0, 1]),
  ]);
  return hmac("sha256", secret, info).slice(0, length);
}

/** The key log of the conversations over TLS 1.2. */
export const LOG_12: string =
  `# a comment\nCLIENT_RANDOM ${RANDOM_HEX} ${MASTER.toHex()}\n`;

/** A request and its reply over TLS 1.2, and more records of the server. */
export function talkTls12(suite: number, records: Uint8Array[] = []): Talk {
  const { client, server } = sealersOfTls12(suite);
  const talk = new Talk();
  const finished = handshake(20, new Uint8Array(12));
  const change = record(20, new Uint8Array([1]));
  talk.send("client", record(22, clientHello()));
  talk.send("server", record(22, serverHello(suite, alpn("spdy/3.1"))));
  talk.send("client", concat([change, client.seal(22, finished)]));
  talk.send("server", concat([change, server.seal(22, finished)]));
  talk.send("client", client.seal(23, talk.request(1, "/one")));
  const reply = talk.reply(1);
  talk.send("server", server.seal(23, reply.subarray(0, 20)));
  talk.send("server", server.seal(23, reply.subarray(20)));
  for (const each of records) talk.send("server", server.seal(23, each));
  return talk;
}

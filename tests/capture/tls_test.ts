import { createCipheriv, createHmac } from "node:crypto";
import { assert, assertEquals, concat } from "../deps.ts";
import { KeyLog } from "../../capture/mod.ts";
import { ascii, ping, read, Talk, words } from "./reading.ts";

const CLIENT_RANDOM = new Uint8Array(32).fill(0xc1);
const SERVER_RANDOM = new Uint8Array(32).fill(0x5e);
const MASTER = new Uint8Array(48).map((_, index) => index);
const RANDOM_HEX = "c1".repeat(32);
const AES_128 = 0xc02f;
const AES_256 = 0xc030;

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function uint16(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 255]);
}

function record(type: number, body: Uint8Array): Uint8Array {
  return concat([new Uint8Array([type, 3, 3]), uint16(body.length), body]);
}

function handshake(type: number, body: Uint8Array): Uint8Array {
  return concat([new Uint8Array([type, 0]), uint16(body.length), body]);
}

function alpn(name: string): Uint8Array {
  const list = concat([new Uint8Array([name.length]), ascii(name)]);
  const data = concat([uint16(list.length), list]);
  return concat([uint16(16), uint16(data.length), data]);
}

function clientHello(): Uint8Array {
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

function serverHello(suite: number, extensions: Uint8Array): Uint8Array {
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

/** Seals records with AES-GCM, as one side does. */
class Sealer {
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
    // TLS 1.3: the type behind the content, then padding.
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
function sealerOfTls13(secret: Uint8Array): Sealer {
  return new Sealer(expand(secret, "key", 16), expand(secret, "iv", 12));
}

function expand(secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = ascii(`tls13 ${label}`);
  const info = concat([
    uint16(length),
    new Uint8Array([name.length]),
    name,
    new Uint8Array([0, 1]),
  ]);
  return hmac("sha256", secret, info).slice(0, length);
}

const LOG_12 = `# a comment\nCLIENT_RANDOM ${RANDOM_HEX} ${hex(MASTER)}\n`;

function talkTls12(suite: number, records: Uint8Array[] = []): Talk {
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

Deno.test("TLS 1.2 with AES-GCM is decrypted with a key log", async () => {
  for (const suite of [AES_128, AES_256]) {
    const reading = await read(
      [talkTls12(suite).file()],
      new KeyLog(LOG_12),
    );
    assertEquals(words(reading), ["> SYN_STREAM 1", "< SYN_REPLY 1"]);
    assertEquals(reading.notes.map(({ text, isError }) => [text, isError]), [[
      `TLS 1.2, TLS_ECDHE_RSA_WITH_AES_${
        suite === AES_128 ? "128_GCM_SHA256" : "256_GCM_SHA384"
      }, spdy/3.1, decrypted`,
      false,
    ]]);
    assertEquals(
      reading.records.map(({ kind }) => kind),
      ["connection", "note", "frame", "frame", "end"],
    );
  }
});

Deno.test("TLS 1.3 is decrypted, over a KeyUpdate as well", async () => {
  const secret = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
  const log = [
    ["CLIENT_HANDSHAKE_TRAFFIC_SECRET", 1],
    ["SERVER_HANDSHAKE_TRAFFIC_SECRET", 2],
    ["CLIENT_TRAFFIC_SECRET_0", 3],
    ["SERVER_TRAFFIC_SECRET_0", 4],
  ].map(([label, fill]) =>
    `${label} ${RANDOM_HEX} ${hex(secret(fill as number))}`
  ).join("\n");
  const finished = handshake(20, new Uint8Array(32));
  const versions = concat([uint16(43), uint16(2), uint16(0x0304)]);
  const extensions = alpn("spdy/3.1");
  const talk = new Talk();
  talk.send("client", record(22, clientHello()));
  const early = sealerOfTls13(secret(2));
  talk.send(
    "server",
    concat([
      record(22, serverHello(0x1301, versions)),
      record(20, new Uint8Array([1])),
      early.seal(
        22,
        concat([
          handshake(8, concat([uint16(extensions.length), extensions])),
          finished,
        ]),
      ),
    ]),
  );
  talk.send("client", sealerOfTls13(secret(1)).seal(22, finished));
  const client = sealerOfTls13(secret(3));
  talk.send("client", client.seal(23, talk.request(1, "/one")));
  talk.send("client", client.seal(22, handshake(24, new Uint8Array([0]))));
  const updated = sealerOfTls13(expand(secret(3), "traffic upd", 32));
  talk.send("client", updated.seal(23, ping(1)));
  talk.send("server", sealerOfTls13(secret(4)).seal(23, talk.reply(1)));
  const reading = await read([talk.file()], new KeyLog(log));
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "> PING",
    "< SYN_REPLY 1",
  ]);
  assertEquals(
    reading.notes[0].text,
    "TLS 1.3, TLS_AES_128_GCM_SHA256, spdy/3.1, decrypted",
  );
});

Deno.test("TLS that cannot be decrypted is named, with the reason", async () => {
  const texts = async (suite: number, log: string): Promise<string[]> =>
    (await read([talkTls12(suite).file()], new KeyLog(log))).notes
      .map(({ text }) => text);
  assertEquals(await texts(AES_128, ""), [
    "TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, spdy/3.1: encrypted, and its secrets are in no key log",
  ]);
  // The records of the test are still AES-GCM; nobody looks at them.
  assertEquals(await texts(0xcca8, LOG_12), [
    "TLS 1.2, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, spdy/3.1: only AES-GCM is decrypted",
  ]);
  const wrong = LOG_12.replace("2f\n", "00\n");
  assert(wrong !== LOG_12);
  assertEquals(await texts(AES_128, wrong), [
    "TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, spdy/3.1: a record does not open with its key",
  ]);
});

Deno.test("records of TLS that are missing are a gap in what is inside", async () => {
  const body = new Talk().data(1, "x".repeat(3000));
  const parts = [0, 1000, 2000].map((at) => body.subarray(at, at + 1000));
  const talk = talkTls12(AES_128, [
    parts[0],
    parts[1],
    concat([parts[2], body.subarray(3000), ping(2)]),
    ping(4),
  ]);
  // The second part of the body, whole, and from inside its record.
  for (const cut of [0, 400]) {
    const segments = [...talk.segments];
    const at = segments.length - 3;
    const kept = segments[at].bytes!.subarray(0, cut);
    talk.segments.splice(at, 1, { ...segments[at], bytes: kept });
    const reading = await read([talk.file()], new KeyLog(LOG_12));
    assertEquals(words(reading), [
      "> SYN_STREAM 1",
      "< SYN_REPLY 1",
      "< DATA 1 ! the capture lacks 1000 of its bytes",
      "< PING",
      "< PING",
    ]);
    talk.segments.splice(0, talk.segments.length, ...segments);
  }
});

Deno.test("a key log is read again when it does not have a connection yet", async () => {
  let reads = 0;
  const log = new KeyLog("", () => {
    reads++;
    return Promise.resolve(LOG_12);
  });
  const reading = await read([talkTls12(AES_128).file()], log);
  assertEquals([words(reading).length, reads, log.size], [2, 1, 1]);
});

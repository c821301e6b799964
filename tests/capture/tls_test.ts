import { assert, assertEquals, concat } from "../deps.ts";
import { KeyLog } from "../../capture/mod.ts";
import { ping, read, Talk, words } from "./reading.ts";
import {
  AES_128,
  AES_256,
  alpn,
  clientHello,
  expand,
  handshake,
  LOG_12,
  RANDOM_HEX,
  record,
  sealerOfTls13,
  serverHello,
  talkTls12,
  uint16,
} from "./tls_talk.ts";

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

const secret = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
/** The lines of a key log for {@linkcode talkTls13}. */
const LOG_13 = [
  "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
  "SERVER_HANDSHAKE_TRAFFIC_SECRET",
  "CLIENT_TRAFFIC_SECRET_0",
  "SERVER_TRAFFIC_SECRET_0",
].map((label, index) => `${label} ${RANDOM_HEX} ${secret(index + 1).toHex()}`);

/** A request and its reply in TLS 1.3, with a KeyUpdate. */
function talkTls13(): Talk {
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
  return talk;
}

Deno.test("TLS 1.3 is decrypted, also after a KeyUpdate", async () => {
  const log = new KeyLog(LOG_13.join("\n"));
  const reading = await read([talkTls13().file()], log);
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

Deno.test("TLS 1.3 is decrypted as far as the secrets of a key log reach", async () => {
  const readWith = async (...lines: number[]) => {
    const log = lines.map((line) => LOG_13[line]).join("\n");
    const reading = await read([talkTls13().file()], new KeyLog(log));
    const notes = reading.notes.map(({ text }) => text.replace(/^.*?: /, ""));
    return [words(reading), notes];
  };
  const decrypted = "TLS 1.3, TLS_AES_128_GCM_SHA256, spdy/3.1, decrypted";
  const client = ["> SYN_STREAM 1", "> PING"];
  // The secrets of the handshake are missing: its records are left out.
  assertEquals(await readWith(2, 3), [
    [...client, "< SYN_REPLY 1"],
    ["TLS 1.3, TLS_AES_128_GCM_SHA256, decrypted"],
  ]);
  assertEquals(await readWith(0, 1, 2), [client, [
    decrypted,
    "a record cannot be decrypted with its key",
  ]]);
  assertEquals(await readWith(0, 2), [client, [
    "the key log does not have the secret of this direction",
  ]]);
  const wrong = [LOG_13[2].slice(0, -2) + "ff", LOG_13[3].slice(0, -2) + "ff"];
  const reading = await read(
    [talkTls13().file()],
    new KeyLog(wrong.join("\n")),
  );
  assertEquals(reading.frames, []);
  assertEquals(reading.notes.map(({ text }) => text), [
    "TLS 1.3, TLS_AES_128_GCM_SHA256: no record can be decrypted with the secrets of the key log",
  ]);
});

Deno.test("TLS that cannot be decrypted is reported with the reason", async () => {
  const texts = async (suite: number, log: string): Promise<string[]> =>
    (await read([talkTls12(suite).file()], new KeyLog(log))).notes
      .map(({ text }) => text);
  assertEquals(await texts(AES_128, ""), [
    "TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, spdy/3.1: encrypted, and its secrets are in no key log",
  ]);
  // The records of the test are still AES-GCM, but nothing decrypts them.
  assertEquals(await texts(0xcca8, LOG_12), [
    "TLS 1.2, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, spdy/3.1: only AES-GCM is decrypted",
  ]);
  const wrong = LOG_12.replace("2f\n", "00\n");
  assert(wrong !== LOG_12);
  assertEquals(await texts(AES_128, wrong), [
    "TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, spdy/3.1: a record cannot be decrypted with its key",
  ]);
});

Deno.test("missing TLS records are a gap in the content", async () => {
  const body = new Talk().data(1, "x".repeat(3000));
  const parts = [0, 1000, 2000].map((at) => body.subarray(at, at + 1000));
  const talk = talkTls12(AES_128, [
    parts[0],
    parts[1],
    concat([parts[2], body.subarray(3000), ping(2)]),
    ping(4),
  ]);
  // The second part of the body as a whole, and from the middle of its record.
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

Deno.test("a key log is read again if it does not contain a connection yet", async () => {
  let reads = 0;
  const log = new KeyLog("", () => {
    reads++;
    return Promise.resolve(LOG_12);
  });
  const reading = await read([talkTls12(AES_128).file()], log);
  assertEquals([words(reading).length, reads, log.size], [2, 1, 1]);
});

Deno.test("if the platform cannot decrypt, TLS is reported, and reading continues", async () => {
  const subtle = Object.getOwnPropertyDescriptor(Crypto.prototype, "subtle")!;
  Object.defineProperty(Crypto.prototype, "subtle", {
    configurable: true,
    get: () => undefined,
  });
  try {
    const reading = await read([talkTls12(AES_128).file()], new KeyLog(LOG_12));
    assert(
      reading.notes[0].text.includes("decryption is not available here"),
      reading.notes[0].text,
    );
  } finally {
    Object.defineProperty(Crypto.prototype, "subtle", subtle);
  }
});

/** The same, with three records of early data. */
function talkWithEarlyData(): Talk {
  const talk = talkTls13();
  const sealer = sealerOfTls13(secret(9));
  const [syn, answer, hello, ...rest] = talk.segments;
  talk.segments.splice(0, talk.segments.length, syn, answer);
  // Two records before the ServerHello; one, and EndOfEarlyData, after it.
  const before = concat([sealer.seal(23, ping(7)), sealer.seal(23, ping(9))]);
  const behind = concat([
    sealer.seal(23, ping(11)),
    sealer.seal(22, handshake(5, new Uint8Array(0))),
  ]);
  const isClient = ({ fromPort }: { fromPort: number }) =>
    fromPort === hello.fromPort;
  let shift = before.length;
  talk.segments.push({
    ...hello,
    bytes: concat([hello.bytes!, before]),
  });
  for (const segment of rest) {
    const bytes = isClient(segment) && shift === before.length
      ? concat([behind, segment.bytes!])
      : segment.bytes;
    talk.segments.push(
      isClient(segment)
        ? { ...segment, sequence: segment.sequence + shift, bytes }
        : segment,
    );
    if (bytes !== segment.bytes) shift += behind.length;
  }
  return talk;
}

Deno.test("early data does not hide what a client sends after it", async () => {
  const early = `CLIENT_EARLY_TRAFFIC_SECRET ${RANDOM_HEX} ${
    secret(9).toHex()
  }`;
  for (const lines of [[...LOG_13, early], LOG_13]) {
    const talk = talkWithEarlyData();
    const reading = await read([talk.file()], new KeyLog(lines.join("\n")));
    assertEquals(words(reading), [
      ...lines === LOG_13 ? [] : ["> PING"],
      "> SYN_STREAM 1",
      "> PING",
      "< SYN_REPLY 1",
    ]);
    assertEquals(reading.notes.map(({ text }) => text), [
      "TLS 1.3, TLS_AES_128_GCM_SHA256: 2 records of early data are not decrypted",
    ]);
  }
});

Deno.test("a note on early data does not hide that the server's direction is unreadable", async () => {
  const lines = LOG_13.filter((line) => line.startsWith("CLIENT_"));
  const reading = await read(
    [talkWithEarlyData().file()],
    new KeyLog(lines.join("\n")),
  );
  assertEquals(words(reading), ["> SYN_STREAM 1", "> PING"]);
  assertEquals(reading.notes.map(({ text }) => text), [
    "TLS 1.3, TLS_AES_128_GCM_SHA256: 2 records of early data are not decrypted",
    "TLS 1.3, TLS_AES_128_GCM_SHA256: the key log does not have the secret of this direction",
  ]);
});

Deno.test("a key log is read again if it does not have all secrets of a connection yet", async () => {
  // The secrets of the data are written after those of the handshake.
  for (const first of [[0, 1], [0], [1], [1, 3]]) {
    let reads = 0;
    const log = new KeyLog(first.map((line) => LOG_13[line]).join("\n"), () => {
      reads++;
      return Promise.resolve(LOG_13.join("\n"));
    });
    const reading = await read([talkTls13().file()], log);
    assertEquals(words(reading), [
      "> SYN_STREAM 1",
      "> PING",
      "< SYN_REPLY 1",
    ]);
    assertEquals(reads, 1);
  }
});

import { toPkcs8 } from "../../kubernetes/config/private_key.ts";
import { assertEquals, assertMatch, assertThrows } from "../deps.ts";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";

const pem = (label: string, bytes: Uint8Array): string =>
  [
    `-----BEGIN ${label}-----`,
    ...bytes.toBase64().match(/.{1,64}/g) ?? [],
    `-----END ${label}-----`,
    "",
  ].join("\n");

/** Imports a key in PKCS#8 with WebCrypto, which accepts no other form. */
async function importKey(
  text: string,
  algorithm: RsaHashedImportParams | EcKeyImportParams,
): Promise<CryptoKey> {
  const base64 = text.replace(/-----[^-]+-----|\s/g, "");
  return await crypto.subtle.importKey(
    "pkcs8",
    Uint8Array.fromBase64(base64),
    algorithm,
    true,
    ["sign"],
  );
}

Deno.test("a PKCS#1 key becomes PKCS#8", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pkcs1 = privateKey.export({ type: "pkcs1", format: "pem" }) as string;
  assertMatch(pkcs1, /BEGIN RSA PRIVATE KEY/);
  const converted = toPkcs8(pkcs1);
  assertEquals(
    converted,
    privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  );
  await importKey(converted, { name: "RSA-PSS", hash: "SHA-256" });
});

Deno.test("a SEC1 key becomes PKCS#8, also after its parameters", async () => {
  for (const curve of ["P-256", "P-384"]) {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: curve });
    const sec1 = privateKey.export({ type: "sec1", format: "pem" }) as string;
    const parameters = pem("EC PARAMETERS", Uint8Array.of(6, 1, 1));
    const converted = toPkcs8(parameters + sec1.replaceAll("\n", "\r\n"));
    await importKey(converted, { name: "ECDSA", namedCurve: curve });
    assertEquals(
      createPrivateKey(converted).export({ type: "sec1", format: "pem" }),
      sec1,
    );
  }
});

Deno.test("a PKCS#8 key is not changed, and other keys are refused with a reason", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pkcs8 = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  assertEquals(toPkcs8(`Bag Attributes\n${pkcs8}`), pkcs8);
  const cases: [text: string, message: string][] = [
    ["", "no private key in PEM"],
    [pem("CERTIFICATE", Uint8Array.of(1)), "no private key in PEM"],
    [pem("ENCRYPTED PRIVATE KEY", Uint8Array.of(1)), "is encrypted"],
    [
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAA==\n-----END RSA PRIVATE KEY-----\n",
      "is encrypted",
    ],
    [
      "-----BEGIN EC PRIVATE KEY-----\n%%\n-----END EC PRIVATE KEY-----",
      "base64",
    ],
    [
      pem("EC PRIVATE KEY", Uint8Array.of(0x30, 0)),
      "does not name its curve",
    ],
    [pem("EC PRIVATE KEY", Uint8Array.of(0x30, 0x84, 0xff)), "not valid DER"],
    [pem("EC PRIVATE KEY", Uint8Array.of(0x02, 0)), "not valid DER"],
    [pem("EC PRIVATE KEY", Uint8Array.of(0x30, 2, 0x30, 5)), "not valid DER"],
  ];
  for (const [text, message] of cases) {
    assertThrows(() => toPkcs8(text), Error, message);
  }
});

Deno.test("spaces after the first line of a key are ignored", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs1", format: "pem" }) as string;
  assertEquals(
    toPkcs8(pem.replace("KEY-----\n", "KEY----- \t\n")),
    toPkcs8(pem),
  );
});

Deno.test("a block before the key that is cut off does not hide the key", () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const certificate = pem("CERTIFICATE", new Uint8Array(100));
  assertEquals(
    toPkcs8(certificate.slice(0, 100) + "\n" + key + certificate),
    key,
  );
  assertEquals(toPkcs8(key.slice(0, 50) + "\n" + key), key);
});

Deno.test("a SEC1 key cut at any byte is refused", () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = new Uint8Array(
    privateKey.export({ type: "sec1", format: "der" }),
  );
  for (let length = 0; length < der.length; length++) {
    assertThrows(
      () => toPkcs8(pem("EC PRIVATE KEY", der.subarray(0, length))),
      Error,
    );
  }
});

Deno.test("a key may have up to 32 KiB, and the error for a longer one says so", () => {
  const longest = new Uint8Array(0x8000);
  const base64 = toPkcs8(pem("RSA PRIVATE KEY", longest))
    .replace(/-----[^-]+-----|\s/g, "");
  const pkcs8 = Uint8Array.fromBase64(base64);
  const view = new DataView(pkcs8.buffer);
  // The length of the outermost sequence.
  assertEquals([view.getUint16(0), view.getUint16(2)], [
    0x3082,
    pkcs8.length - 4,
  ]);
  for (const length of [0x8001, 0xfff8, 0x10000]) {
    assertThrows(
      () => toPkcs8(pem("RSA PRIVATE KEY", new Uint8Array(length))),
      Error,
      `the private key has ${length} bytes, but at most 32768 are accepted`,
    );
  }
});

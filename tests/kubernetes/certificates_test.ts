/** Certificates of a kubeconfig that cannot be used are reported before a connection is made. */

import {
  readAuthorities,
  readClientChain,
} from "../../kubernetes/config/certificates.ts";
import { toPkcs8 } from "../../kubernetes/config/private_key.ts";
import { KubeConfigError, loadKubeConfig } from "../../kubernetes/mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";
import { makeCertificate } from "../helpers/certificate.ts";

const { caCert, cert, key } = await makeCertificate();
const other = await makeCertificate();
const DAMAGED = `-----BEGIN CERTIFICATE-----
MIIBszCC
-----END CERTIFICATE-----
`;

Deno.test("damaged certificates of authorities are left out if there is another one", () => {
  assertEquals(readAuthorities(`comment\n${caCert}`), `comment\n${caCert}`);
  const cut = caCert.slice(0, 200);
  for (const text of [DAMAGED + caCert, caCert + cut, `${cut}\n${caCert}`]) {
    assertEquals(readAuthorities(text).trim(), caCert.trim());
  }
  assertThrows(() => readAuthorities(DAMAGED), Error, "is damaged or cut off");
  assertThrows(() => readAuthorities("text"), Error, "no certificate in PEM");
});

Deno.test("a certificate of an authority that is cut at any byte is refused", () => {
  const end = caCert.trimEnd().length;
  for (let length = 0; length < end; length += 7) {
    assertThrows(() => readAuthorities(caCert.slice(0, length)), Error);
  }
});

Deno.test("all certificates of a client's chain must be complete, and the first must be that of the key", async () => {
  const pkcs8 = toPkcs8(key);
  assertEquals(await readClientChain(cert + caCert, pkcs8), cert + caCert);
  await assertRejects(
    () => readClientChain(cert + DAMAGED, pkcs8),
    Error,
    "1 of the 2 certificates in it are damaged or cut off",
  );
  await assertRejects(
    () => readClientChain(other.cert + cert, pkcs8),
    Error,
    "does not belong to the private key",
  );
});

Deno.test("the error of an unusable client certificate has its line and field", async () => {
  const base64 = (text: string): string =>
    new TextEncoder().encode(text).toBase64();
  const text = `current-context: a
contexts:
- { name: a, context: { cluster: c, user: u } }
clusters:
- { name: c, cluster: { server: "https://a.example" } }
users:
- name: u
  user:
    client-key-data: ${base64(key)}
    client-certificate-data: `;
  for (const cert of [DAMAGED, other.cert]) {
    const config = await loadKubeConfig({ text: text + base64(cert) });
    const error = await assertRejects(() => config.target(), KubeConfigError);
    assertEquals(
      [error.line, error.field],
      [10, "users[0].user.client-certificate-data"],
    );
  }
});

/** Whether a header or a parameter is secret by its name. */

import { assertEquals } from "../../deps.ts";
import {
  isSecretParameter,
  type Sensitivity,
  sensitivityOf,
} from "../../../frame/compression/secret_names.ts";

/** By sender: every name in docs/security.md, and more of each kind. */
const SECRET: Readonly<Record<string, string>> = {
  "RFC 9110, 6265, 9440, 9449, 8471":
    "authorization proxy-authorization www-authenticate proxy-authenticate " +
    "authentication-info proxy-authentication-info cookie cookie2 set-cookie " +
    "set-cookie2 client-cert client-cert-chain dpop dpop-nonce " +
    "sec-token-binding sec-websocket-key signature signature-input",
  "in general":
    "x-auth x-auth-token x-auth-key x-auth-email x-authorization x-authentication " +
    "x-forwarded-authorization x-original-authorization x-cookie x-forwarded-cookie " +
    "x-csrf-token csrf x-xsrf-header x-api-key x_api_key apikey api-key x-access-key " +
    "x-session-id phpsessionid sid x-sid client_secret x-password x-passwd x-pwd " +
    "x-passphrase x-otp x-mfa x-pin x-jwt-assertion x-id-token x-access-code " +
    "x-verification-code x-wsse x-hmac x-sso x-recaptcha-response idempotency-key " +
    "x-user x-email x-user-id x-username x-remote-user remote-user",
  "Amazon Web Services":
    "x-amz-security-token x-amz-credential x-amz-signature x-amzn-oidc-data " +
    "x-amzn-oidc-accesstoken x-amzn-oidc-identity x-aws-ec2-metadata-token " +
    "x-amz-server-side-encryption-customer-key x-amzn-mtls-clientcert x-origin-verify",
  "Google Cloud, Firebase":
    "x-serverless-authorization x-goog-iap-jwt-assertion x-goog-authenticated-user-email " +
    "x-goog-authenticated-user-id x-goog-api-key x-goog-iam-authorization-token " +
    "x-firebase-appcheck",
  Azure:
    "x-ms-client-principal x-ms-client-principal-id x-ms-client-principal-name " +
    "x-ms-client-principal-idp x-ms-token-aad-id-token x-ms-token-aad-access-token " +
    "x-functions-key x-zumo-auth x-arr-clientcert ocp-apim-subscription-key aeg-sas-key " +
    "x-ms-copy-source-authorization",
  "Cloudflare, Fastly":
    "cf-access-jwt-assertion cf-access-client-id cf-access-client-secret " +
    "cf-access-token cf-authorization fastly-key",
  "Kubernetes, Envoy, Istio":
    "impersonate-user impersonate-group impersonate-uid impersonate-extra-scopes " +
    "x-remote-user x-remote-group x-remote-uid x-remote-extra-scopes " +
    "x-forwarded-client-cert x-jwt-payload",
  "proxies":
    "x-auth-request-user x-auth-request-email x-auth-request-access-token " +
    "x-forwarded-access-token x-forwarded-user x-forwarded-email " +
    "x-oauth2-proxy-id-token x-forwarded-tls-client-cert " +
    "x-forwarded-tls-client-cert-info x-ssl-client-cert ssl-client-s-dn " +
    "x-webauth-user tailscale-user-login tailscale-user-name x-consumer-username " +
    "x-consumer-id x-credential-identifier x-userinfo",
  "identity providers":
    "shib-session-id shib-identity-provider eppn oidc_access_token oidc_claim_sub " +
    "sm_user sm_serversessionid smsession x-saml-response x-okta-session-token " +
    "remote_user",
  "vendors":
    "private-token job-token deploy-token x-gitlab-token x-hub-signature-256 " +
    "x-github-token dd-api-key dd-application-key x-sentry-auth stripe-signature " +
    "x-twilio-signature x-shopify-access-token x-shopify-hmac-sha256 " +
    "x-slack-signature x-vault-token x-consul-token x-nomad-token jenkins-crumb " +
    "npm-otp npm-session x-registry-auth circle-token x-rapidapi-key " +
    "x-vtex-api-appkey x-vtex-api-apptoken as-signature-hmac-sha256 x-origin-token " +
    "x-hasura-admin-secret x-parse-master-key x-plex-token paypal-transmission-sig " +
    "x-telegram-bot-api-secret-token",
};

const OTHERS: Readonly<Record<Exclude<Sensitivity, "secret">, string>> = {
  public:
    ":host :method :scheme :status :version host method scheme status version " +
    "accept accept-encoding access-control-allow-credentials " +
    "access-control-allow-headers age cache-control content-length content-type " +
    "date etag expires if-none-match keep-alive last-modified sec-fetch-user " +
    "sec-ch-ua sec-ch-ua-platform traceparent user-agent vary x-request-id",
  address: ":path url location referer content-location link x-original-url",
  unknown: "author monkey side x-author x-note x-entity-tag x-pinned " +
    "sec-websocket-protocol constructor __proto__ tostring",
};

for (const [who, names] of Object.entries(SECRET)) {
  Deno.test(`names: those with credentials are secret, ${who}`, () => {
    for (const name of names.split(" ")) {
      assertEquals(sensitivityOf(name), "secret", name);
    }
  });
}

for (const [sensitivity, names] of Object.entries(OTHERS)) {
  Deno.test(`names: those without credentials are "${sensitivity}"`, () => {
    for (const name of names.split(" ")) {
      assertEquals(sensitivityOf(name), sensitivity, name);
    }
  });
}

Deno.test("names: decisions are remembered, but not too many", () => {
  for (let index = 0; index < 3000; index++) {
    assertEquals(sensitivityOf(`x-${index}`), "unknown");
    assertEquals(sensitivityOf(`x-${index}-token`), "secret");
    assertEquals(
      sensitivityOf(`x-${"y".repeat(4000)}-${index % 3}`),
      "unknown",
    );
  }
});

Deno.test("parameters: those with credentials are found at any place", () => {
  const judge = (name: string): boolean =>
    isSecretParameter(`/?${name}=1`, 2, 2 + name.length);
  for (
    const name of ("access_token id_token token code state sig signature " +
      "X-Amz-Signature X-Amz-Credential X-Amz-Security-Token X-Goog-Signature " +
      "AWSAccessKeyId Key-Pair-Id Policy sas api_key apikey key auth sid ticket " +
      "SAMLResponse SAMLRequest RelayState jsessionid PHPSESSIONID password pwd " +
      "client_secret code_challenge_token hmac private_token csrf nonce").split(
        " ",
      )
  ) assertEquals(judge(name), true, name);
  for (
    const name of "q page x sort view lang id from to v version keyword codec"
      .split(" ")
  ) assertEquals(judge(name), false, name);
  // The names again, and many others that replace those in the cache.
  for (let index = 0; index < 5000; index++) {
    assertEquals(judge(`p${index}`), false);
    assertEquals(judge(`t${index}_sig`), true);
  }
});

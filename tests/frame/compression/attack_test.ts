/**
 * The attack for which SPDY is known (CRIME): an attacker who can put text into a
 * request and see its compressed size guesses a secret of the same connection bit
 * by bit. It must fail with "safe", and succeed with "full" with the same code.
 */

import { assert, assertEquals, assertLess } from "../../deps.ts";
import { ByteWriter } from "../../../frame/byte_writer.ts";
import {
  HeaderEncoder,
  type HeaderEncoderOptions,
} from "../../../frame/header_encoder.ts";
import {
  type HeaderCompression,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
} from "../../../frame/mod.ts";
import { Random } from "../../helpers/random.ts";
import { asWirePairs } from "./corpus.ts";
import { versionName } from "../../helpers/version_name.ts";

const GUESSES = 1000;
const SECRET = "7f3a9c51e08b2d46";
/** Differs from {@linkcode SECRET} at every position. */
const DECOY = "0692d47fa51ce83b";
const HEX = "0123456789abcdef";
const CARRIERS = [":path", "referer", "user-agent"] as const;

/** A victim whose requests carry a fixed secret and the attacker's text. */
class Victim {
  readonly #encoder: HeaderEncoder;
  readonly #out = new ByteWriter();
  readonly #version: ProtocolVersion;
  readonly #secrets: readonly NameValue[];

  constructor(
    version: ProtocolVersion,
    secrets: readonly NameValue[],
    options: HeaderEncoderOptions,
  ) {
    this.#version = version;
    this.#secrets = secrets;
    this.#encoder = new HeaderEncoder(version, options);
  }

  /** Bytes of a request with `text` in `carrier`. */
  request(carrier: string, text: string): number {
    const headers = new Map<string, string>([
      [":host", "bank.example"],
      [":method", "GET"],
      [":path", "/"],
      [":scheme", "https"],
      [":version", "HTTP/1.1"],
      ["accept", "text/html"],
      ["referer", "https://evil.example/"],
      ["user-agent", "browser/1.0"],
      ...this.#secrets,
    ]);
    headers.set(carrier, text);
    this.#out.length = 0;
    this.#encoder.encode(asWirePairs([...headers], this.#version), this.#out);
    return this.#out.length;
  }
}

/**
 * `count` hexadecimal characters that differ from those of `secret` from position
 * `from` on in the first one.
 */
function wrongTail(random: Random, from: number): string {
  let tail = "";
  for (let at = from; at < SECRET.length; at++) {
    let character = random.pick([...HEX]);
    while (character === SECRET[at] || character === DECOY[at]) {
      character = random.pick([...HEX]);
    }
    tail += character;
  }
  return tail;
}

interface Outcome {
  /**
   * Mean size of the guesses by the number of correct leading characters, if the
   * secret is the guessed one.
   */
  readonly means: number[];
  /** The same if the secret is another one. */
  readonly decoyMeans: number[];
  /** Number of guesses whose size differs between the two. */
  readonly differing: number;
}

/** What is guessed, where, and how often for each number of correct leading characters. */
interface Attack {
  readonly carrier: string;
  readonly secretsOf?: (secret: string) => NameValue[];
  readonly format?: (guess: string) => string;
  readonly guesses?: number;
  /**
   * Whether all guesses use one connection; otherwise each uses its own, on which
   * the secret was sent once.
   */
  readonly oneConnection?: boolean;
}

/** Makes the same seeded guesses against a secret and against a decoy of the same length. */
function run(
  version: ProtocolVersion,
  headerCompression: HeaderCompression,
  {
    carrier,
    secretsOf = cookie,
    format = (guess) => `/?sid=${guess}`,
    guesses = GUESSES,
    oneConnection = false,
  }: Attack,
): Outcome {
  const random = new Random(20120913);
  const meet = (secret: string): Victim => {
    const victim = new Victim(version, secretsOf(secret), {
      headerCompression,
    });
    victim.request(carrier, "/");
    return victim;
  };
  let victim = meet(SECRET);
  let decoy = meet(DECOY);
  const means: number[] = [];
  const decoyMeans: number[] = [];
  let differing = 0;
  for (let right = 0; right <= SECRET.length; right++) {
    let total = 0;
    let decoyTotal = 0;
    for (let left = guesses; left > 0; left--) {
      if (!oneConnection) {
        victim = meet(SECRET);
        decoy = meet(DECOY);
      }
      const guess = SECRET.slice(0, right) + wrongTail(random, right);
      const size = victim.request(carrier, format(guess));
      const decoySize = decoy.request(carrier, format(guess));
      total += size;
      decoyTotal += decoySize;
      if (size !== decoySize) differing++;
    }
    means.push(total / guesses);
    decoyMeans.push(decoyTotal / guesses);
  }
  return { means, decoyMeans, differing };
}

function cookie(secret: string): NameValue[] {
  return [["cookie", `theme=dark; sid=${secret}; lang=en`]];
}

for (
  const [version, guesses] of [
    [PROTO_SPDY2, 100],
    [PROTO_SPDY3, GUESSES],
  ] as const
) {
  for (const carrier of CARRIERS) {
    Deno.test(`attack through ${carrier}, ${versionName(version)}: with "safe" each guess has the same size for another cookie`, () => {
      const { differing } = run(version, "safe", { carrier, guesses });
      assertEquals(differing, 0);
    });

    Deno.test(`attack through ${carrier}, ${versionName(version)}: with "safe" each guess has the same size for another cookie, on one connection that wraps the window many times`, () => {
      const { differing } = run(version, "safe", {
        carrier,
        guesses,
        oneConnection: true,
      });
      assertEquals(differing, 0);
    });

    Deno.test(`attack through ${carrier}, ${versionName(version)}: with "full" the attack finds the right guess`, () => {
      const { means, decoyMeans } = run(version, "full", {
        carrier,
        guesses: 100,
      });
      // A guess without a correct character is as long as any other ...
      assertLess(Math.abs(decoyMeans[0] - means[0]), 0.5);
      // ... and each three further correct characters show, from the third one
      // on.
      for (let right = 6; right < SECRET.length; right++) {
        assertLess(means[right], means[right - 3] - 1);
        assertLess(means[right], decoyMeans[right] - 1);
      }
    });
  }
}

Deno.test('attack on "safe": a guess that is right as a whole does not show elsewhere', () => {
  for (const carrier of CARRIERS) {
    const { differing } = run(PROTO_SPDY3, "safe", {
      carrier,
      format: (guess) => `sid=${guess}`,
      guesses: 100,
    });
    assertEquals(differing, 0, carrier);
  }
});

Deno.test('attack on "safe": nor does one with the neighbours of the secret', () => {
  const { differing } = run(PROTO_SPDY3, "safe", {
    carrier: "user-agent",
    format: (guess) => `theme=dark; sid=${guess}; lang=en`,
    guesses: 100,
  });
  assertEquals(differing, 0);
});

/** Where a secret may be, and the text before it, which an attacker knows. */
const PLACES: readonly (readonly [
  name: string,
  before: string,
  after?: string,
])[] = [
  // Secret because of the name.
  ["authorization", "Bearer "],
  ["proxy-authorization", "Basic "],
  ["x-serverless-authorization", "Bearer eyJ"],
  ["x-forwarded-cookie", "sid="],
  ["www-authenticate", "Negotiate "],
  ["set-cookie", "sid=", "; Path=/; HttpOnly"],
  ["x-csrf-token", ""],
  ["x-api-key", "k-"],
  ["x-amzn-oidc-data", "eyJ"],
  ["x-ms-client-principal", "eyJ"],
  ["cf-access-client-secret", ""],
  ["dpop", "eyJ"],
  ["x-saml-response", ""],
  ["x-goog-authenticated-user-id", "accounts.google.com:"],
  ["impersonate-user", "system:"],
  ["x-forwarded-client-cert", "Hash="],
  // Secret because of the value, under an unknown name.
  ["x-badge", ""],
  ["x-badge", "v1 "],
  ["sec-websocket-protocol", "base64url.bearer.authorization.k8s.io."],
  // A part of an address.
  ["location", "https://example/?access_token=", "&expires=1"],
  ["location", "https://example/cb#id_token=", ""],
  ["location", "https://user:", "@example/"],
  ["link", "<https://example/?X-Amz-Signature=", ">; rel=next"],
  ["x-original-url", "/files/eyJ", "/x"],
];

for (const [name, before, after = ""] of PLACES) {
  Deno.test(`attack on "safe": the secret in ${name}: ${before}... does not influence any length`, () => {
    for (const carrier of CARRIERS) {
      for (const oneConnection of [false, true]) {
        const { differing } = run(PROTO_SPDY3, "safe", {
          carrier,
          secretsOf: (secret) => [[name, before + secret + after]],
          format: (guess) => before + guess,
          guesses: 25,
          oneConnection,
        });
        assertEquals(differing, 0, carrier);
      }
    }
  });
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
  Deno.test(`attack on "safe", ${versionName(version)}: a token in the path is not revealed by an attacker's text in the same path`, () => {
    const random = new Random(5);
    const victim = new Victim(version, [], {});
    const decoy = new Victim(version, [], {});
    // A completely correct guess, in a place where a token may be, does show.
    for (let right = 0; right < SECRET.length; right++) {
      for (let left = 25; left > 0; left--) {
        const guess = SECRET.slice(0, right) + wrongTail(random, right);
        const path = (secret: string): string =>
          `/?q=token=${guess}&token=${secret}`;
        assertEquals(
          victim.request(":path", path(SECRET)),
          decoy.request(":path", path(DECOY)),
        );
      }
    }
  });
}

/**
 * Guesses the secret character by character: the correct one makes the request
 * shorter. Texts of several lengths before the guess shift its bits relative to
 * the bytes, so that a difference of one bit shows with one of them.
 */
function guessSecret(
  policy: HeaderCompression,
  secrets: readonly NameValue[] = cookie(SECRET),
  before = "; sid=",
): string {
  let known = "";
  while (known.length < SECRET.length) {
    let best = "";
    let bestSize = Infinity;
    for (const character of HEX) {
      let size = 0;
      for (let padding = 0; padding < 8; padding++) {
        const victim = new Victim(PROTO_SPDY3, secrets, {
          headerCompression: policy,
        });
        victim.request("user-agent", "");
        const text = "~".repeat(padding) + `${before}${known}${character}^`;
        size += victim.request("user-agent", text);
      }
      if (size < bestSize) [best, bestSize] = [character, size];
    }
    known += best;
  }
  return known;
}

Deno.test('attack: character by character "full" gives the whole secret away, "safe" nothing', () => {
  assertEquals(guessSecret("full"), SECRET);
  const guessed = guessSecret("safe");
  assertLess(rightOnes(guessed), 5);
});

/**
 * How many characters of the secret were guessed at their positions; one of
 * sixteen is correct by chance.
 */
function rightOnes(guessed: string): number {
  return [...guessed].filter((character, at) => character === SECRET[at])
    .length;
}

for (
  const [name, before] of [
    ["x-serverless-authorization", "Bearer eyJ"],
    ["x-badge", "v1 "],
    ["location", "https://example/?access_token="],
  ]
) {
  Deno.test(`attack: guessing character by character, "safe" reveals nothing of ${name}`, () => {
    const secrets: NameValue[] = [[name, before + SECRET]];
    assertLess(rightOnes(guessSecret("safe", secrets, before)), 6);
  });
}

Deno.test("attack: guessing character by character reveals a header that counts as public", () => {
  const secrets: NameValue[] = [["x-request-id", "id-" + SECRET]];
  assertEquals(rightOnes(guessSecret("safe", secrets, "id-")), SECRET.length);
});

Deno.test("sensitiveHeaders: a listed header is as safe as a cookie, and another one is not", () => {
  const differs = (sensitiveHeaders: string[]): boolean => {
    const guessed = (secret: string): number => {
      const victim = new Victim(PROTO_SPDY3, [["x-request-id", secret]], {
        sensitiveHeaders,
      });
      victim.request("user-agent", "-");
      return victim.request("user-agent", SECRET);
    };
    return guessed(SECRET) !== guessed(DECOY);
  };
  assert(differs([]));
  assert(!differs(["X-Request-Id"]));
});

Deno.test("sensitiveHeaders: names with a colon work in SPDY/2, which sends them without it", () => {
  const random = new Random(8);
  const make = (secret: string) =>
    new Victim(PROTO_SPDY2, [[":path", `/reset/${secret}`]], {
      sensitiveHeaders: [":path"],
    });
  const victim = make(SECRET);
  const decoy = make(DECOY);
  for (let right = 0; right <= SECRET.length; right++) {
    const guess = "/reset/" + SECRET.slice(0, right) +
      wrongTail(random, right);
    assertEquals(
      victim.request("user-agent", guess),
      decoy.request("user-agent", guess),
    );
  }
});

/** Options that are lists of strings, and URLs: wrong ones are refused before connecting. */

import {
  connect,
  connectUpgrade,
  InvalidArgumentError,
  serve,
} from "../../mod.ts";
import { assertEquals, assertRejects, assertThrows } from "../deps.ts";

// deno-lint-ignore no-explicit-any -- values that the types do not allow
type Any = any;

const URL_OF_NOBODY = "http://127.0.0.1:1/";

/** Counts how often something would have been opened. */
function watchedDial(): { dial: () => Promise<never>; count: number } {
  const watched = {
    count: 0,
    dial(): Promise<never> {
      watched.count++;
      return Promise.reject(new Error("dialled"));
    },
  };
  return watched;
}

Deno.test("connectUpgrade: what is not a URL or has another scheme is refused with its text", async () => {
  const watched = watchedDial();
  const cases: readonly (readonly [Any, string])[] = [
    ["nonsense", 'url "nonsense" is not a URL'],
    ["", 'url "" is not a URL'],
    ["http://", 'url "http://" is not a URL'],
    [undefined, "url undefined is not a URL"],
    [5, "url 5 is not a URL"],
    [Symbol("x"), "url Symbol(x) is not a URL"],
    [Object.create(null), "url of type object is not a URL"],
    ["ftp://h/", 'url "ftp://h/" is not an http: or https: URL'],
    [new URL("spdy://h/"), "url spdy://h/ is not an http: or https: URL"],
  ];
  for (const [url, text] of cases) {
    await assertRejects(
      () => connectUpgrade(url, { dial: watched.dial }),
      InvalidArgumentError,
      text,
    );
  }
  assertEquals(watched.count, 0);
});

Deno.test("connectUpgrade: protocols that is not a list of names of SPDY is refused", async () => {
  const watched = watchedDial();
  const cases: readonly (readonly [Any, string])[] = [
    [[5], "protocols contains 5, which is not a string"],
    [["SPDY/3", [5]], "protocols contains [5], which is not a string"],
    [[Symbol("x")], "protocols contains Symbol(x), which is not a string"],
    [new Array(1), "protocols contains undefined, which is not a string"],
    ["SPDY/3", 'protocols "SPDY/3" is not a list of strings'],
    [null, "protocols null is not a list of strings"],
    [5, "protocols 5 is not a list of strings"],
    [{}, "protocols [object Object] is not a list of strings"],
    [["SPDY/9"], '"SPDY/9" is not a SPDY version: use "SPDY/3.1"'],
    [[], "protocols is empty"],
  ];
  for (const [protocols, text] of cases) {
    await assertRejects(
      () => connectUpgrade(URL_OF_NOBODY, { protocols, dial: watched.dial }),
      InvalidArgumentError,
      text,
    );
  }
  assertEquals(watched.count, 0);
});

Deno.test("tls.caCerts and tls.alpnProtocols that are not lists of strings are refused", async () => {
  const watched = watchedDial();
  for (const name of ["caCerts", "alpnProtocols"]) {
    const cases: readonly (readonly [Any, string])[] = [
      ["x", `tls.${name} "x" is not a list of strings`],
      [null, `tls.${name} null is not a list of strings`],
      [[5], `tls.${name} contains 5, which is not a string`],
    ];
    for (const [value, text] of cases) {
      await assertRejects(
        () => connect({ port: 1, tls: { [name]: value }, dial: watched.dial }),
        InvalidArgumentError,
        text,
      );
    }
  }
  assertEquals(watched.count, 0);
});

Deno.test("serve: trusted that is not a list of strings is refused", () => {
  const cases: readonly (readonly [Any, string])[] = [
    ["10.0.0.0/8", 'trusted "10.0.0.0/8" is not a list of strings'],
    [[Symbol("x")], "trusted contains Symbol(x), which is not a string"],
    [[["10.0.0.0/8"]], "trusted contains [10.0.0.0/8], which is not a string"],
  ];
  for (const [trusted, text] of cases) {
    assertThrows(
      () =>
        serve(
          { port: 0, onListen() {}, proxyProtocol: "optional", trusted },
          () => new Response(),
        ),
      InvalidArgumentError,
      text,
    );
  }
});

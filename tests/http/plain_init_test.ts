/** Which options of `fetch` need no `Request` of the platform. */

import type { FetchInit } from "../../http/fetch/fetch_init.ts";
import { plainInit } from "../../http/platform/plain_init.ts";
import { assertEquals } from "../deps.ts";

/** The options of this module. The type checker finds one that is missing. */
const OWN: Required<Omit<FetchInit, keyof RequestInit>> = {
  pri: 1,
  trailers: { a: "b" },
  onPush() {},
  contentLength: "ignore",
  decompress: false,
  strictContentLength: false,
};

Deno.test("plainInit: options that only this module has need no Request object", () => {
  for (const [name, value] of Object.entries(OWN)) {
    assertEquals(plainInit({ [name]: value })?.method, "GET", name);
    const post = plainInit({ [name]: value, method: "POST", body: "x" });
    assertEquals(post?.method, "POST", name);
  }
});

Deno.test("plainInit: an option of the platform that may change the request needs a Request object", () => {
  for (const name of ["mode", "credentials", "integrity", "anything"]) {
    assertEquals(plainInit({ [name]: "x" }), undefined, name);
  }
});

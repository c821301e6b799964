/**
 * Outside modules that tests use: the Deno standard library only. Loading this
 * gives each test a deadline, see `helpers/deadline.ts`.
 *
 * @module
 */

import "./helpers/deadline.ts";

export {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertExists,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "jsr:@std/assert@1";
export { concat } from "jsr:@std/bytes@1";
export { decodeHex, encodeHex } from "jsr:@std/encoding@1/hex";
export { delay } from "jsr:@std/async@1";
export {
  assertSpyCall,
  assertSpyCalls,
  type Spy,
  spy,
  stub,
} from "jsr:@std/testing@1/mock";
export { toText } from "jsr:@std/streams@1/to-text";
export { TextLineStream } from "jsr:@std/streams@1/text-line-stream";
export { assertSnapshot } from "jsr:@std/testing@1/snapshot";

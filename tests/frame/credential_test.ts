import { assertEquals } from "../deps.ts";
import { readCredential } from "../../frame/mod.ts";
import { bytesOf } from "./recordings.ts";

Deno.test("a CREDENTIAL has a slot, a proof and certificates", () => {
  assertEquals(
    readCredential(bytesOf("0102 00000002 aabb 00000001 cc 00000000")),
    {
      slot: 0x0102,
      proof: bytesOf("aabb"),
      certificates: [bytesOf("cc"), bytesOf("")],
    },
  );
  assertEquals(readCredential(bytesOf("0001 00000000")), {
    slot: 1,
    proof: bytesOf(""),
    certificates: [],
  });
});

Deno.test("a CREDENTIAL whose lengths exceed its end is invalid", () => {
  const whole = bytesOf("0001 00000002 aabb 00000001 cc");
  // If it is cut after the proof, it is complete again, but without
  // certificates.
  for (const cut of [0, 1, 5, 6, 7, 9, 10, 11, 12]) {
    assertEquals(readCredential(whole.subarray(0, cut)), undefined, `${cut}`);
  }
  assertEquals(readCredential(bytesOf("0001 ffffffff aa")), undefined);
  assertEquals(
    readCredential(bytesOf("0001 00000000 ffffffff aa")),
    undefined,
  );
});

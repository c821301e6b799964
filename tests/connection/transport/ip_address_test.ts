import {
  AddressRanges,
  formatAddress,
  parseAddress,
} from "../../../connection/transport/ip_address.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import { assertEquals, assertThrows } from "../../deps.ts";

const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes?.toHex();

Deno.test("addresses are parsed as bytes", () => {
  const known: [string, string][] = [
    ["0.0.0.0", "00000000"],
    ["192.0.2.255", "c00002ff"],
    ["::", "00".repeat(16)],
    ["::1", "00".repeat(15) + "01"],
    ["1::", "0001" + "00".repeat(14)],
    ["2001:db8::ff00:42:8329", "20010db8000000000000ff0000428329"],
    ["2001:DB8:0:0:1:0:0:1", "20010db8000000000001000000000001"],
    ["::ffff:192.0.2.1", "00".repeat(10) + "ffffc0000201"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000"],
  ];
  for (const [text, bytes] of known) {
    assertEquals(hex(parseAddress(text)), bytes, text);
  }
});

Deno.test("text that is not an address is refused", () => {
  for (
    const text of [
      "",
      "localhost",
      "1.2.3",
      "1.2.3.4.5",
      "256.0.0.1",
      "01.2.3.4",
      "1.2.3.4 ",
      " 1.2.3.4",
      "0x1.2.3.4",
      ":",
      ":::",
      "1::2::3",
      ":1",
      "1:",
      "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7:8::",
      "1:2:3:4:5:6:7:8::g",
      "::1:2:3:4:5:6:7:8",
      "1:2:3:4::5:6:7:8",
      "12345::",
      "g::",
      "[::1]",
      "::1%eth0",
      "1.2.3.4::",
      "::1.2.3.4:5",
      "::1.2.3",
    ]
  ) assertEquals(parseAddress(text), undefined, text);
});

Deno.test("addresses are formatted as in RFC 5952", () => {
  for (
    const text of [
      "192.0.2.1",
      "::",
      "::1",
      "1::",
      "2001:db8::1",
      "2001:db8:0:1:1:1:1:1",
      "2001:0:0:1::1",
      "2001:db8::1:0:0:1",
      "::ffff:192.0.2.1",
      "1:2:3:4:5:6:7:8",
    ]
  ) assertEquals(formatAddress(parseAddress(text)!), text);
});

Deno.test("a random address survives formatting and parsing", () => {
  let seed = 7;
  const next = (): number =>
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from(
      { length: i % 2 === 0 ? 4 : 16 },
      () => next() % 3 === 0 ? next() >> 8 & 0xff : 0,
    );
    assertEquals(parseAddress(formatAddress(bytes)), bytes);
  }
});

Deno.test("ranges contain only their addresses", () => {
  const ranges = new AddressRanges("trusted", [
    "10.0.0.0/8",
    "192.0.2.7",
    "203.0.113.128/25",
    "2001:db8::/33",
    "::ffff:198.51.100.0/120",
  ]);
  for (
    const inside of [
      "10.0.0.0",
      "10.255.255.255",
      "::ffff:10.1.2.3",
      "192.0.2.7",
      "203.0.113.255",
      "2001:db8:7fff::",
      "198.51.100.9",
      "fe80::1%eth0",
    ]
  ) assertEquals(ranges.contains(inside), !inside.startsWith("fe80"), inside);
  for (
    const outside of [
      "11.0.0.0",
      "192.0.2.8",
      "203.0.113.127",
      "2001:db8:8000::",
      "198.51.101.0",
      "localhost",
      "",
    ]
  ) assertEquals(ranges.contains(outside), false, outside);
  assertEquals(new AddressRanges("x", ["0.0.0.0/0"]).contains("1.2.3.4"), true);
  // Each bit of the first bytes counts.
  const wide = new AddressRanges("x", ["10.1.0.0/16"]);
  assertEquals(wide.contains("10.1.2.3"), true);
  assertEquals(wide.contains("138.1.2.3"), false);
  // All IPv4 addresses in IPv6 form.
  const mapped = new AddressRanges("x", ["::ffff:0:0/96"]);
  assertEquals(mapped.contains("1.2.3.4"), true);
  assertEquals(new AddressRanges("x", ["0.0.0.0/0"]).contains("::1"), false);
  assertEquals(new AddressRanges("x", ["::/0"]).contains("2001::1"), true);
});

Deno.test("the error for an invalid range contains its text", () => {
  for (
    const text of [
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/",
      "10.0.0/8",
      "a/8",
      "10.0.0.0/-1",
      "10.0.0.0/8/8",
      "",
    ]
  ) {
    const error = assertThrows(
      () => new AddressRanges("trusted", [text]),
      InvalidArgumentError,
    );
    assertEquals(
      error.message.startsWith(`trusted: "${text}" is neither`),
      true,
    );
  }
});

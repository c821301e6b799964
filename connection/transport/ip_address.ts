/**
 * IP addresses and address ranges as bytes. No I/O: host names are not resolved.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import { show } from "../../values.ts";

/** Bytes of an IPv4 address. */
export const IPV4_LENGTH = 4;
/** Bytes of an IPv6 address. */
export const IPV6_LENGTH = 16;

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV6_GROUP = /^[0-9a-f]{1,4}$/i;
const IPV6_GROUPS = 8;
/** The first bytes of an IPv4 address in IPv6 form (RFC 4291 2.5.5.2). */
const MAPPED = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/**
 * The bytes of an address: 4 for IPv4 (`"192.0.2.1"`), 16 for IPv6
 * (`"2001:db8::1"`, without brackets and zone). `undefined` when `text` is not
 * an address.
 */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const match = IPV4.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  // Rule: no leading zeros, which some programs read as octal (RFC 6943 3.1.1).
  const isPlain = bytes.every((byte, i) =>
    byte <= 0xff && String(byte) === match[i + 1]
  );
  return isPlain ? Uint8Array.from(bytes) : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map((half, i) =>
    parseGroups(half, i === halves.length - 1)
  );
  if (before === undefined || halves.length === 2 && after === undefined) {
    return undefined;
  }
  const known = before.length + (after?.length ?? 0);
  // Rule: "::" is one group of zeros or more (RFC 4291 2.2).
  const isComplete = after === undefined
    ? known === IPV6_LENGTH
    : known <= IPV6_LENGTH - 2;
  if (!isComplete) return undefined;
  const bytes = new Uint8Array(IPV6_LENGTH);
  bytes.set(before);
  if (after !== undefined) bytes.set(after, IPV6_LENGTH - after.length);
  return bytes;
}

/** Groups of 16 bits; the last two of an address may be an IPv4 address (RFC 4291 2.2). */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  if (groups.length > IPV6_GROUPS) return undefined;
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (IPV6_GROUP.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
      continue;
    }
    const mayBeIpv4 = isEnd && index === groups.length - 1;
    const last = mayBeIpv4 ? parseIpv4(group) : undefined;
    if (last === undefined) return undefined;
    bytes.push(...last);
  }
  return bytes;
}

/**
 * The text of an address of 4 or 16 bytes. IPv6 has the form of RFC 5952, as in
 * Deno.
 */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === IPV4_LENGTH) return bytes.join(".");
  if (isMapped(bytes)) {
    return `::ffff:${bytes.subarray(MAPPED.length).join(".")}`;
  }
  const groups = Array.from(
    { length: IPV6_GROUPS },
    (_, i) => bytes[2 * i] << 8 | bytes[2 * i + 1],
  );
  const { start, length } = longestZeros(groups);
  const text = (part: number[]): string =>
    part.map((group) => group.toString(16)).join(":");
  // Rule: "::" replaces at least two groups (RFC 5952 4.2.2).
  return length < 2
    ? text(groups)
    : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** Rule: the longest run of zeros is shortened, the first of equal ones (RFC 5952 4.2.3). */
function longestZeros(groups: number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  return longest;
}

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === IPV6_LENGTH &&
    MAPPED.every((byte, i) => bytes[i] === byte);
}

/** Converts an IPv4 address in IPv6 form to IPv4. */
function unmapped(bytes: Uint8Array): Uint8Array {
  return isMapped(bytes) ? bytes.subarray(MAPPED.length) : bytes;
}

interface Range {
  readonly address: Uint8Array;
  /** Number of significant bits of the address. */
  readonly prefix: number;
}

/** A list of addresses and ranges such as `"10.0.0.0/8"` (CIDR, RFC 4632 3.1). */
export class AddressRanges {
  readonly #ranges: readonly Range[];

  /** Throws `InvalidArgumentError` that contains `name` for text that is neither an address nor a range. */
  constructor(name: string, texts: readonly string[]) {
    this.#ranges = texts.map((text) => {
      const range = parseRange(text);
      if (range !== undefined) return range;
      throw new InvalidArgumentError(
        `${name}: ${
          show(text)
        } is neither an IP address nor a range such as 10.0.0.0/8`,
      );
    });
  }

  /** Whether `text` is an address in one of the ranges. IPv4 in IPv6 form counts as IPv4. */
  contains(text: string): boolean {
    const parsed = parseAddress(text.replace(/%.*$/, ""));
    if (parsed === undefined) return false;
    const address = unmapped(parsed);
    return this.#ranges.some((range) => isWithin(address, range));
  }
}

/** An address or a range; `undefined` when `text` is neither. */
export function parseRange(text: string): Range | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const parsed = match === null ? undefined : parseAddress(match[1]);
  if (match === null || parsed === undefined) return undefined;
  const prefix = match[2] === undefined ? 8 * parsed.length : Number(match[2]);
  if (prefix > 8 * parsed.length) return undefined;
  if (!isMapped(parsed)) return { address: parsed, prefix };
  const skipped = 8 * MAPPED.length;
  // An IPv6 range that is wider than all IPv4 addresses in IPv6 form remains an
  // IPv6 range.
  return prefix < skipped
    ? { address: parsed, prefix }
    : { address: unmapped(parsed), prefix: prefix - skipped };
}

/** Whether the address begins with the bits of the range. */
export function isWithin(
  address: Uint8Array,
  { address: start, prefix }: Range,
): boolean {
  if (address.length !== start.length) return false;
  for (let bit = 0; bit < prefix; bit += 8) {
    const mask = 0xff00 >> Math.min(8, prefix - bit) & 0xff;
    if (((address[bit / 8] ^ start[bit / 8]) & mask) !== 0) return false;
  }
  return true;
}

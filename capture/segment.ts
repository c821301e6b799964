/**
 * A TCP segment of a packet.
 *
 * @module
 */

import { readUint16 } from "../frame/byte_reader.ts";

/** TCP flags, as bits of their byte: the sender has sent everything. */
export const TCP_FIN = 1;
/** The connection is reset. */
export const TCP_RST = 4;
/** The connection begins. */
export const TCP_SYN = 2;
/** The acknowledgement number counts. */
export const TCP_ACK = 16;

/** A TCP segment. */
export interface Segment {
  /** The same key for both directions of a connection. */
  readonly key: string;
  /** Whether the end that is first in `key` sent it. */
  readonly isFromFirst: boolean;
  /** The IP packet, for its addresses. */
  readonly ip: Uint8Array;
  /** Source port. */
  readonly fromPort: number;
  /** Destination port. */
  readonly toPort: number;
  /** Sequence number, 0..2^32-1. */
  readonly sequence: number;
  /** Acknowledgement number, 0..2^32-1. */
  readonly acknowledged: number;
  /** FIN, SYN, RST, ACK and so on. */
  readonly flags: number;
  /** The captured bytes: a view. */
  readonly bytes: Uint8Array;
  /** Length on the wire, bytes; more than `bytes` if the packet was truncated in the capture. */
  readonly length: number;
}

/**
 * Reads the TCP head at `at` in the IP packet `ip`; `end` is the end of the packet
 * on the wire. For a packet that was reassembled from fragments, the bytes are in
 * another array than the addresses.
 */
export function readSegment(
  ip: Uint8Array,
  bytes: Uint8Array,
  at: number,
  end: number,
): Segment | undefined {
  if (bytes.length < at + 20) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headLength = (bytes[at + 12] >> 4) * 4;
  if (headLength < 20) return undefined;
  const begin = at + headLength;
  const fromPort = view.getUint16(at);
  const toPort = view.getUint16(at + 2);
  const isFromFirst = firstIsSender(ip, fromPort, toPort);
  return {
    key: isFromFirst
      ? keyOf(ip, fromPort, toPort, true)
      : keyOf(ip, toPort, fromPort, false),
    isFromFirst,
    ip,
    fromPort,
    toPort,
    sequence: view.getUint32(at + 4),
    acknowledged: view.getUint32(at + 8),
    flags: bytes[at + 13],
    bytes: bytes.subarray(begin, Math.max(begin, end)),
    length: Math.max(0, end - begin),
  };
}

/** Sender and receiver as text. */
export function endpoints(segment: Segment): [from: string, to: string] {
  const { ip, fromPort, toPort } = segment;
  if (ip[0] >> 4 === 4) {
    const address = (at: number): string => ip.subarray(at, at + 4).join(".");
    return [`${address(12)}:${fromPort}`, `${address(16)}:${toPort}`];
  }
  return [`[${ipv6(ip, 8)}]:${fromPort}`, `[${ipv6(ip, 24)}]:${toPort}`];
}

function sourceAt(ip: Uint8Array): [from: number, to: number, length: number] {
  return ip[0] >> 4 === 4 ? [12, 16, 4] : [8, 24, 16];
}

function firstIsSender(
  ip: Uint8Array,
  fromPort: number,
  toPort: number,
): boolean {
  if (fromPort !== toPort) return fromPort < toPort;
  const [from, to, length] = sourceAt(ip);
  for (let index = 0; index < length; index++) {
    const difference = ip[from + index] - ip[to + index];
    if (difference !== 0) return difference < 0;
  }
  return true;
}

/** A short string; for IPv4 addresses, it has six characters. */
function keyOf(
  ip: Uint8Array,
  firstPort: number,
  secondPort: number,
  inOrder: boolean,
): string {
  const [from, to, length] = sourceAt(ip);
  const first = inOrder ? from : to;
  const second = inOrder ? to : from;
  if (length === 4) {
    return String.fromCharCode(
      readUint16(ip, first),
      readUint16(ip, first + 2),
      firstPort,
      readUint16(ip, second),
      readUint16(ip, second + 2),
      secondPort,
    );
  }
  const units = [firstPort, secondPort];
  for (let index = 0; index < 16; index += 2) {
    units.push(readUint16(ip, first + index), readUint16(ip, second + index));
  }
  return String.fromCharCode(...units);
}

/** The address in the form of RFC 5952, which shortens the longest run of zeros. */
export function ipv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => readUint16(bytes, at + index * 2).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

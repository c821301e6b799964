/**
 * From packets to the bytes of TCP connections: link, IP and TCP heads, and
 * the order of segments.
 *
 * @module
 */

import type { Packet } from "./pcap.ts";

/** A run of bytes and the time at which it was captured. */
export interface Piece {
  /** ms since 1970; 0 where the source has no clock. */
  readonly time: number;
  /** The bytes, following those of the piece before. */
  readonly bytes: Uint8Array;
}

/** What one end of a TCP connection sent. */
export interface Flow {
  /** Sender, `address:port`. */
  readonly from: string;
  /** Receiver, `address:port`. */
  readonly to: string;
  /** The bytes in order, as far as the capture has them without a gap. */
  readonly pieces: readonly Piece[];
  /** Bytes missing at the end of `pieces`, although later ones were captured; 0 for none. */
  readonly gap: number;
}

interface Segment {
  readonly from: string;
  readonly to: string;
  readonly sequence: number;
  readonly syn: boolean;
  readonly time: number;
  readonly bytes: Uint8Array;
}

const LINKTYPE_NULL = 0;
const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;
const LINKTYPE_LOOP = 108;
const LINKTYPE_LINUX_SLL = 113;
const LINKTYPE_IPV4 = 228;
const LINKTYPE_IPV6 = 229;
const LINKTYPE_LINUX_SLL2 = 276;
const ETHERTYPE_VLAN = [0x8100, 0x88a8];
const PROTOCOL_TCP = 6;
const FLAG_SYN = 0x02;
/** IPv6 extension heads that may stand before TCP: hop-by-hop, routing, destination. */
const EXTENSION_HEADS = [0, 43, 60];

/** Puts the packets' TCP segments in order; flows come in order of their first packet. */
export function reassemble(packets: readonly Packet[]): Flow[] {
  const flows = new Map<string, Segment[]>();
  for (const packet of packets) {
    const segment = readSegment(packet);
    if (segment === undefined) continue;
    const key = `${segment.from} ${segment.to}`;
    const flow = flows.get(key);
    // A new connection on the same ports begins with a SYN of another sequence.
    if (
      flow && segment.syn &&
      flow.some((other) => other.syn && other.sequence !== segment.sequence)
    ) {
      flows.set(`${key} ${flows.size}`, flow);
      flows.set(key, [segment]);
    } else if (flow) flow.push(segment);
    else flows.set(key, [segment]);
  }
  return [...flows.values()].map(putInOrder);
}

/** Drops what was sent again and stops at the first byte that the capture lacks. */
function putInOrder(segments: readonly Segment[]): Flow {
  const { from, to } = segments[0];
  const syn = segments.find((segment) => segment.syn);
  const first = syn ? syn.sequence + 1 : segments[0].sequence;
  // Sequence numbers wrap at 2^32: order by the signed distance to the first one.
  const ordered = segments
    .filter((segment) => segment.bytes.length > 0)
    .map((segment) => ({
      ...segment,
      begin: (segment.sequence + (segment.syn ? 1 : 0) - first) | 0,
    }))
    .sort((a, b) => a.begin - b.begin);
  const pieces: Piece[] = [];
  let next = 0;
  let gap = 0;
  for (const { begin, bytes, time } of ordered) {
    if (begin > next) {
      gap = begin - next;
      break;
    }
    if (begin + bytes.length <= next) continue;
    pieces.push({ time, bytes: bytes.subarray(next - begin) });
    next = begin + bytes.length;
  }
  return { from, to, pieces, gap };
}

function readSegment(packet: Packet): Segment | undefined {
  const ip = stripLink(packet);
  if (ip === undefined || ip.length < 20) return undefined;
  const version = ip[0] >> 4;
  if (version === 4) return readIpv4(ip, packet.time);
  if (version === 6) return readIpv6(ip, packet.time);
  return undefined;
}

function stripLink({ linkType, data }: Packet): Uint8Array | undefined {
  switch (linkType) {
    case LINKTYPE_ETHERNET: {
      let at = 12;
      while (at + 2 <= data.length && ETHERTYPE_VLAN.includes(u16(data, at))) {
        at += 4;
      }
      return data.subarray(at + 2);
    }
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return data.subarray(4);
    case LINKTYPE_LINUX_SLL:
      return data.subarray(16);
    case LINKTYPE_LINUX_SLL2:
      return data.subarray(20);
    case LINKTYPE_RAW:
    case LINKTYPE_IPV4:
    case LINKTYPE_IPV6:
      return data;
    default:
      return undefined;
  }
}

function readIpv4(ip: Uint8Array, time: number): Segment | undefined {
  const head = (ip[0] & 15) * 4;
  // A total length of 0 is what segmentation offload leaves in a capture.
  const total = u16(ip, 2) || ip.length;
  if (ip[9] !== PROTOCOL_TCP || (u16(ip, 6) & 0x1fff) !== 0) return undefined;
  const address = (at: number): string => ip.subarray(at, at + 4).join(".");
  return readTcp(ip.subarray(head, total), address(12), address(16), time);
}

function readIpv6(ip: Uint8Array, time: number): Segment | undefined {
  if (ip.length < 40) return undefined;
  const end = 40 + (u16(ip, 4) || ip.length - 40);
  let protocol = ip[6];
  let at = 40;
  while (EXTENSION_HEADS.includes(protocol) && at + 8 <= ip.length) {
    protocol = ip[at];
    at += 8 + ip[at + 1] * 8;
  }
  if (protocol !== PROTOCOL_TCP) return undefined;
  return readTcp(
    ip.subarray(at, end),
    `[${ipv6(ip, 8)}]`,
    `[${ipv6(ip, 24)}]`,
    time,
  );
}

function readTcp(
  tcp: Uint8Array,
  from: string,
  to: string,
  time: number,
): Segment | undefined {
  if (tcp.length < 20) return undefined;
  const head = (tcp[12] >> 4) * 4;
  return {
    from: `${from}:${u16(tcp, 0)}`,
    to: `${to}:${u16(tcp, 2)}`,
    sequence: u16(tcp, 4) * 65536 + u16(tcp, 6),
    syn: (tcp[13] & FLAG_SYN) !== 0,
    time,
    bytes: tcp.subarray(head),
  };
}

/** The address as the platform writes it, longest run of zeros shortened. */
function ipv6(ip: Uint8Array, at: number): string {
  const groups = Array.from(
    { length: 8 },
    (_, index) => u16(ip, at + index * 2).toString(16),
  );
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

function u16(bytes: Uint8Array, at: number): number {
  return bytes[at] << 8 | bytes[at + 1];
}

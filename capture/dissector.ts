/**
 * Finds the TCP segment in a captured packet: reads link heads, VLAN tags, IP heads
 * and fragments, and tunnels.
 *
 * @module
 */

import { readUint16 } from "../frame/byte_reader.ts";
import { Fragments } from "./fragments.ts";
import type { Packet } from "./packet.ts";
import { readSegment, type Segment } from "./segment.ts";

/** `LINKTYPE_*` numbers of the pcap registry. */
const LINK_NULL = 0;
const LINK_ETHERNET = 1;
const LINK_PPP = 9;
const LINK_RAW_BSD = 12;
const LINK_RAW_OPENBSD = 14;
const LINK_PPP_HDLC = 50;
const LINK_PPPOE = 51;
const LINK_RAW = 101;
const LINK_C_HDLC = 104;
const LINK_LOOP = 108;
const LINK_LINUX_SLL = 113;
const LINK_IPV4 = 228;
const LINK_IPV6 = 229;
const LINK_NFLOG = 239;
const LINK_LINUX_SLL2 = 276;

/** EtherTypes. */
const TYPE_IPV4 = 0x0800;
const TYPE_TRANSPARENT_ETHERNET = 0x6558;
const TYPE_VLAN = 0x8100;
const TYPE_IPV6 = 0x86dd;
const TYPE_PPP = 0x880b;
const TYPE_MPLS = 0x8847;
const TYPE_MPLS_MULTICAST = 0x8848;
const TYPE_PPPOE = 0x8864;
const TYPE_SERVICE_VLAN = 0x88a8;
const TYPE_ERSPAN_2 = 0x88be;
const TYPE_PROVIDER_BACKBONE = 0x88e7;
const TYPE_OLD_VLAN = 0x9100;
const TYPE_OLD_VLAN_2 = 0x9200;
/** Smaller values are the length of an IEEE 802.3 frame. */
const FIRST_TYPE = 0x0600;

/** IP protocols. */
const HOP_BY_HOP = 0;
const IPV4_IN_IP = 4;
const TCP = 6;
const UDP = 17;
const IPV6_IN_IP = 41;
const ROUTING = 43;
const FRAGMENT = 44;
const GRE = 47;
const AUTHENTICATION = 51;
const DESTINATION = 60;
const MOBILITY = 135;
const SHIM6 = 140;

/** UDP ports of tunnels: VXLAN (RFC 7348; Linux used 8472 before), Geneve (RFC 8926), GTP-U (3GPP TS 29.281). */
const VXLAN_PORTS = [4789, 8472];
const GENEVE_PORT = 6081;
const GTP_PORT = 2152;
/** Type of a GTP-U message that carries an IP packet. */
const GTP_PACKET = 255;
/** VXLAN-GPE has a field for the next protocol: IPv4, IPv6 or Ethernet. */
const VXLAN_GPE_PORT = 4790;
const GPE_IPV4 = 1;
const GPE_IPV6 = 2;

/** Most nested heads that are read. */
const MOST_DEPTH = 16;

/** Finds the TCP segment in each packet. Its only state is the fragments of IP packets. */
export class Dissector {
  readonly #fragments = new Fragments();
  /** Unsupported link types, with the number of their packets. */
  readonly unread: Map<number, number> = new Map();

  /** The TCP segment in the packet, if there is one. */
  segment({ linkType, data }: Packet): Segment | undefined {
    switch (linkType) {
      case LINK_ETHERNET:
        return this.#ethernet(data, 0);
      case LINK_NULL:
      case LINK_LOOP:
        return this.#ip(data, 4, 0);
      case LINK_RAW:
      case LINK_RAW_BSD:
      case LINK_RAW_OPENBSD:
      case LINK_IPV4:
      case LINK_IPV6:
        return this.#ip(data, 0, 0);
      case LINK_LINUX_SLL:
        return this.#byType(data, readUint16(data, 14), 16, 0);
      case LINK_LINUX_SLL2:
        return this.#byType(data, readUint16(data, 0), 20, 0);
      case LINK_PPP:
      case LINK_PPP_HDLC:
        return this.#ppp(data, 0, 0);
      case LINK_PPPOE:
        return this.#ppp(data, 6, 0);
      case LINK_C_HDLC:
        return this.#byType(data, readUint16(data, 2), 4, 0);
      case LINK_NFLOG:
        return this.#netfilterLog(data);
      default:
        this.unread.set(linkType, (this.unread.get(linkType) ?? 0) + 1);
        return undefined;
    }
  }

  #ethernet(bytes: Uint8Array, at: number, depth = 0): Segment | undefined {
    if (bytes.length < at + 14) return undefined;
    return this.#byType(bytes, readUint16(bytes, at + 12), at + 14, depth);
  }

  /** Reads the payload at `at` according to its EtherType. */
  #byType(
    bytes: Uint8Array,
    type: number,
    at: number,
    depth: number,
  ): Segment | undefined {
    if (depth > MOST_DEPTH || at >= bytes.length) return undefined;
    switch (type) {
      case TYPE_IPV4:
      case TYPE_IPV6:
        return this.#ip(bytes, at, depth);
      case TYPE_VLAN:
      case TYPE_SERVICE_VLAN:
      case TYPE_OLD_VLAN:
      case TYPE_OLD_VLAN_2:
        if (bytes.length < at + 4) return undefined;
        return this.#byType(
          bytes,
          readUint16(bytes, at + 2),
          at + 4,
          depth + 1,
        );
      case TYPE_PPPOE:
        return this.#ppp(bytes, at + 6, depth);
      case TYPE_MPLS:
      case TYPE_MPLS_MULTICAST:
        return this.#mpls(bytes, at, depth);
      case TYPE_PPP:
        return this.#ppp(bytes, at, depth);
      case TYPE_TRANSPARENT_ETHERNET:
        return this.#ethernet(bytes, at, depth + 1);
      case TYPE_ERSPAN_2:
        return this.#ethernet(bytes, at + 8, depth + 1);
      case TYPE_PROVIDER_BACKBONE:
        return this.#ethernet(bytes, at + 4, depth + 1);
    }
    // IEEE 802.3 with LLC and SNAP: the EtherType follows them.
    if (
      type < FIRST_TYPE && bytes[at] === 0xaa && bytes[at + 1] === 0xaa &&
      bytes.length >= at + 8
    ) return this.#byType(bytes, readUint16(bytes, at + 6), at + 8, depth + 1);
    return undefined;
  }

  #ppp(bytes: Uint8Array, begin: number, depth: number): Segment | undefined {
    let at = begin;
    // Cisco HDLC on a link with the type of PPP.
    if ((bytes[at] & 0x7f) === 0x0f && bytes[at + 1] === 0) {
      return this.#byType(bytes, readUint16(bytes, at + 2), at + 4, depth);
    }
    // Address and control, which may be left out.
    if (bytes[at] === 0xff && bytes[at + 1] === 0x03) at += 2;
    if (bytes.length < at + 2) return undefined;
    // An odd first byte means that the protocol field has one byte.
    const isShort = (bytes[at] & 1) === 1;
    const protocol = isShort ? bytes[at] : readUint16(bytes, at);
    at += isShort ? 1 : 2;
    if (protocol === 0x21 || protocol === 0x57) {
      return this.#ip(bytes, at, depth);
    }
    return protocol === 0x281 ? this.#mpls(bytes, at, depth) : undefined;
  }

  #mpls(bytes: Uint8Array, begin: number, depth: number): Segment | undefined {
    for (let at = begin; at + 4 < bytes.length; at += 4) {
      // Only the last label has the bottom-of-stack bit (RFC 3032 2.1).
      if ((bytes[at + 2] & 1) === 0) continue;
      const next = bytes[at + 4] >> 4;
      if (next === 4 || next === 6) return this.#ip(bytes, at + 4, depth + 1);
      // An Ethernet pseudowire, with or without a control word.
      return this.#ethernet(bytes, next === 0 ? at + 8 : at + 4, depth + 1);
    }
    return undefined;
  }

  /** Attributes of length, type, value; attribute 9 is the IP packet. */
  #netfilterLog(bytes: Uint8Array): Segment | undefined {
    for (let at = 4; at + 4 <= bytes.length;) {
      const length = bytes[at] | bytes[at + 1] << 8;
      if (length < 4) return undefined;
      if ((bytes[at + 2] | bytes[at + 3] << 8) === 9) {
        return this.#ip(bytes, at + 4, 0);
      }
      at += length + (-length & 3);
    }
    return undefined;
  }

  #ip(bytes: Uint8Array, at: number, depth: number): Segment | undefined {
    if (depth > MOST_DEPTH || bytes.length < at + 20) return undefined;
    const ip = at === 0 ? bytes : bytes.subarray(at);
    const version = ip[0] >> 4;
    if (version === 4) return this.#ipv4(ip, depth);
    return version === 6 ? this.#ipv6(ip, depth) : undefined;
  }

  #ipv4(ip: Uint8Array, depth: number): Segment | undefined {
    const head = (ip[0] & 15) * 4;
    if (head < 20) return undefined;
    // With segmentation offload, the length is 0.
    const end = readUint16(ip, 2) || ip.length;
    if (end < head) return undefined;
    const fragment = readUint16(ip, 6);
    const protocol = ip[9];
    if ((fragment & 0x3fff) === 0) {
      return this.#payload(ip, protocol, ip, head, end, depth);
    }
    if (ip.length < end) return undefined;
    const key = `4 ${ip.subarray(12, 20)} ${protocol} ${readUint16(ip, 4)}`;
    const whole = this.#fragments.add(
      key,
      (fragment & 0x1fff) * 8,
      ip.subarray(head, end),
      (fragment & 0x2000) === 0,
    );
    return whole && this.#payload(ip, protocol, whole, 0, whole.length, depth);
  }

  #ipv6(ip: Uint8Array, depth: number): Segment | undefined {
    if (ip.length < 40) return undefined;
    // 0 with segmentation offload, or for a jumbogram.
    const end = 40 + (readUint16(ip, 4) || ip.length - 40);
    let protocol = ip[6];
    for (let at = 40; at + 8 <= ip.length;) {
      switch (protocol) {
        case HOP_BY_HOP:
        case ROUTING:
        case DESTINATION:
        case MOBILITY:
        case SHIM6:
          protocol = ip[at];
          at += 8 + ip[at + 1] * 8;
          break;
        case AUTHENTICATION:
          protocol = ip[at];
          at += (ip[at + 1] + 2) * 4;
          break;
        case FRAGMENT: {
          const offset = readUint16(ip, at + 2);
          protocol = ip[at];
          // The packet has only one fragment (RFC 6946).
          if ((offset & 0xfff9) === 0) {
            at += 8;
            break;
          }
          if (ip.length < end) return undefined;
          const whole = this.#fragments.add(
            `6 ${ip.subarray(8, 40)} ${ip.subarray(at + 4, at + 8)}`,
            offset & 0xfff8,
            ip.subarray(at + 8, end),
            (offset & 1) === 0,
          );
          return whole &&
            this.#payload(ip, protocol, whole, 0, whole.length, depth);
        }
        default:
          return this.#payload(ip, protocol, ip, at, end, depth);
      }
    }
    return undefined;
  }

  /** Reads the payload in `bytes` from `at` to `end` according to its IP protocol. */
  #payload(
    ip: Uint8Array,
    protocol: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    depth: number,
  ): Segment | undefined {
    switch (protocol) {
      case TCP:
        return readSegment(ip, bytes, at, end);
      case IPV4_IN_IP:
      case IPV6_IN_IP:
        return this.#ip(bytes, at, depth + 1);
      case AUTHENTICATION:
        if (bytes.length < at + 8) return undefined;
        return this.#payload(
          ip,
          bytes[at],
          bytes,
          at + (bytes[at + 1] + 2) * 4,
          end,
          depth,
        );
      case GRE:
        return this.#gre(bytes, at, depth);
      case UDP:
        return this.#udp(bytes, at, depth);
      default:
        return undefined;
    }
  }

  /** RFC 2784 and 2890; version 1 is PPTP's (RFC 2637). */
  #gre(bytes: Uint8Array, begin: number, depth: number): Segment | undefined {
    if (bytes.length < begin + 4) return undefined;
    const flags = bytes[begin];
    const version = bytes[begin + 1] & 7;
    const type = readUint16(bytes, begin + 2);
    let at = begin + 4;
    if (version === 0) {
      // Checksum or routing; key; sequence number.
      if (flags & 0xc0) at += 4;
      if (flags & 0x20) at += 4;
      if (flags & 0x10) at += 4;
      // Without a sequence number it is the first version of ERSPAN, which has no
      // head.
      if (type === TYPE_ERSPAN_2 && (flags & 0x10) === 0) {
        return this.#ethernet(bytes, at, depth + 1);
      }
    } else if (version === 1) {
      at += 4;
      if (flags & 0x10) at += 4;
      if (bytes[begin + 1] & 0x80) at += 4;
    } else return undefined;
    return this.#byType(bytes, type, at, depth + 1);
  }

  #udp(bytes: Uint8Array, at: number, depth: number): Segment | undefined {
    if (bytes.length < at + 16) return undefined;
    const port = readUint16(bytes, at + 2);
    if (VXLAN_PORTS.includes(port)) {
      return this.#ethernet(bytes, at + 16, depth + 1);
    }
    if (port === VXLAN_GPE_PORT) {
      const next = bytes[at + 11];
      return next === GPE_IPV4 || next === GPE_IPV6
        ? this.#ip(bytes, at + 16, depth + 1)
        : this.#ethernet(bytes, at + 16, depth + 1);
    }
    if (port === GTP_PORT) return this.#gtp(bytes, at + 8, depth);
    if (port !== GENEVE_PORT) return undefined;
    // The length of the options is in units of four bytes.
    const options = (bytes[at + 8] & 0x3f) * 4;
    return this.#byType(
      bytes,
      readUint16(bytes, at + 10),
      at + 16 + options,
      depth + 1,
    );
  }

  /** The tunnel of mobile networks; version 1. */
  #gtp(bytes: Uint8Array, begin: number, depth: number): Segment | undefined {
    const flags = bytes[begin];
    if (flags >> 4 !== 3 || bytes[begin + 1] !== GTP_PACKET) return undefined;
    let at = begin + 8;
    // If one of the optional fields is present, all are: four bytes.
    if (flags & 7) at += 4;
    // Extension heads: length in units of four bytes, content, type of the next head.
    let isExtended = (flags & 4) !== 0 && bytes[at - 1] !== 0;
    while (isExtended) {
      const length = bytes[at] * 4;
      if (!(length > 0) || at + length > bytes.length) return undefined;
      at += length;
      isExtended = bytes[at - 1] !== 0;
    }
    return this.#ip(bytes, at, depth + 1);
  }
}

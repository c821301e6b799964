/**
 * Ways in which an IPv4 packet can be in a capture.
 *
 * @module
 */

import { concat } from "../deps.ts";

/** A way to carry packets. */
export interface Encapsulation {
  readonly name: string;
  readonly linkType: number;
  /** The packets that carry an IPv4 packet: several for fragments. */
  wrap(packet: Uint8Array): Uint8Array[];
}

const ETHERNET = 1;
const RAW_IP = 101;

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

function ethernet(payload: Uint8Array, ...types: number[][]): Uint8Array {
  const head = types.length === 0 ? [[0x08, 0x00]] : types;
  return concat([new Uint8Array(12), bytes(...head.flat()), payload]);
}

/** An IPv4 packet with a payload of another protocol. */
function ipv4(protocol: number, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(20);
  const view = new DataView(head.buffer);
  head[0] = 0x45;
  view.setUint16(2, 20 + payload.length);
  head[8] = 64;
  head[9] = protocol;
  head.set([10, 0, 0, 1], 12);
  head.set([10, 0, 0, 2], 16);
  return concat([head, payload]);
}

function udp(port: number, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(8);
  const view = new DataView(head.buffer);
  view.setUint16(0, 40000);
  view.setUint16(2, port);
  view.setUint16(4, 8 + payload.length);
  return concat([head, payload]);
}

let identification = 1;

/** A packet of user data in GTP version 1. Its length does not count the first 8 bytes. */
function gtp(flags: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  return concat([
    bytes(flags, 255, length >> 8, length & 0xff, 0, 0, 0, 1),
    payload,
  ]);
}

/** The packet in fragments of 400 bytes, the last one first. */
function fragments(packet: Uint8Array): Uint8Array[] {
  const payload = packet.subarray(20);
  const id = identification++;
  const parts: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += 400) {
    const part = payload.subarray(at, at + 400);
    const head = packet.slice(0, 20);
    const view = new DataView(head.buffer);
    view.setUint16(2, 20 + part.length);
    view.setUint16(4, id);
    const more = at + 400 < payload.length ? 0x2000 : 0;
    view.setUint16(6, more | at / 8);
    parts.unshift(concat([head, part]));
  }
  return parts;
}

/** The TCP segment of the packet behind IPv6 extension heads. */
function ipv6(
  packet: Uint8Array,
  extensions: number[],
  next: number,
): Uint8Array {
  const tcp = packet.subarray(20);
  const head = new Uint8Array(40);
  head[0] = 0x60;
  new DataView(head.buffer).setUint16(4, extensions.length + tcp.length);
  head[6] = next;
  head[7] = 64;
  head[23] = 1;
  head[39] = 1;
  return concat([head, bytes(...extensions), tcp]);
}

function padded(...values: number[]): number[] {
  return [...values, ...Array(8 - values.length).fill(0)];
}

/** All ways that the capture reader knows, each by itself. */
export const encapsulations: readonly Encapsulation[] = [
  {
    name: "Ethernet",
    linkType: ETHERNET,
    wrap: (packet) => [ethernet(packet)],
  },
  {
    name: "VLAN",
    linkType: ETHERNET,
    wrap: (packet) => [ethernet(packet, [0x81, 0, 0, 5], [0x08, 0])],
  },
  {
    name: "QinQ",
    linkType: ETHERNET,
    wrap: (
      packet,
    ) => [ethernet(packet, [0x88, 0xa8, 0, 7], [0x81, 0, 0, 5], [0x08, 0])],
  },
  {
    name: "PPPoE",
    linkType: ETHERNET,
    wrap: (packet) => {
      const length = packet.length + 2;
      return [
        ethernet(
          concat([
            bytes(0x11, 0, 0, 1, length >> 8, length & 255, 0, 0x21),
            packet,
          ]),
          [0x88, 0x64],
        ),
      ];
    },
  },
  {
    name: "MPLS",
    linkType: ETHERNET,
    wrap: (packet) => [
      ethernet(
        concat([bytes(0, 1, 0x00, 64, 0, 2, 0x01, 64), packet]),
        [0x88, 0x47],
      ),
    ],
  },
  {
    name: "GRE",
    linkType: RAW_IP,
    wrap: (packet) => [ipv4(47, concat([bytes(0, 0, 8, 0), packet]))],
  },
  {
    name: "GRE with key and sequence number",
    linkType: RAW_IP,
    wrap: (packet) => [
      ipv4(
        47,
        concat([bytes(0x30, 0, 8, 0, 0, 0, 0, 9, 0, 0, 0, 1), packet]),
      ),
    ],
  },
  {
    name: "Ethernet in GRE",
    linkType: RAW_IP,
    wrap: (packet) => [
      ipv4(47, concat([bytes(0, 0, 0x65, 0x58), ethernet(packet)])),
    ],
  },
  {
    name: "VXLAN",
    linkType: ETHERNET,
    wrap: (packet) => [
      ethernet(ipv4(
        17,
        udp(4789, concat([bytes(8, 0, 0, 0, 0, 0, 5, 0), ethernet(packet)])),
      )),
    ],
  },
  {
    name: "Geneve",
    linkType: ETHERNET,
    wrap: (packet) => [
      ethernet(ipv4(
        17,
        udp(
          6081,
          concat([bytes(0, 0, 0x65, 0x58, 0, 0, 5, 0), ethernet(packet)]),
        ),
      )),
    ],
  },
  {
    name: "GTP-U",
    linkType: ETHERNET,
    wrap: (packet) => [
      ethernet(ipv4(
        17,
        udp(2152, gtp(0x30, packet)),
      )),
    ],
  },
  {
    name: "GTP-U with a sequence number and two extension heads",
    linkType: RAW_IP,
    wrap: (packet) => [
      ipv4(
        17,
        udp(
          2152,
          gtp(
            0x36,
            concat([
              bytes(0, 7, 0, 0xc0),
              bytes(1, 0, 9, 0x85, 2, 0, 0, 0, 0, 0, 0, 0),
              packet,
            ]),
          ),
        ),
      ),
    ],
  },
  {
    name: "Provider backbone bridge",
    linkType: ETHERNET,
    wrap: (packet) => [
      ethernet(
        concat([bytes(0, 0, 0, 9), ethernet(packet)]),
        [0x88, 0xa8, 0, 7],
        [0x88, 0xe7],
      ),
    ],
  },
  {
    name: "IPv4 in IPv4",
    linkType: RAW_IP,
    wrap: (packet) => [ipv4(4, packet)],
  },
  {
    name: "IPv4 fragments, the last one first",
    linkType: RAW_IP,
    wrap: fragments,
  },
  {
    name: "IPv6 with extension heads",
    linkType: RAW_IP,
    wrap: (packet) => [
      // Hop-by-hop, then routing, then destination options, then TCP.
      ipv6(
        packet,
        [...padded(43, 0, 1, 4), ...padded(60, 0, 0), ...padded(6, 0, 1, 4)],
        0,
      ),
    ],
  },
  {
    name: "IPv6 with the extension head of Shim6",
    linkType: RAW_IP,
    wrap: (packet) => [ipv6(packet, padded(6, 0), 140)],
  },
  {
    name: "IPv6 in IPv4",
    linkType: RAW_IP,
    wrap: (packet) => [ipv4(41, ipv6(packet, [], 6))],
  },
  {
    name: "Linux cooked capture",
    linkType: 113,
    wrap: (packet) => [
      concat([new Uint8Array(14), bytes(0x08, 0x00), packet]),
    ],
  },
  {
    name: "Linux cooked capture, version 2",
    linkType: 276,
    wrap: (packet) => [
      concat([bytes(0x08, 0x00), new Uint8Array(18), packet]),
    ],
  },
  {
    name: "PPP",
    linkType: 9,
    wrap: (packet) => [concat([bytes(0xff, 0x03, 0x00, 0x21), packet])],
  },
  {
    name: "Cisco HDLC",
    linkType: 9,
    wrap: (packet) => [concat([bytes(0x0f, 0x00, 0x08, 0x00), packet])],
  },
  {
    name: "BSD loopback",
    linkType: 0,
    wrap: (packet) => [concat([bytes(2, 0, 0, 0), packet])],
  },
];

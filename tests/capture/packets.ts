/**
 * Makes packets and capture files for tests, byte by byte.
 *
 * @module
 */

import { concat } from "../deps.ts";

/** A TCP segment. */
export interface SegmentSpec {
  readonly fromPort: number;
  readonly toPort: number;
  readonly sequence: number;
  readonly syn?: boolean;
  readonly fin?: boolean;
  readonly rst?: boolean;
  /** Acknowledgement number. Without it, there is an ACK flag only if there is data. */
  readonly acknowledged?: number;
  readonly bytes?: Uint8Array;
}

/** A TCP segment from 127.0.0.1 to 127.0.0.1 in an IPv4 packet. */
export function ipv4Packet(segment: SegmentSpec): Uint8Array {
  const tcp = tcpSegment(segment);
  const head = new Uint8Array(20);
  const view = new DataView(head.buffer);
  head[0] = 0x45;
  view.setUint16(2, 20 + tcp.length);
  head[8] = 64;
  head[9] = 6;
  head.set([127, 0, 0, 1], 12);
  head.set([127, 0, 0, 1], 16);
  return concat([head, tcp]);
}

/** The same from ::1 to ::1, after a hop-by-hop extension head. */
export function ipv6Packet(segment: SegmentSpec): Uint8Array {
  const tcp = tcpSegment(segment);
  const head = new Uint8Array(48);
  head[0] = 0x60;
  new DataView(head.buffer).setUint16(4, 8 + tcp.length);
  head[23] = 1;
  head[39] = 1;
  head[40] = 6;
  return concat([head, tcp]);
}

function tcpSegment(
  {
    fromPort,
    toPort,
    sequence,
    syn = false,
    fin = false,
    rst = false,
    acknowledged,
    bytes = new Uint8Array(),
  }: SegmentSpec,
): Uint8Array {
  const head = new Uint8Array(24);
  const view = new DataView(head.buffer);
  view.setUint16(0, fromPort);
  view.setUint16(2, toPort);
  view.setUint32(4, sequence);
  view.setUint32(8, acknowledged ?? 0);
  head[12] = 6 << 4;
  head[13] = (syn ? 2 : 0) | (fin ? 1 : 0) | (rst ? 4 : 0) |
    (acknowledged === undefined && (syn || rst) ? 0 : 16);
  view.setUint16(14, 65535);
  return concat([head, bytes]);
}

/** Puts an Ethernet head before an IP packet. */
export function ethernet(packet: Uint8Array, vlan = false): Uint8Array {
  const type = packet[0] >> 4 === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  return concat([
    new Uint8Array(12),
    new Uint8Array(vlan ? [0x81, 0, 0, 5, ...type] : type),
    packet,
  ]);
}

/** The contents of a pcap file. */
export interface PcapSpec {
  readonly linkType: number;
  readonly littleEndian?: boolean;
  readonly nanoseconds?: boolean;
  /** Packets, captured one millisecond apart, beginning at second 1. */
  readonly packets: readonly Uint8Array[];
  /** Other times for them, ms from second 1 on. */
  readonly times?: readonly number[];
}

/** A pcap file. */
export function pcapFile(
  { linkType, littleEndian = true, nanoseconds = false, packets, times }:
    PcapSpec,
): Uint8Array {
  const file = new Uint8Array(
    24 + packets.reduce((sum, packet) => sum + 16 + packet.length, 0),
  );
  const view = new DataView(file.buffer);
  view.setUint32(0, nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, littleEndian);
  view.setUint16(4, 2, littleEndian);
  view.setUint16(6, 4, littleEndian);
  view.setUint32(16, 65535, littleEndian);
  view.setUint32(20, linkType, littleEndian);
  let offset = 24;
  packets.forEach((packet, index) => {
    const time = times?.[index] ?? index;
    const unit = nanoseconds ? 1e6 : 1e3;
    // Without times, packets are all in second 1, numbered by their fractions:
    // some tests have a million packets.
    const seconds = times === undefined ? 0 : Math.floor(time / 1000);
    view.setUint32(offset, 1 + seconds, littleEndian);
    view.setUint32(offset + 4, (time - 1000 * seconds) * unit, littleEndian);
    view.setUint32(offset + 8, packet.length, littleEndian);
    view.setUint32(offset + 12, packet.length, littleEndian);
    file.set(packet, offset + 16);
    offset += 16 + packet.length;
  });
  return file;
}

/** A pcapng file with one interface; `exponent` is the power of ten of its clock. */
export function pcapngFile(
  linkType: number,
  packets: readonly Uint8Array[],
  exponent = 6,
): Uint8Array {
  const interfaceBody = new Uint8Array(20);
  const interfaceView = new DataView(interfaceBody.buffer);
  interfaceView.setUint16(0, linkType, true);
  interfaceView.setUint16(8, 9, true);
  interfaceView.setUint16(10, 1, true);
  interfaceBody[12] = exponent;
  const section = new Uint8Array(16);
  new DataView(section.buffer).setUint32(0, 0x1a2b3c4d, true);
  section.fill(0xff, 8);
  return concat([
    pcapngBlock(0x0a0d0d0a, section),
    pcapngBlock(1, interfaceBody),
    ...packets.map((packet, index) => {
      const padded = packet.length + (-packet.length & 3);
      const body = new Uint8Array(20 + padded);
      const view = new DataView(body.buffer);
      const time = (1000 + index) * 10 ** (exponent - 3);
      view.setUint32(4, Math.floor(time / 2 ** 32), true);
      view.setUint32(8, time % 2 ** 32, true);
      view.setUint32(12, packet.length, true);
      view.setUint32(16, packet.length, true);
      body.set(packet, 20);
      return pcapngBlock(6, body);
    }),
  ]);
}

function pcapngBlock(type: number, body: Uint8Array): Uint8Array {
  const block = new Uint8Array(12 + body.length);
  const view = new DataView(block.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, block.length, true);
  block.set(body, 8);
  view.setUint32(block.length - 4, block.length, true);
  return block;
}

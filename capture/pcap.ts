/**
 * The pcap file format, which tcpdump writes.
 *
 * @module
 */

import { ByteQueue } from "./byte_queue.ts";
import { CaptureError, type Packet, type PacketReader } from "./packet.ts";

const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
/** Written by patched versions of libpcap: each packet has 8 more bytes before it. */
const MODIFIED = 0xa1b2cd34;
const FILE_HEAD = 24;
const PACKET_HEAD = 16;
/** Longest packet that programs capture, bytes; a greater length means that the file is damaged. */
export const MAX_PACKET: number = 1 << 24;

interface Order {
  readonly littleEndian: boolean;
  readonly unitsPerMs: number;
  readonly packetHead: number;
}

/** Whether these are the first four bytes of a pcap file. */
export function isPcap(bytes: Uint8Array): boolean {
  return orderOf(bytes) !== undefined;
}

function orderOf(bytes: Uint8Array): Order | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian);
    if (magic === MICROSECONDS || magic === MODIFIED) {
      const packetHead = magic === MODIFIED ? PACKET_HEAD + 8 : PACKET_HEAD;
      return { littleEndian, unitsPerMs: 1e3, packetHead };
    }
    if (magic === NANOSECONDS) {
      return { littleEndian, unitsPerMs: 1e6, packetHead: PACKET_HEAD };
    }
  }
  return undefined;
}

/** Reads a pcap file: a head, and for each packet a head and its bytes. */
export class PcapReader implements PacketReader {
  readonly #queue = new ByteQueue();
  #order: Order | undefined;
  #linkType = 0;

  *read(bytes: Uint8Array): Generator<Packet> {
    const queue = this.#queue;
    queue.push(bytes);
    if (this.#order === undefined) {
      if (queue.available < FILE_HEAD) return queue.keep();
      this.#order = orderOf(queue.bytes)!;
      // The upper bits contain the length of a frame check sequence.
      this.#linkType = queue.view.getUint32(20, this.#order.littleEndian) &
        0xffff;
      queue.at = FILE_HEAD;
    }
    const { littleEndian, unitsPerMs, packetHead } = this.#order;
    for (;;) {
      const { view, at, available } = queue;
      if (available < packetHead) break;
      const length = view.getUint32(at + 8, littleEndian);
      if (length > MAX_PACKET) {
        throw new CaptureError(
          `a packet with the impossible length of ${length} bytes`,
          queue.offset,
        );
      }
      if (available < packetHead + length) break;
      const begin = at + packetHead;
      queue.at = begin + length;
      yield {
        time: view.getUint32(at, littleEndian) * 1000 +
          view.getUint32(at + 4, littleEndian) / unitsPerMs,
        linkType: this.#linkType,
        data: queue.bytes.subarray(begin, begin + length),
        isCut: view.getUint32(at + 12, littleEndian) > length,
      };
    }
    queue.keep();
  }

  end(): string | undefined {
    const { available, offset } = this.#queue;
    if (this.#order === undefined) {
      return `the head of the file is cut off after ${available} bytes`;
    }
    return available > 0
      ? `the packet at offset ${offset} is cut off after ${available} bytes`
      : undefined;
  }

  takeSecrets(): undefined {}
}

/**
 * The pcapng file format, which tshark and Wireshark write.
 *
 * @module
 */

import { ByteQueue } from "./byte_queue.ts";
import { CaptureError, type Packet, type PacketReader } from "./packet.ts";
import { MAX_PACKET } from "./pcap.ts";

const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE = 1;
const OLD_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const SECRETS = 10;
/** Type of secrets in the format of SSLKEYLOGFILE: "TLSK". */
const TLS_KEY_LOG = 0x544c534b;
const OPTION_TIME_RESOLUTION = 9;
const OPTION_TIME_OFFSET = 14;
const SMALLEST_BLOCK = 12;
/** Longest block, bytes. Blocks that are not packets may be long; they are skipped. */
const LONGEST_BLOCK = MAX_PACKET + 65536;
const TEXT = new TextDecoder();

interface Interface {
  readonly linkType: number;
  /** Most bytes of a packet that were captured; 0: all. */
  readonly snapLength: number;
  readonly unitsPerMs: number;
  /** Added to all times, ms. */
  readonly offset: number;
}

/** Whether these are the first four bytes of a pcapng file. */
export function isPcapng(bytes: Uint8Array): boolean {
  return bytes[0] === 0x0a && bytes[1] === 0x0d && bytes[2] === 0x0d &&
    bytes[3] === 0x0a;
}

/**
 * Reads a pcapng file: blocks with type, length, body, and the length again. Each
 * section has its own byte order.
 */
export class PcapngReader implements PacketReader {
  readonly #queue = new ByteQueue();
  #littleEndian = true;
  #interfaces: Interface[] = [];
  #secrets = "";

  *read(bytes: Uint8Array): Generator<Packet> {
    const queue = this.#queue;
    queue.push(bytes);
    while (queue.available >= SMALLEST_BLOCK) {
      const { view, at } = queue;
      const isSection = view.getUint32(at, true) === SECTION;
      if (isSection) {
        this.#littleEndian = view.getUint32(at + 8, true) === BYTE_ORDER;
        if (
          !this.#littleEndian && view.getUint32(at + 8, false) !== BYTE_ORDER
        ) {
          throw new CaptureError(
            "a section whose byte order is not valid",
            queue.offset,
          );
        }
      }
      const type = view.getUint32(at, this.#littleEndian);
      const length = view.getUint32(at + 4, this.#littleEndian);
      if (length < SMALLEST_BLOCK || length > LONGEST_BLOCK) {
        throw new CaptureError(
          `a block with the impossible length of ${length} bytes`,
          queue.offset,
        );
      }
      // The first programs that wrote pcapng did not count the padding in the length.
      const padded = length + (-length & 3);
      if (queue.available < padded) break;
      const packet = this.#readBlock(
        isSection ? SECTION : type,
        at + 8,
        at + padded - 4,
      );
      queue.at = at + padded;
      if (packet !== undefined) yield packet;
    }
    queue.keep();
  }

  end(): string | undefined {
    const { available, offset } = this.#queue;
    return available > 0
      ? `the block at offset ${offset} is cut off after ${available} bytes`
      : undefined;
  }

  takeSecrets(): string | undefined {
    const secrets = this.#secrets;
    this.#secrets = "";
    return secrets === "" ? undefined : secrets;
  }

  #readBlock(type: number, body: number, end: number): Packet | undefined {
    const { view, bytes } = this.#queue;
    const littleEndian = this.#littleEndian;
    switch (type) {
      case SECTION:
        this.#interfaces = [];
        return undefined;
      case INTERFACE:
        this.#need(body, end, 8);
        this.#interfaces.push(
          readInterface(view, body, end, littleEndian),
        );
        return undefined;
      case ENHANCED_PACKET:
      case OLD_PACKET: {
        this.#need(body, end, 20);
        const from = this.#interface(
          type === OLD_PACKET
            ? view.getUint16(body, littleEndian)
            : view.getUint32(body, littleEndian),
        );
        const kept = view.getUint32(body + 12, littleEndian);
        this.#need(body, end, 20 + kept);
        const units = view.getUint32(body + 4, littleEndian) * 2 ** 32 +
          view.getUint32(body + 8, littleEndian);
        return {
          time: units / from.unitsPerMs + from.offset,
          linkType: from.linkType,
          data: bytes.subarray(body + 20, body + 20 + kept),
          isCut: view.getUint32(body + 16, littleEndian) > kept,
        };
      }
      case SIMPLE_PACKET: {
        this.#need(body, end, 4);
        const { linkType, snapLength } = this.#interface(0);
        // The block does not say how much was captured, and ends with padding.
        const original = view.getUint32(body, littleEndian);
        const kept = Math.min(
          original,
          snapLength || Infinity,
          end - body - 4,
        );
        return {
          time: 0,
          linkType,
          data: bytes.subarray(body + 4, body + 4 + kept),
          isCut: original > kept,
        };
      }
      case SECRETS: {
        this.#need(body, end, 8);
        const length = view.getUint32(body + 4, littleEndian);
        this.#need(body, end, 8 + length);
        if (view.getUint32(body, littleEndian) === TLS_KEY_LOG) {
          this.#secrets += TEXT.decode(
            bytes.subarray(body + 8, body + 8 + length),
          );
        }
        return undefined;
      }
      default:
        return undefined;
    }
  }

  #need(body: number, end: number, length: number): void {
    if (end - body < length) {
      throw new CaptureError(
        `a block with ${
          end - body
        } bytes, but its type needs at least ${length}`,
        this.#queue.offset,
      );
    }
  }

  #interface(index: number): Interface {
    const found = this.#interfaces[index];
    if (found === undefined) {
      throw new CaptureError(
        `a packet of interface ${index}, which no block describes`,
        this.#queue.offset,
      );
    }
    return found;
  }
}

function readInterface(
  view: DataView,
  body: number,
  end: number,
  littleEndian: boolean,
): Interface {
  // Microseconds, unless an option specifies another resolution.
  let unitsPerMs = 1000;
  let offset = 0;
  for (let at = body + 8; at + 4 <= end;) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === 0 || at + 4 + length > end) break;
    if (code === OPTION_TIME_RESOLUTION && length === 1) {
      const resolution = view.getUint8(at + 4);
      const exponent = resolution & 0x7f;
      unitsPerMs = (resolution & 0x80 ? 2 ** exponent : 10 ** exponent) / 1000;
    } else if (code === OPTION_TIME_OFFSET && length === 8) {
      offset = Number(view.getBigInt64(at + 4, littleEndian)) * 1000;
    }
    at += 4 + length + (-length & 3);
  }
  return {
    linkType: view.getUint16(body, littleEndian),
    snapLength: view.getUint32(body + 4, littleEndian),
    unitsPerMs,
    offset,
  };
}

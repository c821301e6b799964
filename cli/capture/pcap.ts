/**
 * The two file formats of packet captures: pcap, which tcpdump writes, and
 * pcapng, which tshark and Wireshark write.
 *
 * @module
 */

/** One captured packet. */
export interface Packet {
  /** Time of capture, ms since 1970. */
  readonly time: number;
  /** What the bytes begin with: a `LINKTYPE_*` number of the pcap registry. */
  readonly linkType: number;
  /** The bytes that were kept. */
  readonly data: Uint8Array;
  /** Bytes that were on the wire; more than `data` when the capture cut the packet. */
  readonly originalLength: number;
}

/** A capture file breaks its format. */
export class CaptureError extends Error {
  /** Offset in the file, bytes. */
  readonly offset: number;

  /** Makes an error that names the offset. */
  constructor(message: string, offset: number) {
    super(`${message} at offset ${offset}`);
    this.name = "CaptureError";
    this.offset = offset;
  }
}

const PCAP_MICROSECONDS = 0xa1b2c3d4;
const PCAP_NANOSECONDS = 0xa1b23c4d;
const PCAPNG_SECTION = 0x0a0d0d0a;
const PCAPNG_BYTE_ORDER = 0x1a2b3c4d;
const PCAPNG_INTERFACE = 1;
const PCAPNG_SIMPLE_PACKET = 3;
const PCAPNG_ENHANCED_PACKET = 6;
const PCAPNG_OPTION_TIME_RESOLUTION = 9;

/** Whether the bytes begin as a pcap or pcapng file does. */
export function isCapture(bytes: Uint8Array): boolean {
  return bytes.length >= 4 &&
    (isPcapng(bytes) || pcapOrder(bytes) !== undefined);
}

/** Reads the packets of a pcap or pcapng file. Throws {@linkcode CaptureError}. */
export function readPackets(bytes: Uint8Array): Packet[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [
    ...(isPcapng(bytes) ? readPcapng(bytes, view) : readPcap(bytes, view)),
  ];
}

function isPcapng(bytes: Uint8Array): boolean {
  return bytes[0] === 0x0a && bytes[1] === 0x0d && bytes[2] === 0x0d &&
    bytes[3] === 0x0a;
}

interface PcapOrder {
  readonly littleEndian: boolean;
  readonly unitsPerMs: number;
}

function pcapOrder(bytes: Uint8Array): PcapOrder | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const littleEndian of [true, false]) {
    const magic = view.getUint32(0, littleEndian);
    if (magic === PCAP_MICROSECONDS) return { littleEndian, unitsPerMs: 1e3 };
    if (magic === PCAP_NANOSECONDS) return { littleEndian, unitsPerMs: 1e6 };
  }
  return undefined;
}

/** Head of 24 bytes, then per packet 16 bytes of head and its data. */
function* readPcap(bytes: Uint8Array, view: DataView): Generator<Packet> {
  const order = pcapOrder(bytes);
  if (order === undefined) throw new CaptureError("not a pcap file", 0);
  if (bytes.length < 24) {
    throw new CaptureError("pcap head cut short", bytes.length);
  }
  const { littleEndian, unitsPerMs } = order;
  const linkType = view.getUint32(20, littleEndian) & 0xffff;
  let offset = 24;
  while (offset < bytes.length) {
    if (offset + 16 > bytes.length) {
      throw new CaptureError("packet head cut short", offset);
    }
    const length = view.getUint32(offset + 8, littleEndian);
    const begin = offset + 16;
    if (length > bytes.length - begin) {
      throw new CaptureError(`packet of ${length} bytes cut short`, offset);
    }
    yield {
      time: view.getUint32(offset, littleEndian) * 1000 +
        view.getUint32(offset + 4, littleEndian) / unitsPerMs,
      linkType,
      data: bytes.subarray(begin, begin + length),
      originalLength: view.getUint32(offset + 12, littleEndian),
    };
    offset = begin + length;
  }
}

interface Interface {
  readonly linkType: number;
  readonly unitsPerMs: number;
}

/** Blocks of type, length, body, length again; the byte order is each section's own. */
function* readPcapng(bytes: Uint8Array, view: DataView): Generator<Packet> {
  let littleEndian = true;
  let interfaces: Interface[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 12 > bytes.length) {
      throw new CaptureError("block cut short", offset);
    }
    const section = view.getUint32(offset, true) === PCAPNG_SECTION;
    if (section) {
      littleEndian = view.getUint32(offset + 8, true) === PCAPNG_BYTE_ORDER;
      interfaces = [];
    }
    const type = view.getUint32(offset, littleEndian);
    const length = view.getUint32(offset + 4, littleEndian);
    if (length < 12 || length % 4 !== 0 || length > bytes.length - offset) {
      throw new CaptureError(`block of ${length} bytes`, offset);
    }
    const body = offset + 8;
    const end = offset + length - 4;
    if (!section && type === PCAPNG_INTERFACE) {
      if (end - body < 8) {
        throw new CaptureError("interface block cut short", offset);
      }
      interfaces.push({
        linkType: view.getUint16(body, littleEndian),
        unitsPerMs: timeUnits(view, body + 8, end, littleEndian),
      });
    } else if (!section && type === PCAPNG_ENHANCED_PACKET) {
      if (end - body < 20) {
        throw new CaptureError("packet block cut short", offset);
      }
      const from = interfaces[view.getUint32(body, littleEndian)];
      if (from === undefined) {
        throw new CaptureError(
          "packet of an interface that was not described",
          offset,
        );
      }
      const time = view.getUint32(body + 4, littleEndian) * 2 ** 32 +
        view.getUint32(body + 8, littleEndian);
      const kept = view.getUint32(body + 12, littleEndian);
      if (kept > end - body - 20) {
        throw new CaptureError(`packet of ${kept} bytes cut short`, offset);
      }
      yield {
        time: time / from.unitsPerMs,
        linkType: from.linkType,
        data: bytes.subarray(body + 20, body + 20 + kept),
        originalLength: view.getUint32(body + 16, littleEndian),
      };
    } else if (!section && type === PCAPNG_SIMPLE_PACKET) {
      if (interfaces.length === 0) {
        throw new CaptureError(
          "packet of an interface that was not described",
          offset,
        );
      }
      const originalLength = view.getUint32(body, littleEndian);
      const kept = Math.min(originalLength, end - body - 4);
      yield {
        time: 0,
        linkType: interfaces[0].linkType,
        data: bytes.subarray(body + 4, body + 4 + kept),
        originalLength,
      };
    }
    offset += length;
  }
}

/** Units of an interface's time stamps a millisecond; microseconds where no option says so. */
function timeUnits(
  view: DataView,
  begin: number,
  end: number,
  littleEndian: boolean,
): number {
  for (let at = begin; at + 4 <= end;) {
    const code = view.getUint16(at, littleEndian);
    const length = view.getUint16(at + 2, littleEndian);
    if (code === 0) break;
    if (
      code === PCAPNG_OPTION_TIME_RESOLUTION && length === 1 && at + 4 < end
    ) {
      const resolution = view.getUint8(at + 4);
      const exponent = resolution & 0x7f;
      return (resolution & 0x80 ? 2 ** exponent : 10 ** exponent) / 1000;
    }
    at += 4 + length + (-length & 3);
  }
  return 1000;
}

/**
 * Reassembles fragmented IP packets (RFC 791, RFC 8200 4.5).
 *
 * @module
 */

/** Most incomplete packets; a new one replaces the oldest. */
const MOST_PACKETS = 1024;
/** Longest packet, bytes. */
const LONGEST = 65535;
/** Most fragments of one packet; more are an attack. */
const MOST_FRAGMENTS = 8192;

interface Unfinished {
  readonly parts: { readonly begin: number; readonly bytes: Uint8Array }[];
  /** Length of the packet, known when its last fragment has arrived. */
  total: number | undefined;
  received: number;
}

/** The packets with missing fragments. */
export class Fragments {
  readonly #packets = new Map<string, Unfinished>();

  /** Adds a fragment; returns the whole payload if no fragment is missing. */
  add(
    key: string,
    begin: number,
    bytes: Uint8Array,
    isLast: boolean,
  ): Uint8Array | undefined {
    if (begin + bytes.length > LONGEST) return undefined;
    let packet = this.#packets.get(key);
    if (packet === undefined) {
      packet = { parts: [], total: undefined, received: 0 };
      this.#packets.set(key, packet);
      if (this.#packets.size > MOST_PACKETS) {
        for (const oldest of this.#packets.keys()) {
          this.#packets.delete(oldest);
          break;
        }
      }
    }
    if (
      packet.parts.length >= MOST_FRAGMENTS || packet.received > 2 * LONGEST
    ) return undefined;
    packet.parts.push({ begin, bytes: bytes.slice() });
    packet.received += bytes.length;
    if (isLast) packet.total = begin + bytes.length;
    if (packet.total === undefined || packet.received < packet.total) {
      return undefined;
    }
    const whole = join(packet, packet.total);
    if (whole !== undefined) this.#packets.delete(key);
    return whole;
  }
}

function join({ parts }: Unfinished, total: number): Uint8Array | undefined {
  const whole = new Uint8Array(total);
  let end = 0;
  for (const { begin, bytes } of parts.toSorted((a, b) => a.begin - b.begin)) {
    // Fragments may contradict each other: bytes after the last fragment are ignored.
    if (begin >= total) break;
    if (begin > end) return undefined;
    whole.set(bytes.subarray(0, total - begin), begin);
    end = Math.max(end, begin + bytes.length);
  }
  return end >= total ? whole : undefined;
}

/**
 * The recordings of a real spdylay as captured connections.
 *
 * @module
 */

import { decodeHex } from "../deps.ts";
import { ipv4Packet, type SegmentSpec } from "./packets.ts";

interface Recording {
  readonly name: string;
  readonly version: string;
  readonly hex: { readonly client: string; readonly server: string };
}

/** A recording, as packets. */
export interface Talked {
  readonly name: string;
  readonly packets: readonly Uint8Array[];
}

const SERVER_PORT = 6121;
/** Bytes of a segment. */
const SEGMENT = 1000;

const recordings: Recording[] = JSON.parse(
  await Deno.readTextFile(
    new URL("../vectors/spdylay/conversations.json", import.meta.url),
  ),
);

/**
 * The recordings of these versions; both sides send in turns. Each recording has
 * a client port of its own.
 */
export function recordedTalks(versions: readonly string[]): Talked[] {
  return recordings.filter(({ version }) => versions.includes(version)).map(
    ({ name, version, hex }, index) => ({
      name: `${name} ${version}`,
      packets: packetsOf(
        50001 + index,
        decodeHex(hex.client),
        decodeHex(hex.server),
      ),
    }),
  );
}

function packetsOf(
  clientPort: number,
  client: Uint8Array,
  server: Uint8Array,
): Uint8Array[] {
  const sides = [
    { fromPort: clientPort, toPort: SERVER_PORT, bytes: client },
    { fromPort: SERVER_PORT, toPort: clientPort, bytes: server },
  ];
  const sent = [0, 0];
  const segments: SegmentSpec[] = sides.map(({ fromPort, toPort }, index) => ({
    fromPort,
    toPort,
    sequence: 1,
    syn: true,
    acknowledged: index === 0 ? undefined : 2,
  }));
  while (sides.some(({ bytes }, index) => sent[index] < bytes.length)) {
    sides.forEach(({ fromPort, toPort, bytes }, index) => {
      const part = bytes.subarray(sent[index], sent[index] + SEGMENT);
      if (part.length === 0) return;
      segments.push({
        fromPort,
        toPort,
        sequence: 2 + sent[index],
        acknowledged: 2 + sent[1 - index],
        bytes: part,
      });
      sent[index] += part.length;
    });
  }
  return segments.map(ipv4Packet);
}

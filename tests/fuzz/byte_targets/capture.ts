import { CaptureError } from "../../../capture/mod.ts";
import { isPcap } from "../../../capture/pcap.ts";
import { isPcapng } from "../../../capture/pcapng.ts";
import { recordJson } from "../../../cli/decode/json.ts";
import { assertEquals, concat, encodeHex } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import {
  ethernet,
  ipv4Packet,
  ipv6Packet,
  pcapFile,
  pcapngFile,
} from "../../capture/packets.ts";
import { read, type Reading } from "../../capture/reading.ts";
import { type ByteTarget, Choices, piecesOf } from "../byte_target.ts";
import { madeUpFrames } from "../targets/wire.ts";

const PORTS = { fromPort: 5000, toPort: 6121 };

/** What is read from the pieces of a file, or the error. */
async function outcome(
  pieces: readonly Uint8Array[],
): Promise<Reading | string> {
  try {
    return await read([pieces]);
  } catch (error) {
    if (error instanceof CaptureError) return error.message;
    throw error;
  }
}

/**
 * A capture is read, or refused with a CaptureError, and the result does not
 * depend on how its bytes arrive.
 */
export const captureTarget: ByteTarget = {
  name: "capture",
  property:
    "a capture is read or refused with a CaptureError; pcap and pcapng the same in pieces of any size",
  sources: ["capture/", "cli/decode/json.ts", "frame/frame_text.ts"],
  words: [
    Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1),
    Uint8Array.of(0x0a, 0x0d, 0x0d, 0x0a),
    Uint8Array.of(0x4d, 0x3c, 0x2b, 0x1a),
    Uint8Array.of(0, 0, 0, 1),
    Uint8Array.of(0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x80, 3, 0, 1, 0, 0, 0, 10),
  ],
  seeds: () => {
    const random = new Random(83);
    const frames = madeUpFrames(random, 4).subarray(0, 300);
    const packets = [
      ipv4Packet({ ...PORTS, sequence: 0, syn: true }),
      ipv4Packet({ ...PORTS, sequence: 1, bytes: frames.subarray(0, 100) }),
      ipv4Packet({ ...PORTS, sequence: 101, bytes: frames.subarray(100) }),
    ];
    const six = [ipv6Packet({ ...PORTS, sequence: 1, bytes: frames })];
    const files = [
      frames,
      new TextEncoder().encode(encodeHex(frames.subarray(0, 60))),
      pcapFile({ linkType: 101, packets }),
      pcapFile({ linkType: 1, packets: six.map((one) => ethernet(one)) }),
      pcapngFile(101, packets),
    ];
    return files.map((file) =>
      concat([Uint8Array.of(50), Uint8Array.from(file)])
    );
  },
  async run(input) {
    const choices = new Choices(input);
    const size = 1 + choices.below(256);
    const bytes = choices.rest();
    const whole = await outcome([bytes]);
    const cut = await outcome([...piecesOf(bytes, size)]);
    // The content of raw bytes is guessed from those that have arrived.
    if (bytes.length >= 8 && (isPcap(bytes) || isPcapng(bytes))) {
      assertEquals(cut, whole);
    }
    if (typeof whole === "string") return;
    for (const record of whole.records) recordJson(record);
  },
};

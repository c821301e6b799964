import { assert, assertEquals } from "../deps.ts";
import {
  DATA,
  ERR_FRAME_TOO_LARGE,
  ERR_INVALID_HEADER_BLOCK,
  ERR_UNSUPPORTED_VERSION,
  FrameDecoder,
  FrameEncoder,
  type FrameLimits,
  type ProtocolVersion,
} from "../../frame/mod.ts";
import {
  bytesOf,
  decodeAll,
  drain,
  ensure,
  expectedFrame,
  type Outcome,
  readRecordings,
  type RecordedFrame,
  type Recording,
  SPDYLAY_LIMITS,
  versionOf,
} from "./recordings.ts";

/** One direction of a recording: its bytes and its frames. */
interface Stream {
  readonly name: string;
  readonly version: ProtocolVersion;
  readonly bytes: Uint8Array;
  readonly frames: readonly RecordedFrame[];
}

/**
 * spdylay sends control characters in values, but all receivers, including
 * spdylay, refuse them.
 */
const REFUSED_ON_RECEIPT = "syn_stream/value_control_chars_are_sent";
/** spdylay writes a length of 70000 into 16 bits. */
const BROKEN_ON_SEND = "syn_reply/value_longer_than_65535";

function streamsOf(file: string): Stream[] {
  return readRecordings(file).flatMap((recording) => {
    const { name, hex, frames } = recording;
    const version = versionOf(recording);
    if (typeof hex === "string") {
      ensure(Array.isArray(frames), name);
      return [{ name, version, bytes: bytesOf(hex), frames }];
    }
    ensure(!Array.isArray(frames), name);
    return [
      {
        name: `${name} client`,
        version,
        bytes: bytesOf(hex.client),
        frames: frames.client,
      },
      {
        name: `${name} server`,
        version,
        bytes: bytesOf(hex.server),
        frames: frames.server,
      },
    ];
  });
}

/** Of DATA above 64 bytes, only the size was recorded. */
function withoutLongData(outcome: Outcome): Outcome {
  return "data" in outcome && outcome.data.length > 64
    ? { ...outcome, data: new Uint8Array(0) }
    : outcome;
}

function expectedOutcomes(stream: Stream): Outcome[] {
  return stream.frames
    .filter(({ kind }) => kind !== "incomplete")
    .map((frame) => expectedFrame(frame, stream.version));
}

const FILES = [
  "frames-spdy2",
  "frames-spdy3",
  "frames-spdy31",
  "conversations",
  "scheduling",
];

for (const file of FILES) {
  const streams = streamsOf(file).filter(({ name }) =>
    name !== REFUSED_ON_RECEIPT && name !== BROKEN_ON_SEND
  );

  Deno.test(`recording ${file}: every frame has its fields`, () => {
    for (const stream of streams) {
      assertEquals(
        decodeAll(stream.version, stream.bytes).map(withoutLongData),
        expectedOutcomes(stream),
        stream.name,
      );
    }
  });

  Deno.test(`recording ${file}: reading it byte by byte gives the same frames`, () => {
    for (const { name, version, bytes } of streams) {
      assertEquals(
        decodeAll(version, bytes, 1),
        decodeAll(version, bytes),
        name,
      );
    }
  });

  Deno.test(`recording ${file}: cut at any byte, reading continues there`, () => {
    for (const { name, version, bytes } of streams) {
      const whole = decodeAll(version, bytes);
      // Every byte of short recordings; 500 positions and the end of long ones.
      const stride = Math.max(1, Math.floor(bytes.length / 500));
      for (let cut = 0; cut < bytes.length; cut += stride) {
        const decoder = new FrameDecoder(version, SPDYLAY_LIMITS);
        decoder.push(bytes.subarray(0, cut));
        const begin = drain(decoder);
        // Exactly the frames that have arrived completely are returned.
        assert(begin.length < whole.length, `${name} cut at ${cut}`);
        assertEquals(begin, whole.slice(0, begin.length));
        decoder.push(bytes.subarray(cut));
        assertEquals([...begin, ...drain(decoder)].length, whole.length);
      }
    }
  });

  Deno.test(`recording ${file}: encoding it again gives the same bytes`, () => {
    for (const { name, version, bytes } of streams) {
      const frames = decodeAll(version, bytes);
      const encoder = new FrameEncoder(version, { headerCompression: "none" });
      const again: Uint8Array[] = [];
      let offset = 0;
      for (const frame of frames) {
        ensure(!("error" in frame), name);
        const encoded = encoder.encode(frame);
        again.push(encoded);
        const size = 8 +
          (frame.frameType === DATA ? frame.data.length : frame.length);
        if (!("nv" in frame)) {
          assertEquals(encoded, bytes.slice(offset, offset + size), name);
        }
        offset += size;
      }
      const decoder = new FrameDecoder(version, SPDYLAY_LIMITS);
      again.forEach((encoded) => decoder.push(encoded));
      assertEquals(
        drain(decoder).map(withoutBlockLength),
        frames.map(withoutBlockLength),
        name,
      );
    }
  });
}

/** The length of a compressed block depends on the compressor. */
function withoutBlockLength(outcome: Outcome): Outcome {
  return "nv" in outcome ? { ...outcome, length: 0 } : outcome;
}

Deno.test("control characters in a received value are refused", () => {
  for (const file of FILES) {
    for (const { name, version, bytes } of streamsOf(file)) {
      if (name !== REFUSED_ON_RECEIPT) continue;
      const outcomes = decodeAll(version, bytes);
      assertEquals(codesOf(outcomes)[0], ERR_INVALID_HEADER_BLOCK);
    }
  }
});

/** Codes of the errors that the frame layer should find in an invalid input. */
function expectedCodes(recording: Recording): number[] {
  // spdylay crashes on these; here, the error must say what is wrong.
  if (recording.result.crash !== undefined) return [ERR_UNSUPPORTED_VERSION];
  const codes: number[] = [];
  for (const event of recording.result.events ?? []) {
    if (event.callback === "on_ctrl_recv_parse_error") {
      codes.push(event.error_code ?? 0);
    } else if (event.callback === "on_invalid_ctrl_recv") {
      if (event.status_code === 11) codes.push(ERR_FRAME_TOO_LARGE);
      else if (recording.name.startsWith("header_block/")) {
        codes.push(ERR_INVALID_HEADER_BLOCK);
      }
    }
  }
  return codes;
}

function limitsOf(recording: Recording): FrameLimits {
  for (const { call, option, value } of recording.setup) {
    if (call === "set_option" && option === "MAX_RECV_CTRL_FRAME_BUFFER") {
      return { maxControlFrameLength: value, maxHeaderBlock: value };
    }
  }
  return {
    ...SPDYLAY_LIMITS,
    maxControlFrameLength: 0xffffff,
    maxHeaderBlock: 0xffffff,
  };
}

function codesOf(outcomes: Outcome[]): number[] {
  return outcomes.flatMap((outcome) => "code" in outcome ? [outcome.code] : []);
}

Deno.test("recording invalid: the errors are spdylay's, and reading continues", () => {
  for (const recording of readRecordings("invalid")) {
    const { name, setup } = recording;
    ensure(typeof recording.hex === "string", recording.name);
    const input = bytesOf(recording.hex);
    const label = `${name} in version ${recording.version}`;
    const sizes = input.length > 10_000 ? [input.length, 1000] : [
      input.length,
      1,
    ];
    for (const size of sizes) {
      const decoder = new FrameDecoder(
        versionOf(recording),
        limitsOf(recording),
      );
      for (const { call, hex } of setup) {
        if (call === "recv") decoder.push(bytesOf(hex ?? ""));
      }
      assertEquals(codesOf(drain(decoder)), [], `${label}: setup`);
      for (let at = 0; at < input.length; at += size) {
        decoder.push(input.subarray(at, at + size));
      }
      const codes = codesOf(drain(decoder));
      // After its end, a session continues to parse; a decoder does not.
      const expected = expectedCodes(recording);
      assertEquals(codes, expected.slice(0, Math.max(1, codes.length)), label);
    }
  }
});

Deno.test("recording invalid: header compression stays in step after a refused block", () => {
  let counted = 0;
  for (const recording of readRecordings("invalid")) {
    const { followup, name } = recording;
    const [event] = followup?.events ?? [];
    if (event?.headers === undefined || event.headers === null) continue;
    const decoder = new FrameDecoder(versionOf(recording), limitsOf(recording));
    for (const { call, hex } of recording.setup) {
      if (call === "recv") decoder.push(bytesOf(hex ?? ""));
    }
    ensure(typeof recording.hex === "string", recording.name);
    decoder.push(bytesOf(recording.hex));
    drain(decoder);
    decoder.push(bytesOf(followup?.input ?? ""));
    const [frame] = drain(decoder);
    ensure(frame !== undefined && "nv" in frame, name);
    assertEquals(frame.nv, event.headers, name);
    counted++;
  }
  assert(counted > 100, `only ${counted} recordings had a follow-up`);
});

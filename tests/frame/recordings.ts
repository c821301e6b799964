/**
 * The parts of the recordings in `tests/vectors/spdylay` that the frame tests
 * read, and what a decoder returns for their bytes.
 *
 * @module
 */

import {
  DATA,
  FrameDecoder,
  type FrameLimits,
  GOAWAY,
  HEADERS,
  type NameValue,
  PING,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  RST_STREAM,
  SETTINGS,
  SpdyError,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../frame/mod.ts";
import type { Frame } from "../../frame/mod.ts";

/** A string in a recording: text, bytes that are not UTF-8, or a repetition. */
export type RecordedText =
  | string
  | { readonly hex: string }
  | { readonly repeat: string; readonly length: number };

/** A frame as an independent decoder read it. */
export interface RecordedFrame {
  readonly kind: "control" | "data" | "incomplete";
  readonly offset: number;
  readonly size: number;
  readonly type: string;
  readonly version?: number;
  readonly flags: number;
  readonly length: number;
  readonly stream_id?: number;
  readonly assoc_stream_id?: number;
  readonly priority?: number;
  readonly slot?: number;
  readonly status_code?: number;
  readonly unique_id?: number;
  readonly last_good_stream_id?: number;
  readonly delta_window_size?: number;
  readonly entries?: readonly {
    readonly id: number;
    readonly flags: number;
    readonly value: number;
  }[];
  readonly headers?: readonly (readonly [RecordedText, RecordedText])[];
  readonly data?: string;
}

/** A callback of the recorded session. */
export interface RecordedEvent {
  readonly callback: string;
  readonly type?: string;
  readonly head?: string;
  readonly payload_length?: number;
  readonly error_code?: number;
  readonly status_code?: number;
  readonly stream_id?: number;
  readonly headers?: readonly (readonly [RecordedText, RecordedText])[] | null;
}

/** One case of a recording. Its fields depend on the file. */
export interface Recording {
  readonly name: string;
  readonly version: "2" | "3" | "3.1";
  readonly hex: string | { readonly client: string; readonly server: string };
  readonly frames: RecordedFrame[] | {
    readonly client: RecordedFrame[];
    readonly server: RecordedFrame[];
  };
  readonly setup: readonly {
    readonly call: string;
    readonly hex?: string;
    readonly option?: string;
    readonly value?: number;
  }[];
  readonly result: {
    readonly crash?: unknown;
    readonly events?: readonly RecordedEvent[];
  };
  readonly followup?: {
    readonly input: string;
    readonly events: readonly RecordedEvent[];
  };
}

/** `assert` that also narrows types when the standard library has none. */
export function ensure(condition: unknown, message = ""): asserts condition {
  if (!condition) {
    throw new Error(`a condition of the test does not hold: ${message}`);
  }
}

/** The cases of one file. */
export function readRecordings(file: string): Recording[] {
  const url = new URL(`../vectors/spdylay/${file}.json`, import.meta.url);
  return JSON.parse(Deno.readTextFileSync(url));
}

/** Our number for a recorded version. */
export function versionOf(recording: Recording): ProtocolVersion {
  switch (recording.version) {
    case "2":
      return PROTO_SPDY2;
    case "3":
      return PROTO_SPDY3;
    case "3.1":
      return PROTO_SPDY3_1;
  }
}

/** The text as our decoder returns it. */
export function textOf(text: RecordedText): string {
  if (typeof text === "string") return text;
  if ("hex" in text) return new TextDecoder().decode(bytesOf(text.hex));
  return text.repeat.repeat(Math.ceil(text.length / text.repeat.length))
    .slice(0, text.length);
}

/** The bytes of hex digits; spaces between them are ignored. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(hex.replaceAll(/\s/g, ""));
}

/** Limits as large as spdylay's. */
export const SPDYLAY_LIMITS: FrameLimits = {
  maxControlFrameLength: 0xffffff,
  maxHeaderBlock: 0xffffff,
  maxHeaderValueLength: 0xffffff,
  maxHeaderCount: 0xffffff,
};

/** The result of a decoder: its frames, and the errors at their places. */
export type Outcome = Frame | { readonly error: string; readonly code: number };

/** Everything that `next` returns until there is nothing more, or until it fails for good. */
export function drain(decoder: FrameDecoder): Outcome[] {
  const outcomes: Outcome[] = [];
  let last: unknown;
  for (;;) {
    try {
      const frame = decoder.next();
      if (frame === undefined) return outcomes;
      outcomes.push(frame);
    } catch (error) {
      if (!(error instanceof SpdyError)) throw error;
      if (error === last) return outcomes;
      last = error;
      outcomes.push({ error: error.message, code: error.code });
    }
  }
}

/** Decodes bytes that arrive in pieces of `size`. */
export function decodeAll(
  version: ProtocolVersion,
  bytes: Uint8Array,
  size: number = bytes.length,
  limits: FrameLimits = SPDYLAY_LIMITS,
): Outcome[] {
  const decoder = new FrameDecoder(version, limits);
  const outcomes: Outcome[] = [];
  for (let at = 0; at < bytes.length; at += Math.max(1, size)) {
    decoder.push(bytes.subarray(at, at + Math.max(1, size)));
    outcomes.push(...drain(decoder));
  }
  return withoutRepeatedFailure(outcomes);
}

/** A failed decoder throws at every `next`; once is enough here. */
function withoutRepeatedFailure(outcomes: Outcome[]): Outcome[] {
  return outcomes.filter((outcome, index) =>
    index === 0 || !("error" in outcome) ||
    JSON.stringify(outcome) !== JSON.stringify(outcomes[index - 1])
  );
}

/** The recorded frame as our decoder should return it. */
export function expectedFrame(
  recorded: RecordedFrame,
  version: ProtocolVersion,
): Frame {
  const base = {
    version: version === PROTO_SPDY2 ? 2 : 3,
    flags: recorded.flags,
    length: recorded.length,
  };
  const streamId = recorded.stream_id ?? -1;
  const nv = listOf(recorded.headers ?? [], version);
  switch (recorded.type) {
    case "SYN_STREAM":
      return {
        frameType: SYN_STREAM,
        ...base,
        streamId,
        assocStreamId: recorded.assoc_stream_id ?? -1,
        pri: recorded.priority ?? -1,
        slot: recorded.slot ?? 0,
        nv,
      };
    case "SYN_REPLY":
      return { frameType: SYN_REPLY, ...base, streamId, nv };
    case "HEADERS":
      return { frameType: HEADERS, ...base, streamId, nv };
    case "RST_STREAM":
      return {
        frameType: RST_STREAM,
        ...base,
        streamId,
        statusCode: recorded.status_code ?? -1,
      };
    case "SETTINGS":
      return {
        frameType: SETTINGS,
        ...base,
        iv: (recorded.entries ?? []).map((
          { id, flags, value },
        ) => [id, flags, value]),
      };
    case "PING":
      return { frameType: PING, ...base, uniqueId: recorded.unique_id ?? -1 };
    case "GOAWAY":
      return {
        frameType: GOAWAY,
        ...base,
        lastGoodStreamId: recorded.last_good_stream_id ?? -1,
        statusCode: recorded.status_code ?? 0,
      };
    case "WINDOW_UPDATE":
      return {
        frameType: WINDOW_UPDATE,
        ...base,
        streamId,
        deltaWindowSize: recorded.delta_window_size ?? -1,
      };
    case "DATA":
      return {
        frameType: DATA,
        streamId,
        flags: recorded.flags,
        data: bytesOf(recorded.data ?? ""),
      };
    default:
      throw new Error(`no frame is called ${recorded.type}`);
  }
}

const SPDY2_NAMES: Readonly<Record<string, string>> = {
  host: ":host",
  method: ":method",
  url: ":path",
  scheme: ":scheme",
  status: ":status",
  version: ":version",
};

/** Wire headers as the application sees them: split at NUL, sorted by wire name, SPDY/2 names put back. */
function listOf(
  headers: readonly (readonly [RecordedText, RecordedText])[],
  version: ProtocolVersion,
): NameValue[] {
  return headers
    .map(([name, value]) => [textOf(name), textOf(value)] as const)
    .toSorted(([left], [right]) => left < right ? -1 : Number(left > right))
    .flatMap(([name, value]) =>
      value.split("\0").map((part): NameValue => [
        version === PROTO_SPDY2 ? SPDY2_NAMES[name] ?? name : name,
        part,
      ])
    );
}

/**
 * One line for a frame, for people to read.
 *
 * @module
 */

import { bold, dim } from "../deps.ts";
import {
  DATA,
  GOAWAY,
  HEADERS,
  type NameValue,
  PING,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  type TracedFrame,
  WINDOW_UPDATE,
} from "../mod.ts";

const SETTING_NAMES = [
  "",
  "UPLOAD_BANDWIDTH",
  "DOWNLOAD_BANDWIDTH",
  "ROUND_TRIP_TIME",
  "MAX_CONCURRENT_STREAMS",
  "CURRENT_CWND",
  "DOWNLOAD_RETRANS_RATE",
  "INITIAL_WINDOW_SIZE",
  "CLIENT_CERTIFICATE_VECTOR_SIZE",
];

/** The frame's name, stream, flags and what it says. */
export function describeFrame(frame: TracedFrame): string {
  switch (frame.frameType) {
    case DATA:
      return line("DATA", frame.streamId, frame.flags, `${frame.length} bytes`);
    case SYN_STREAM: {
      const belongs = frame.assocStreamId === 0
        ? ""
        : `for stream ${frame.assocStreamId} `;
      return line(
        "SYN_STREAM",
        frame.streamId,
        frame.flags,
        `pri ${frame.pri} ${belongs}${headers(frame.nv)}`,
      );
    }
    case SYN_REPLY:
      return line("SYN_REPLY", frame.streamId, frame.flags, headers(frame.nv));
    case HEADERS:
      return line("HEADERS", frame.streamId, frame.flags, headers(frame.nv));
    case RST_STREAM:
      return line(
        "RST_STREAM",
        frame.streamId,
        0,
        `status ${frame.statusCode}`,
      );
    case SETTINGS:
      return line(
        "SETTINGS",
        0,
        0,
        frame.iv.map(([id, , value]) => `${SETTING_NAMES[id] ?? id} ${value}`)
          .join(", "),
      );
    case PING:
      return line("PING", 0, 0, `id ${frame.uniqueId}`);
    case GOAWAY:
      return line(
        "GOAWAY",
        0,
        0,
        `last stream ${frame.lastGoodStreamId}, status ${frame.statusCode}`,
      );
    case WINDOW_UPDATE:
      return line(
        "WINDOW_UPDATE",
        frame.streamId,
        0,
        `+${frame.deltaWindowSize}`,
      );
  }
}

function line(
  name: string,
  streamId: number,
  flags: number,
  rest: string,
): string {
  const marks = [
    flags & 1 ? "FIN" : "",
    flags & 2 ? "UNIDIRECTIONAL" : "",
  ].filter((mark) => mark !== "").join(" ");
  const stream = streamId === 0 ? "  " : String(streamId).padStart(2);
  return `${bold(name.padEnd(13))} ${stream} ${marks}${marks && " "}${
    dim(rest)
  }`;
}

function headers(nv: NameValue[]): string {
  return nv.map(([name, value]) => `${name}=${value}`).join(" ");
}

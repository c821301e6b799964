/**
 * One line for a frame, for people to read.
 *
 * @module
 */

import { bold, dim } from "../deps.ts";
import { frameText } from "../frame/frame_text.ts";
import { DATA, type TracedFrame } from "../mod.ts";

/** The frame's name, stream, flags and content. */
export function describeFrame(frame: TracedFrame): string {
  const { type, streamId, flags, length, detail, headers = [] } = frameText(
    frame,
  );
  const pairs = headers.map(([name, value]) => `${name}=${value}`);
  const size = frame.frameType === DATA ? `${length} bytes` : "";
  const rest = [detail, size, ...pairs].filter((part) => part !== "").join(" ");
  return [
    bold(type.padEnd(13)),
    String(streamId || "").padStart(2),
    ...flags,
    dim(rest),
  ].join(" ");
}

/**
 * DATA, the sending direction (SPDY/3 draft 2.2.2). The receiving direction has no
 * frame value: the parser delivers the payload piece by piece.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import { checkBytes } from "../values.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { checkFlags, checkStreamId } from "./check.ts";
import { MAX_FRAME_LENGTH } from "./constants.ts";
import { FRAME_HEAD_LENGTH, writeDataHead } from "./frame_head.ts";
import type { DataFrame } from "./types.ts";

/** Appends the frame. Throws `InvalidArgumentError` before it writes anything. */
export function writeData(out: ByteWriter, frame: DataFrame): void {
  const { streamId, flags, data } = frame;
  checkStreamId(streamId);
  checkFlags(flags);
  checkBytes("data of a DATA frame", data);
  // The length has 24 bits (2.2.2).
  if (data.length > MAX_FRAME_LENGTH) {
    throw new InvalidArgumentError(
      `a DATA frame of ${data.length} bytes is longer than ${MAX_FRAME_LENGTH}`,
    );
  }
  out.reserve(FRAME_HEAD_LENGTH + data.length);
  writeDataHead(out, streamId, flags, data.length);
  out.append(data);
}

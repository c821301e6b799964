/**
 * Reads frames from bytes as they come, and tells a sink.
 *
 * @module
 */

import type { ProtocolVersion } from "./constants.ts";
import type { FrameLimits } from "./limits.ts";
import type { FrameSink } from "./sink.ts";

export type { FrameSink } from "./sink.ts";

/** Push parser for one direction of a connection. */
export class FrameParser {
  /** Makes a parser for frames of one direction. */
  constructor(
    _version: ProtocolVersion,
    _sink: FrameSink,
    _limits?: FrameLimits,
  ) {}

  /** Reads `chunk`, calling the sink in wire order. */
  push(_chunk: Uint8Array): void {}

  /** Discards the rest of this and all later input; may be called inside a sink call. */
  stop(): void {}
}

/**
 * The options that a connection to moby/spdystream needs.
 *
 * @module
 */

import type { ConnectionTuning } from "../../mod.ts";

/**
 * spdystream 0.5.1 has no windows: it sends no WINDOW_UPDATE and ignores ours.
 * Its server opens bidirectional streams, which a client refuses by default.
 */
export const SPDYSTREAM_TUNING: ConnectionTuning = {
  flowControl: false,
  acceptServerStreams: true,
  // It ignores SETTINGS, including our limit of 100: streams above it would be
  // refused.
  limits: { maxConcurrentStreams: 0x7fffffff },
};

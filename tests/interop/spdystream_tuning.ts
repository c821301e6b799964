/**
 * How a connection has to be set up towards moby/spdystream.
 *
 * @module
 */

import type { ConnectionTuning } from "../../mod.ts";

/**
 * spdystream 0.5.1 knows no windows: it sends no WINDOW_UPDATE and ignores ours.
 * Its server opens bidirectional streams, which a client otherwise refuses.
 */
export const SPDYSTREAM_TUNING: ConnectionTuning = {
  flowControl: false,
  acceptServerStreams: true,
  // It ignores SETTINGS, and with them our limit of 100: what goes beyond would be refused.
  limits: { maxConcurrentStreams: 0x7fffffff },
};

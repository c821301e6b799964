/**
 * The constants of the wire format: versions, frame types, flags, status codes,
 * SETTINGS ids. Names and values are those of the SPDY drafts and of spdylay.
 *
 * @module
 */

import { MAX_INT32 } from "../numbers.ts";

/**
 * SPDY/2.
 *
 * @category Constants
 */
export const PROTO_SPDY2: 2 = 2;
/**
 * SPDY/3.
 *
 * @category Constants
 */
export const PROTO_SPDY3: 3 = 3;
/**
 * SPDY/3.1: version 3 on the wire, with a flow-control window for the whole session.
 *
 * @category Constants
 */
export const PROTO_SPDY3_1: 4 = 4;
/**
 * One of {@linkcode PROTO_SPDY2}, {@linkcode PROTO_SPDY3}, {@linkcode PROTO_SPDY3_1}.
 *
 * @category Constants
 */
export type ProtocolVersion = 2 | 3 | 4;

/**
 * `frameType` of a DATA frame in this module; DATA has no type on the wire.
 *
 * @category Constants
 */
export const DATA: 0 = 0;
/**
 * Opens a stream (SPDY/3 draft 2.6.1).
 *
 * @category Constants
 */
export const SYN_STREAM: 1 = 1;
/**
 * Accepts a stream (2.6.2).
 *
 * @category Constants
 */
export const SYN_REPLY: 2 = 2;
/**
 * Ends a stream at once (2.6.3).
 *
 * @category Constants
 */
export const RST_STREAM: 3 = 3;
/**
 * Announces configuration values (2.6.4).
 *
 * @category Constants
 */
export const SETTINGS: 4 = 4;
/**
 * No operation, SPDY/2 only.
 *
 * @category Constants
 */
export const NOOP: 5 = 5;
/**
 * Measures the round trip (2.6.5).
 *
 * @category Constants
 */
export const PING: 6 = 6;
/**
 * Announces that the sender accepts no more streams (2.6.6).
 *
 * @category Constants
 */
export const GOAWAY: 7 = 7;
/**
 * Adds headers to a stream (2.6.7).
 *
 * @category Constants
 */
export const HEADERS: 8 = 8;
/**
 * Enlarges the flow-control window of the receiver of the frame (2.6.8); SPDY/3 and later.
 *
 * @category Constants
 */
export const WINDOW_UPDATE: 9 = 9;
/**
 * Carries a client certificate (2.6.9); recognised and ignored.
 *
 * @category Constants
 */
export const CREDENTIAL: 10 = 10;

/**
 * No flag on a control frame.
 *
 * @category Constants
 */
export const CTRL_FLAG_NONE = 0;
/**
 * The sender's half of the stream ends with this frame.
 *
 * @category Constants
 */
export const CTRL_FLAG_FIN = 1;
/**
 * SYN_STREAM only: the receiver's half of the stream is closed from the start.
 *
 * @category Constants
 */
export const CTRL_FLAG_UNIDIRECTIONAL = 2;
/**
 * No flag on a DATA frame.
 *
 * @category Constants
 */
export const DATA_FLAG_NONE = 0;
/**
 * The sender's half of the stream ends with this DATA frame.
 *
 * @category Constants
 */
export const DATA_FLAG_FIN = 1;

/**
 * Not an error; local only, invalid on the wire.
 *
 * @category Constants
 */
export const OK = 0;
/**
 * RST_STREAM status: a rule of the protocol was broken.
 *
 * @category Constants
 */
export const PROTOCOL_ERROR = 1;
/**
 * RST_STREAM status: a frame for a stream that is not active.
 *
 * @category Constants
 */
export const INVALID_STREAM = 2;
/**
 * RST_STREAM status: refused before any processing.
 *
 * @category Constants
 */
export const REFUSED_STREAM = 3;
/**
 * RST_STREAM status: the SPDY version is not supported.
 *
 * @category Constants
 */
export const UNSUPPORTED_VERSION = 4;
/**
 * RST_STREAM status: the stream is no longer needed.
 *
 * @category Constants
 */
export const CANCEL = 5;
/**
 * RST_STREAM status: the sender failed.
 *
 * @category Constants
 */
export const INTERNAL_ERROR = 6;
/**
 * RST_STREAM status: the flow-control window was overrun.
 *
 * @category Constants
 */
export const FLOW_CONTROL_ERROR = 7;
/**
 * RST_STREAM status: a second SYN_REPLY; SPDY/3 and later.
 *
 * @category Constants
 */
export const STREAM_IN_USE = 8;
/**
 * RST_STREAM status: a frame for a half-closed stream; SPDY/3 and later.
 *
 * @category Constants
 */
export const STREAM_ALREADY_CLOSED = 9;
/**
 * RST_STREAM status: wrong client certificate; SPDY/3 and later.
 *
 * @category Constants
 */
export const INVALID_CREDENTIALS = 10;
/**
 * RST_STREAM status: a frame too large for the receiver; SPDY/3 and later.
 *
 * @category Constants
 */
export const FRAME_TOO_LARGE = 11;

/**
 * GOAWAY status: no error.
 *
 * @category Constants
 */
export const GOAWAY_OK = 0;
/**
 * GOAWAY status: a rule of the protocol was broken.
 *
 * @category Constants
 */
export const GOAWAY_PROTOCOL_ERROR = 1;
/**
 * GOAWAY status: the sender failed. The draft has 11; spdylay and its peers send 2.
 *
 * @category Constants
 */
export const GOAWAY_INTERNAL_ERROR = 2;

/**
 * No flag on a SETTINGS frame.
 *
 * @category Constants
 */
export const FLAG_SETTINGS_NONE = 0;
/**
 * The receiver forgets persisted settings first.
 *
 * @category Constants
 */
export const FLAG_SETTINGS_CLEAR_SETTINGS = 1;
/**
 * SETTINGS id: expected upload bandwidth, kB/s.
 *
 * @category Constants
 */
export const SETTINGS_UPLOAD_BANDWIDTH = 1;
/**
 * SETTINGS id: expected download bandwidth, kB/s.
 *
 * @category Constants
 */
export const SETTINGS_DOWNLOAD_BANDWIDTH = 2;
/**
 * SETTINGS id: expected round-trip time, ms.
 *
 * @category Constants
 */
export const SETTINGS_ROUND_TRIP_TIME = 3;
/**
 * SETTINGS id: number of streams that the receiver of the frame may have open.
 *
 * @category Constants
 */
export const SETTINGS_MAX_CONCURRENT_STREAMS = 4;
/**
 * SETTINGS id: TCP congestion window, packets.
 *
 * @category Constants
 */
export const SETTINGS_CURRENT_CWND = 5;
/**
 * SETTINGS id: retransmitted bytes in percent.
 *
 * @category Constants
 */
export const SETTINGS_DOWNLOAD_RETRANS_RATE = 6;
/**
 * SETTINGS id: initial stream window, bytes; SPDY/3 and later.
 *
 * @category Constants
 */
export const SETTINGS_INITIAL_WINDOW_SIZE = 7;
/**
 * SETTINGS id: client certificate slots; SPDY/3 and later.
 *
 * @category Constants
 */
export const SETTINGS_CLIENT_CERTIFICATE_VECTOR_SIZE = 8;
/**
 * The highest known SETTINGS id.
 *
 * @category Constants
 */
export const SETTINGS_MAX = 8;
/**
 * No flag on a SETTINGS entry.
 *
 * @category Constants
 */
export const ID_FLAG_SETTINGS_NONE = 0;
/**
 * The receiver of the entry should persist it.
 *
 * @category Constants
 */
export const ID_FLAG_SETTINGS_PERSIST_VALUE = 1;
/**
 * The entry was persisted and is sent back.
 *
 * @category Constants
 */
export const ID_FLAG_SETTINGS_PERSISTED = 2;

/**
 * Streams that may be open before SETTINGS announces a limit: no limit.
 *
 * @category Constants
 */
export const INITIAL_MAX_CONCURRENT_STREAMS: 2147483647 = MAX_INT32;
/**
 * Flow-control window before SETTINGS, bytes.
 *
 * @category Constants
 */
export const INITIAL_WINDOW_SIZE = 65536;
/**
 * Largest stream id, 31 bits.
 *
 * @category Constants
 */
export const MAX_STREAM_ID: 2147483647 = MAX_INT32;
/**
 * Largest payload of a frame, bytes, 24 bits.
 *
 * @category Constants
 */
export const MAX_FRAME_LENGTH = 0xffffff;

/**
 * The constants of the wire format: versions, frame types, flags, status codes,
 * SETTINGS ids. Names and values are those of the SPDY drafts and of spdylay.
 *
 * @module
 */

/** SPDY/2. */
export const PROTO_SPDY2: 2 = 2;
/** SPDY/3. */
export const PROTO_SPDY3: 3 = 3;
/** SPDY/3.1: version 3 on the wire, with a flow-control window for the whole session. */
export const PROTO_SPDY3_1: 4 = 4;
/** One of {@linkcode PROTO_SPDY2}, {@linkcode PROTO_SPDY3}, {@linkcode PROTO_SPDY3_1}. */
export type ProtocolVersion = 2 | 3 | 4;

/** `frameType` of a DATA frame in this module; DATA has no type on the wire. */
export const DATA: 0 = 0;
/** Opens a stream (SPDY/3 draft 2.6.1). */
export const SYN_STREAM: 1 = 1;
/** Accepts a stream (2.6.2). */
export const SYN_REPLY: 2 = 2;
/** Ends a stream at once (2.6.3). */
export const RST_STREAM: 3 = 3;
/** Announces configuration values (2.6.4). */
export const SETTINGS: 4 = 4;
/** No operation, SPDY/2 only. */
export const NOOP: 5 = 5;
/** Measures the round trip (2.6.5). */
export const PING: 6 = 6;
/** Announces that the sender accepts no more streams (2.6.6). */
export const GOAWAY: 7 = 7;
/** Adds headers to a stream (2.6.7). */
export const HEADERS: 8 = 8;
/** Enlarges the flow-control window of the receiver of the frame (2.6.8); SPDY/3 and later. */
export const WINDOW_UPDATE: 9 = 9;
/** Carries a client certificate (2.6.9); recognised and ignored. */
export const CREDENTIAL: 10 = 10;

/** No flag on a control frame. */
export const CTRL_FLAG_NONE = 0;
/** The sender's half of the stream ends with this frame. */
export const CTRL_FLAG_FIN = 1;
/** SYN_STREAM only: the receiver's half of the stream is closed from the start. */
export const CTRL_FLAG_UNIDIRECTIONAL = 2;
/** No flag on a DATA frame. */
export const DATA_FLAG_NONE = 0;
/** The sender's half of the stream ends with this DATA frame. */
export const DATA_FLAG_FIN = 1;

/** Not an error; local only, invalid on the wire. */
export const OK = 0;
/** RST_STREAM status: a rule of the protocol was broken. */
export const PROTOCOL_ERROR = 1;
/** RST_STREAM status: a frame for a stream that is not active. */
export const INVALID_STREAM = 2;
/** RST_STREAM status: refused before any processing. */
export const REFUSED_STREAM = 3;
/** RST_STREAM status: the SPDY version is not supported. */
export const UNSUPPORTED_VERSION = 4;
/** RST_STREAM status: the stream is no longer needed. */
export const CANCEL = 5;
/** RST_STREAM status: the sender failed. */
export const INTERNAL_ERROR = 6;
/** RST_STREAM status: the flow-control window was overrun. */
export const FLOW_CONTROL_ERROR = 7;
/** RST_STREAM status: a second SYN_REPLY; SPDY/3 and later. */
export const STREAM_IN_USE = 8;
/** RST_STREAM status: a frame for a half-closed stream; SPDY/3 and later. */
export const STREAM_ALREADY_CLOSED = 9;
/** RST_STREAM status: wrong client certificate; SPDY/3 and later. */
export const INVALID_CREDENTIALS = 10;
/** RST_STREAM status: a frame too large for the receiver; SPDY/3 and later. */
export const FRAME_TOO_LARGE = 11;

/** GOAWAY status: no error. */
export const GOAWAY_OK = 0;
/** GOAWAY status: a rule of the protocol was broken. */
export const GOAWAY_PROTOCOL_ERROR = 1;
/** GOAWAY status: the sender failed. The draft has 11; spdylay and its peers send 2. */
export const GOAWAY_INTERNAL_ERROR = 2;

/** No flag on a SETTINGS frame. */
export const FLAG_SETTINGS_NONE = 0;
/** The receiver forgets persisted settings first. */
export const FLAG_SETTINGS_CLEAR_SETTINGS = 1;
/** SETTINGS id: expected upload bandwidth, kB/s. */
export const SETTINGS_UPLOAD_BANDWIDTH = 1;
/** SETTINGS id: expected download bandwidth, kB/s. */
export const SETTINGS_DOWNLOAD_BANDWIDTH = 2;
/** SETTINGS id: expected round-trip time, ms. */
export const SETTINGS_ROUND_TRIP_TIME = 3;
/** SETTINGS id: number of streams that the receiver of the frame may have open. */
export const SETTINGS_MAX_CONCURRENT_STREAMS = 4;
/** SETTINGS id: TCP congestion window, packets. */
export const SETTINGS_CURRENT_CWND = 5;
/** SETTINGS id: retransmitted bytes in percent. */
export const SETTINGS_DOWNLOAD_RETRANS_RATE = 6;
/** SETTINGS id: initial stream window, bytes; SPDY/3 and later. */
export const SETTINGS_INITIAL_WINDOW_SIZE = 7;
/** SETTINGS id: client certificate slots; SPDY/3 and later. */
export const SETTINGS_CLIENT_CERTIFICATE_VECTOR_SIZE = 8;
/** The highest known SETTINGS id. */
export const SETTINGS_MAX = 8;
/** No flag on a SETTINGS entry. */
export const ID_FLAG_SETTINGS_NONE = 0;
/** The receiver of the entry should persist it. */
export const ID_FLAG_SETTINGS_PERSIST_VALUE = 1;
/** The entry was persisted and is sent back. */
export const ID_FLAG_SETTINGS_PERSISTED = 2;

/** Streams that may be open before SETTINGS announces a limit: no limit. */
export const INITIAL_MAX_CONCURRENT_STREAMS = 0x7fffffff;
/** Flow-control window before SETTINGS, bytes. */
export const INITIAL_WINDOW_SIZE = 65536;
/** Largest stream id, 31 bits. */
export const MAX_STREAM_ID = 0x7fffffff;
/** Largest payload of a frame, bytes, 24 bits. */
export const MAX_FRAME_LENGTH = 0xffffff;

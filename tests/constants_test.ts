import * as spdy from "../mod.ts";
import { assertEquals } from "./deps.ts";

/** spdylay's numbers, written independently of the sources. */
const EXPECTED = {
  "sides and versions": {
    CLIENT: 1,
    SERVER: 2,
    PROTO_SPDY2: 2,
    PROTO_SPDY3: 3,
    PROTO_SPDY3_1: 4,
    READ_EOF: 1,
  },
  "frame types": {
    SYN_STREAM: 1,
    SYN_REPLY: 2,
    RST_STREAM: 3,
    SETTINGS: 4,
    NOOP: 5,
    PING: 6,
    GOAWAY: 7,
    HEADERS: 8,
    WINDOW_UPDATE: 9,
    CREDENTIAL: 10,
  },
  "flags": {
    CTRL_FLAG_NONE: 0,
    CTRL_FLAG_FIN: 1,
    CTRL_FLAG_UNIDIRECTIONAL: 2,
    DATA_FLAG_NONE: 0,
    DATA_FLAG_FIN: 1,
    FLAG_SETTINGS_NONE: 0,
    FLAG_SETTINGS_CLEAR_SETTINGS: 1,
    ID_FLAG_SETTINGS_NONE: 0,
    ID_FLAG_SETTINGS_PERSIST_VALUE: 1,
    ID_FLAG_SETTINGS_PERSISTED: 2,
  },
  "stream status codes": {
    OK: 0,
    PROTOCOL_ERROR: 1,
    INVALID_STREAM: 2,
    REFUSED_STREAM: 3,
    UNSUPPORTED_VERSION: 4,
    CANCEL: 5,
    INTERNAL_ERROR: 6,
    FLOW_CONTROL_ERROR: 7,
    STREAM_IN_USE: 8,
    STREAM_ALREADY_CLOSED: 9,
    INVALID_CREDENTIALS: 10,
    FRAME_TOO_LARGE: 11,
  },
  "GOAWAY status codes": {
    GOAWAY_OK: 0,
    GOAWAY_PROTOCOL_ERROR: 1,
    GOAWAY_INTERNAL_ERROR: 2,
  },
  "SETTINGS ids": {
    SETTINGS_UPLOAD_BANDWIDTH: 1,
    SETTINGS_DOWNLOAD_BANDWIDTH: 2,
    SETTINGS_ROUND_TRIP_TIME: 3,
    SETTINGS_MAX_CONCURRENT_STREAMS: 4,
    SETTINGS_CURRENT_CWND: 5,
    SETTINGS_DOWNLOAD_RETRANS_RATE: 6,
    SETTINGS_INITIAL_WINDOW_SIZE: 7,
    SETTINGS_CLIENT_CERTIFICATE_VECTOR_SIZE: 8,
    SETTINGS_MAX: 8,
  },
  "error codes": {
    ERR_INVALID_ARGUMENT: -501,
    ERR_ZLIB: -502,
    ERR_UNSUPPORTED_VERSION: -503,
    ERR_WOULDBLOCK: -504,
    ERR_PROTO: -505,
    ERR_INVALID_FRAME: -506,
    ERR_EOF: -507,
    ERR_DEFERRED: -508,
    ERR_STREAM_ID_NOT_AVAILABLE: -509,
    ERR_STREAM_CLOSED: -510,
    ERR_STREAM_CLOSING: -511,
    ERR_STREAM_SHUT_WR: -512,
    ERR_INVALID_STREAM_ID: -513,
    ERR_INVALID_STREAM_STATE: -514,
    ERR_DEFERRED_DATA_EXIST: -515,
    ERR_SYN_STREAM_NOT_ALLOWED: -516,
    ERR_GOAWAY_ALREADY_SENT: -517,
    ERR_INVALID_HEADER_BLOCK: -518,
    ERR_INVALID_STATE: -519,
    ERR_GZIP: -520,
    ERR_TEMPORAL_CALLBACK_FAILURE: -521,
    ERR_FRAME_TOO_LARGE: -522,
    ERR_FATAL: -900,
    ERR_NOMEM: -901,
    ERR_CALLBACK_FAILURE: -902,
  },
} as const;

for (const [group, values] of Object.entries(EXPECTED)) {
  Deno.test(`${group} have spdylay's numbers`, () => {
    for (const [name, value] of Object.entries(values)) {
      assertEquals(Reflect.get(spdy, name), value, name);
    }
  });
}

Deno.test("each kind of control frame keeps its fields when it is encoded and decoded", () => {
  const base = { version: 3, flags: 0 } as const;
  const nv: spdy.NameValue[] = [["name", "value"]];
  const synReply: spdy.SynReplyFrame = {
    ...base,
    length: 0,
    frameType: spdy.SYN_REPLY,
    streamId: 1,
    nv,
  };
  const headers: spdy.HeadersFrame = {
    ...base,
    length: 0,
    frameType: spdy.HEADERS,
    streamId: 1,
    nv,
  };
  const rstStream: spdy.RstStreamFrame = {
    ...base,
    length: 8,
    frameType: spdy.RST_STREAM,
    streamId: 1,
    statusCode: spdy.STREAM_ALREADY_CLOSED,
  };
  const settings: spdy.SettingsFrame = {
    ...base,
    length: 12,
    frameType: spdy.SETTINGS,
    iv: [[spdy.SETTINGS_UPLOAD_BANDWIDTH, spdy.ID_FLAG_SETTINGS_NONE, 1000]],
  };
  const ping: spdy.PingFrame = {
    ...base,
    length: 4,
    frameType: spdy.PING,
    uniqueId: 1,
  };
  const goaway: spdy.GoawayFrame = {
    ...base,
    length: 8,
    frameType: spdy.GOAWAY,
    lastGoodStreamId: 5,
    statusCode: spdy.GOAWAY_OK,
  };
  const windowUpdate: spdy.WindowUpdateFrame = {
    ...base,
    length: 8,
    frameType: spdy.WINDOW_UPDATE,
    streamId: 1,
    deltaWindowSize: 1,
  };
  const encoder = new spdy.FrameEncoder(spdy.PROTO_SPDY3);
  const decoder = new spdy.FrameDecoder(spdy.PROTO_SPDY3);
  for (
    const frame of [
      synReply,
      headers,
      rstStream,
      settings,
      ping,
      goaway,
      windowUpdate,
    ]
  ) {
    const bytes = encoder.encode(frame);
    decoder.push(bytes);
    assertEquals(decoder.next(), { ...frame, length: bytes.length - 8 });
  }
});

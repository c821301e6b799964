/**
 * Checks from a peer's first bytes whether it speaks SPDY.
 *
 * @module
 */

import { ERR_PROTO, SpdyError, UnsupportedVersionError } from "../errors.ts";
import {
  HEADERS,
  RST_STREAM,
  SYN_REPLY,
  WINDOW_UPDATE,
} from "../frame/constants.ts";
import type { ProtocolVersion } from "../frame/constants.ts";
import { readUint31 } from "../frame/byte_reader.ts";
import { frameName } from "../frame/names.ts";
import { versionTraits } from "../frame/version.ts";
import { SERVER, type Side } from "../session/constants.ts";

/** Length of a frame's head and the stream id after it, bytes. */
const ENOUGH = 12;
/** Number of bytes that are read to identify another protocol for the error. */
const MOST_TOLD = 24;

/**
 * Checks the first frame of a peer. It must be a control frame of the connection's
 * version. If it concerns a stream, or is a DATA frame, this side must have opened
 * that stream.
 *
 * For SPDY, an HTTP request looks like a DATA frame with "POST" as its stream id.
 * Without this check, that frame would be ignored, and frames in the body of the
 * request would be processed. So any web page, and any program that sends a body
 * chosen by others, could send SPDY requests to a server on the same machine.
 */
export class FirstFrame {
  readonly #side: Side;
  readonly #version: ProtocolVersion;
  readonly #seen = new Uint8Array(MOST_TOLD);
  #length = 0;
  /** Highest id of the streams that this side has opened. */
  #lastOwn = 0;

  /** Creates a check for the input of a connection of this side and version. */
  constructor(side: Side, version: ProtocolVersion) {
    this.#side = side;
    this.#version = version;
  }

  /** This side has opened a stream. */
  opened(streamId: number): void {
    this.#lastOwn = streamId;
  }

  /**
   * Checks the next bytes, before the session receives them: true when the first frame
   * is valid, false when more bytes are needed.
   *
   * Throws `SpdyError`, which describes what the bytes look like, if they cannot
   * begin a SPDY session.
   */
  take(data: Uint8Array): boolean {
    const begin = this.#length;
    const room = data.subarray(0, MOST_TOLD - begin);
    this.#seen.set(room, begin);
    this.#length += room.length;
    const verdict = this.#judge(this.#seen.subarray(0, this.#length));
    if (verdict === "wrong") throw this.#fault();
    return verdict === "fine";
  }

  #judge(bytes: Uint8Array): "fine" | "wrong" | "open" {
    if (bytes.length === 0) return "open";
    if ((bytes[0] & 0x80) === 0) {
      if (this.#lastOwn === 0) return "wrong";
      if (bytes.length < 4) return "open";
      return this.#isOwn(readUint31(bytes, 0)) ? "fine" : "wrong";
    }
    const { wireVersion } = versionTraits(this.#version);
    if (bytes[0] !== 0x80) return "wrong";
    if (bytes.length < 2) return "open";
    if (bytes[1] !== wireVersion) return "wrong";
    if (bytes.length < 4) return "open";
    switch (bytes[2] << 8 | bytes[3]) {
      case SYN_REPLY:
      case RST_STREAM:
      case HEADERS:
      case WINDOW_UPDATE: {
        if (bytes.length < ENOUGH) return "open";
        const streamId = readUint31(bytes, 8);
        const isWindow = bytes[3] === WINDOW_UPDATE;
        return isWindow && streamId === 0 || this.#isOwn(streamId)
          ? "fine"
          : "wrong";
      }
      default:
        return "fine";
    }
  }

  #isOwn(streamId: number): boolean {
    return streamId > 0 && streamId <= this.#lastOwn &&
      streamId % 2 === this.#lastOwn % 2;
  }

  #fault(): SpdyError {
    const { name, wireVersion } = versionTraits(this.#version);
    const peer = this.#side === SERVER ? "client" : "server";
    const bytes = this.#seen.subarray(0, this.#length);
    const other = bytes[1] === wireVersion ? undefined : otherVersion(bytes);
    if (other !== undefined) {
      return new UnsupportedVersionError(
        `the ${peer} speaks ${other}, but this side speaks ${name}: set the same \`version\` on both sides`,
        { initiator: "remote" },
      );
    }
    if (bytes[0] === 0x80 && bytes[1] === wireVersion) {
      return new SpdyError(
        `the ${peer} sent ${
          frameName(bytes[3])
        } first, for a stream that this side has not opened`,
        ERR_PROTO,
        { initiator: "remote" },
      );
    }
    const [what, advice] = describe(bytes);
    return new SpdyError(
      `the ${peer} does not speak ${name}: it began with ${what}${
        advice === "" ? "" : `; ${advice}`
      }`,
      ERR_PROTO,
      { initiator: "remote" },
    );
  }
}

/** The other SPDY version to which a control frame belongs. */
function otherVersion(bytes: Uint8Array): string | undefined {
  if (bytes.length < 2 || bytes[0] !== 0x80) return undefined;
  if (bytes[1] === 2) return "SPDY/2";
  if (bytes[1] === 3) return "SPDY/3 or SPDY/3.1";
  return undefined;
}

const PROXY_HEAD = "a header of the PROXY protocol";
const PROXY_ADVICE =
  "give `serve` `proxyProtocol` and `trusted` if a load balancer sends it";
/** The first bytes of other protocols, and advice for the user. */
const KNOWN:
  readonly (readonly [begin: string, what: string, advice: string])[] = [
    ["PRI * ", "the preface of HTTP/2", ""],
    ["PROXY ", PROXY_HEAD, PROXY_ADVICE],
    ["\r\n\r\n\0\r\nQUIT\n", PROXY_HEAD, PROXY_ADVICE],
    [
      "HTTP/",
      "an HTTP/1.1 response",
      "use `connectUpgrade` to ask an HTTP/1.1 server for SPDY",
    ],
    ["SSH-", "SSH", ""],
    [
      "\x16\x03",
      "a TLS handshake",
      "give `serve` a `cert` and a `key` to accept TLS",
    ],
    ["\x15\x03", "a TLS alert", "give `connect` `tls: true` to use TLS"],
  ];
const REQUEST = /^[A-Z]+ [^ ]/;
/**
 * The type of a SETTINGS frame in HTTP/2. The head of a frame has 9 bytes: the fourth is
 * the type, and the last four are the stream.
 */
const HTTP2_SETTINGS = 4;

function describe(bytes: Uint8Array): readonly [what: string, advice: string] {
  const text = String.fromCharCode(...bytes);
  for (const [begin, what, advice] of KNOWN) {
    if (text.startsWith(begin)) return [what, advice];
  }
  if (REQUEST.test(text)) {
    return [
      "an HTTP/1.1 request",
      "give `serve` `upgrade: true` to accept these",
    ];
  }
  if (
    bytes.length >= 9 && bytes[0] === 0 && bytes[3] === HTTP2_SETTINGS &&
    bytes.subarray(5, 9).every((byte) => byte === 0)
  ) return ["SETTINGS of HTTP/2", ""];
  const first = [...bytes.subarray(0, 8)]
    .map((byte) => byte.toString(16).padStart(2, "0"));
  return [`the bytes ${first.join(" ")}`, ""];
}

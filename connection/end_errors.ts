/**
 * The errors that pending operations get when a connection ends, when a stream is
 * reset, refused or not opened, and when a frame of it is not sent. Their classes are
 * in `errors.ts`.
 *
 * @module
 */

import {
  ERR_FRAME_TOO_LARGE,
  ERR_GOAWAY_ALREADY_SENT,
  ERR_INVALID_STREAM_ID,
  ERR_INVALID_STREAM_STATE,
  ERR_STREAM_CLOSED,
  ERR_STREAM_CLOSING,
  ERR_STREAM_ID_NOT_AVAILABLE,
  ERR_STREAM_SHUT_WR,
  ERR_SYN_STREAM_NOT_ALLOWED,
  type Initiator,
  SpdyError,
  StreamClosedError,
} from "../errors.ts";
import type { CtrlFrame, GoawayFrame } from "../frame/types.ts";
import {
  CANCEL,
  FLOW_CONTROL_ERROR,
  FRAME_TOO_LARGE,
  INVALID_STREAM,
  REFUSED_STREAM,
} from "../frame/constants.ts";
import { frameName, goawayStatusName, statusName } from "../frame/names.ts";
import { ConnectionClosedError, StreamResetError } from "./errors.ts";

/**
 * An error that is created on first use. Creating one captures the stack, which
 * takes 5 us, and most connections end while nothing is pending.
 */
export function lazily(create: () => SpdyError): () => SpdyError {
  let error: SpdyError | undefined;
  return () => error ??= create();
}

/** The error of a connection that ended for the reason in `message`. */
export function closedBy(
  initiator: Initiator,
  message: string,
  cause?: unknown,
): ConnectionClosedError {
  return new ConnectionClosedError(`the connection ended: ${message}`, {
    initiator,
    cause,
  });
}

const GONE = new WeakSet<Error>();

/** The peer disconnected without breaking a rule or exceeding a limit. */
export function peerGone(
  message: string,
  cause?: unknown,
): ConnectionClosedError {
  const error = closedBy("remote", message, cause);
  GONE.add(error);
  return error;
}

/** Whether an error only says that the peer disconnected. */
export function isPeerGone(error: unknown): boolean {
  return error instanceof Error && GONE.has(error);
}

/** The transport failed. Returns a `SpdyError` unchanged and wraps any other error. */
export function transportFailed(what: string, error: unknown): SpdyError {
  if (error instanceof SpdyError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  const message = `${what} (${detail})`;
  // If a TLS record cannot be decrypted, the peer is at fault.
  return error instanceof Error && error.name === "InvalidData"
    ? closedBy("remote", message, error)
    : peerGone(message, error);
}

/** The session failed; `failure` is its error. */
export function sessionFailed(failure: SpdyError): ConnectionClosedError {
  const { code, initiator, message } = failure;
  return new ConnectionClosedError(`the connection ended: ${message}`, {
    code,
    initiator,
    cause: failure,
  });
}

/** The peer sent GOAWAY with an error status. */
export function goawayError(statusCode: number): ConnectionClosedError {
  return new ConnectionClosedError(
    `the connection ended: the peer sent GOAWAY (${
      goawayStatusName(statusCode)
    })`,
    { initiator: "remote", statusCode },
  );
}

/** The application opened a stream when the connection no longer allows it. */
export function notOpened(
  received: GoawayFrame | undefined,
  goawaySent: boolean,
  inputEnded: boolean,
  idsUsedUp: boolean,
): ConnectionClosedError {
  let why = "the connection is closed";
  if (received !== undefined) {
    why = `the peer sent GOAWAY (${goawayStatusName(received.statusCode)})`;
  } else if (goawaySent) why = "this side sent GOAWAY";
  else if (inputEnded) {
    why =
      "the peer closed its direction of the transport; open a new connection";
  } else if (idsUsedUp) {
    why = "this side has used all of its stream ids; open a new connection";
  }
  return new ConnectionClosedError(
    `the stream was not opened: ${why}`,
    {
      initiator: received === undefined && (goawaySent || !inputEnded)
        ? "local"
        : "remote",
      statusCode: received?.statusCode,
      unprocessed: true,
    },
  );
}

/** The connection ended, by `reason`, before the SYN_STREAM of a stream was sent. */
export function endedBeforeOpened(reason: SpdyError): ConnectionClosedError {
  const { code, initiator, message } = reason;
  return new ConnectionClosedError(`the stream was not opened: ${message}`, {
    code,
    initiator,
    statusCode: reason instanceof ConnectionClosedError
      ? reason.statusCode
      : undefined,
    cause: reason,
    unprocessed: true,
  });
}

/** The peer's GOAWAY says that it did not process the stream (SPDY/3 draft 2.6.6). */
export function refusedByGoaway(
  streamId: number,
  goaway: GoawayFrame,
): StreamResetError {
  return new StreamResetError(
    `stream ${streamId} was refused: the peer sent GOAWAY (${
      goawayStatusName(goaway.statusCode)
    }) before processing it`,
    { streamId, statusCode: REFUSED_STREAM, initiator: "remote" },
  );
}

/**
 * A stream of this side was closed before its SYN_STREAM was sent: for example, a
 * push for a stream that the peer cancelled (SPDY/3 draft 3.3.2).
 */
export function closedBeforeSent(
  streamId: number,
  statusCode: number,
): StreamResetError {
  return new StreamResetError(
    `stream ${streamId} was closed with ${
      statusName(statusCode)
    } before its SYN_STREAM was sent: the peer closed its associated stream`,
    { streamId, statusCode, initiator: "remote" },
  );
}

/** The peer allows no streams, so this one was not opened. */
export function noneAllowed(): StreamResetError {
  return new StreamResetError(
    "the stream was not opened: the peer allows none (its MAX_CONCURRENT_STREAMS is 0)",
    { streamId: 0, statusCode: REFUSED_STREAM, initiator: "remote" },
  );
}

/** Why the session does not send a frame, by error code. */
const NOT_SENT: Readonly<Record<number, string>> = {
  [ERR_STREAM_ID_NOT_AVAILABLE]: "this side has used all of its stream ids",
  [ERR_STREAM_CLOSED]: "the stream is closed",
  [ERR_STREAM_CLOSING]: "the stream is being reset",
  [ERR_STREAM_SHUT_WR]: "this side has already ended its half of the stream",
  [ERR_INVALID_STREAM_ID]: "the peer did not open the stream",
  [ERR_INVALID_STREAM_STATE]: "the state of the stream does not allow it",
  [ERR_SYN_STREAM_NOT_ALLOWED]: "GOAWAY was sent or received",
  [ERR_GOAWAY_ALREADY_SENT]: "this side has already sent GOAWAY",
  [ERR_FRAME_TOO_LARGE]: "its headers are larger than a frame may be",
};

/** The session did not send `frame`; `errorCode` says why. */
export function frameNotSent(frame: CtrlFrame, errorCode: number): SpdyError {
  const name = frameName(frame.frameType);
  const what = "streamId" in frame && frame.streamId !== 0
    ? `${name} of stream ${frame.streamId}`
    : name;
  const why = NOT_SENT[errorCode] ?? "the session refused it";
  return new SpdyError(`${what} was not sent: ${why}`, errorCode);
}

/** A stream that the peer reset. */
interface ResetStream {
  readonly id: number;
  readonly init: {
    readonly own: boolean;
    readonly unidirectional: boolean;
    readonly associatedStreamId: number;
  };
}

/** The peer reset the stream: it sent RST_STREAM. */
export function resetByPeer(
  stream: ResetStream,
  statusCode: number,
): StreamResetError {
  return new StreamResetError(
    `stream ${stream.id} was reset by the peer with ${statusText(statusCode)}${
      isForbidden(stream) && statusCode === INVALID_STREAM ? FORBIDDEN_HERE : ""
    }`,
    { streamId: stream.id, statusCode, initiator: "remote" },
  );
}

const FORBIDDEN_HERE =
  ": a server may open only unidirectional streams that belong to a stream of the client, unless the client sets acceptServerStreams";

/** Whether this side is a server, and may not open such a stream (SPDY/3 draft 3.3.1). */
function isForbidden({ id, init }: ResetStream): boolean {
  return init.own && id % 2 === 0 &&
    (!init.unidirectional || init.associatedStreamId === 0);
}

/** What the status of a reset by the session means for the peer or this side. */
const ADVICE: Readonly<Record<number, string>> = {
  [FRAME_TOO_LARGE]:
    ": headers above limits.maxHeaderBlock, maxHeaderCount, maxHeaderNameLength, maxHeaderValueLength or maxControlFrameLength",
  [FLOW_CONTROL_ERROR]:
    ": more bytes than its window allows; if it has no windows, as in Kubernetes, set flowControl: false",
};

/** The session reset the stream because the peer broke a rule on it. */
export function resetForPeer(
  streamId: number,
  statusCode: number,
): StreamResetError {
  return new StreamResetError(
    `stream ${streamId} was reset by this side with ${
      statusText(statusCode)
    } because of what the peer sent on it${ADVICE[statusCode] ?? ""}`,
    { streamId, statusCode, initiator: "remote" },
  );
}

/** 0 is not a valid status of RST_STREAM and has no name. */
function statusText(statusCode: number): string {
  return statusCode === 0 ? "status 0" : statusName(statusCode);
}

/** The application, or a rule of this side, reset the stream. */
export function resetHere(
  streamId: number,
  statusCode: number,
): StreamResetError {
  return new StreamResetError(
    `stream ${streamId} was reset by this side with ${statusName(statusCode)}`,
    { streamId, statusCode },
  );
}

/** The peer sent no reply within `timeout` ms. */
export function noReply(streamId: number, timeout: number): StreamResetError {
  return new StreamResetError(
    `stream ${streamId} was reset by this side with CANCEL: the peer sent no reply within ${timeout} ms (headerTimeout)`,
    { streamId, statusCode: CANCEL, initiator: "remote" },
  );
}

/** The connection has no room for the headers that the peer sent on the stream. */
export function noRoomForHeaders(streamId: number): StreamResetError {
  return new StreamResetError(
    `stream ${streamId} was reset by this side with FRAME_TOO_LARGE: with the headers that the peer sent on it, the streams of the connection hold more than maxHeldBytes`,
    { streamId, statusCode: FRAME_TOO_LARGE, initiator: "remote" },
  );
}

/** The application uses a stream both of whose halves have ended. */
export function alreadyEnded(streamId: number): StreamResetError {
  return new StreamResetError(`stream ${streamId} has already ended`, {
    streamId,
    statusCode: 0,
  });
}

/** Both halves of the stream ended before something that the application waits for. */
export function endedBefore(
  streamId: number,
  event: string,
): StreamResetError {
  return new StreamResetError(`stream ${streamId} ended before ${event}`, {
    streamId,
    statusCode: 0,
  });
}

/** This side dropped what the peer sent on the stream; `why` is the reason. */
export function bytesDropped(streamId: number, why: string): StreamClosedError {
  return new StreamClosedError(
    `stream ${streamId}: the bytes that the peer sent were dropped: ${why}`,
    { initiator: "local" },
  );
}

/** Most streams with unread bytes that an error names. */
const MOST_NAMED = 8;

/** A stream with unread bytes. */
interface UnreadStream {
  readonly id: number;
  readonly receiveBuffer: { readonly size: number };
}

/** The application waits for bytes that follow more than `limit` bytes that it does not read. */
export function tooManyUnread(
  streams: Iterable<UnreadStream>,
  limit: number,
): ConnectionClosedError {
  const unread = [...streams]
    .map(({ id, receiveBuffer }) => ({ id, size: receiveBuffer.size }))
    .filter(({ size }) => size > 0)
    .sort((left, right) => right.size - left.size);
  const named = unread.slice(0, MOST_NAMED)
    .map(({ id, size }) => `${size} of stream ${id}`);
  if (unread.length > MOST_NAMED) {
    named.push(`more of ${unread.length - MOST_NAMED} other streams`);
  }
  return closedBy(
    "local",
    "the application waits for data that can arrive only after more " +
      `than ${limit} bytes (maxUnreadBytes) that it has not read: ` +
      `${named.join(", ")}; read or cancel these streams first`,
  );
}

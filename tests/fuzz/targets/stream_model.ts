import {
  CANCEL,
  CTRL_FLAG_FIN,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA,
  HEADERS,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  PROTOCOL_ERROR,
  type ProtocolVersion,
  RST_STREAM,
  STREAM_IN_USE,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../../../frame/constants.ts";
import type { ControlType } from "../../../frame/control_frame.ts";
import { FrameEncoder } from "../../../frame/encoder.ts";
import type { Frame } from "../../../frame/types.ts";
import { Session } from "../../../session.ts";
import { CLIENT, SERVER, type Side } from "../../../session/constants.ts";
import { assertEquals } from "../../deps.ts";
import type { Random } from "../../helpers/random.ts";
import type { Target } from "../target.ts";

/** A session does what a simple model of its streams predicts, frame by frame and call by call. */
export const modelTarget: Target = {
  name: "model",
  property:
    "callbacks follow a model of the streams written down apart from the session's tables",
  run(random: Random): void {
    const version = random.pick([PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1]);
    const side: Side = random.chance(0.5) ? CLIENT : SERVER;
    const model = new StreamModel(side, version);
    const actual: string[] = [];
    const session = observed(side, version, actual);
    const encoder = new FrameEncoder(version);
    for (let left = random.int(1, 40); left > 0 && !model.failed; left--) {
      const expected = model.events;
      if (random.chance(0.6)) {
        const frame = peerFrame(random, side, version);
        model.receive(frame);
        session.recv(encoder.encode(frame));
      } else callBoth(random, session, model);
      if (random.chance(0.7) || model.failed || model.needsFlush) {
        model.flush();
        session.send();
      }
      assertEquals(actual, expected);
      assertEquals(session.failure !== undefined, model.failed);
    }
  },
};

function observed(
  side: Side,
  version: ProtocolVersion,
  events: string[],
): Session {
  return new Session(side, version, {
    send: (_session, data) => data.length,
    // There are no announcements and no refusals because of limits: the model
    // only knows streams.
    limits: { maxConcurrentStreams: 0x7fffffff },
    onCtrlRecv: (_session, { frameType }) =>
      events.push(`received ${frameType}`),
    onInvalidCtrlRecv: (_session, { frameType }, status) =>
      events.push(`refused ${frameType} with ${status}`),
    onDataRecv: (_session, _flags, streamId) =>
      events.push(`data of ${streamId}`),
    onRequestRecv: (_session, streamId) => events.push(`request ${streamId}`),
    onStreamClose: (_session, streamId, status) =>
      events.push(`closed ${streamId} with ${status}`),
    onCtrlNotSend: (_session, { frameType }, code) =>
      events.push(`not sent ${frameType} for ${code}`),
  });
}

const IDS = [1, 2, 3, 4, 5, 6];

function peerFrame(
  random: Random,
  side: Side,
  version: ProtocolVersion,
): Frame {
  const wire = version === PROTO_SPDY2 ? 2 : 3;
  const streamId = random.pick(IDS);
  const base = {
    version: wire,
    flags: random.pick([0, CTRL_FLAG_FIN]),
    length: 0,
  } as const;
  const kinds = [
    SYN_STREAM,
    SYN_STREAM,
    SYN_REPLY,
    HEADERS,
    DATA,
    RST_STREAM,
    ...version === 2 ? [] : [WINDOW_UPDATE],
  ];
  switch (random.pick(kinds)) {
    case SYN_STREAM: {
      // Mostly frames that are allowed, because otherwise there would never be
      // a stream.
      const flags = side === CLIENT && random.chance(0.9)
        ? CTRL_FLAG_UNIDIRECTIONAL
        : 0;
      const assocStreamId = side === CLIENT
        ? random.pick([0, ...IDS])
        : random.chance(0.1)
        ? 1
        : 0;
      return {
        ...base,
        frameType: SYN_STREAM,
        flags: base.flags | flags,
        streamId,
        assocStreamId,
        pri: 0,
        slot: 0,
        nv: [],
      };
    }
    case SYN_REPLY:
      return { ...base, frameType: SYN_REPLY, streamId, nv: [] };
    case HEADERS:
      return { ...base, frameType: HEADERS, streamId, nv: [] };
    case RST_STREAM:
      return {
        ...base,
        frameType: RST_STREAM,
        flags: 0,
        streamId,
        statusCode: random.int(1, 7),
      };
    case WINDOW_UPDATE:
      return {
        ...base,
        frameType: WINDOW_UPDATE,
        flags: 0,
        streamId,
        deltaWindowSize: 1,
      };
    default:
      return {
        frameType: DATA,
        streamId,
        flags: base.flags,
        data: new Uint8Array(3),
      };
  }
}

/** Makes the same call on the session and the model. */
function callBoth(random: Random, session: Session, model: StreamModel): void {
  const streamId = random.pick(IDS);
  const flags = random.pick([0, CTRL_FLAG_FIN]);
  switch (random.int(0, 3)) {
    case 0:
      model.open(flags);
      return session.submitSynStream(flags, 0, 0, []);
    case 1:
      model.send(SYN_REPLY, streamId, flags);
      return session.submitSynReply(flags, streamId, []);
    case 2:
      model.send(HEADERS, streamId, flags);
      return session.submitHeaders(flags, streamId, []);
    default:
      model.resetByCall(streamId, 5);
      return session.submitRstStream(streamId, 5);
  }
}

interface ModelStream {
  readonly own: boolean;
  opened: boolean;
  closing: boolean;
  noMoreIn: boolean;
  noMoreOut: boolean;
  readonly parent: number;
}

/**
 * The state of all streams, according to sections 3.2 to 3.7 of the draft and 5.3
 * of spdylay's behaviour.
 */
class StreamModel {
  /** Everything that the session must have reported. */
  readonly events: string[] = [];
  failed = false;
  /** Whether a call was made whose effect follows at the next flush. */
  needsFlush = false;
  readonly #side: Side;
  readonly #version: ProtocolVersion;
  readonly #streams = new Map<number, ModelStream>();
  /**
   * What waits to be written: first what belongs to a stream (all have one
   * priority), then the rest.
   */
  readonly #queue: { readonly urgent: boolean; readonly write: () => void }[] =
    [];
  #lastPeer = 0;
  #nextOwn: number;

  constructor(side: Side, version: ProtocolVersion) {
    this.#side = side;
    this.#version = version;
    this.#nextOwn = side === CLIENT ? 1 : 2;
  }

  receive(frame: Frame): void {
    const fin =
      (frame.frameType === RST_STREAM || frame.frameType === WINDOW_UPDATE)
        ? false
        : "flags" in frame && (frame.flags & CTRL_FLAG_FIN) !== 0;
    if (!("streamId" in frame)) return;
    const { streamId } = frame;
    const stream = this.#streams.get(streamId);
    switch (frame.frameType) {
      case SYN_STREAM:
        return this.#receiveSynStream(
          frame.streamId,
          frame.flags,
          frame.assocStreamId,
        );
      case SYN_REPLY:
        if (!stream || !stream.own || stream.noMoreIn) {
          return this.#refuse(SYN_REPLY, streamId, PROTOCOL_ERROR);
        }
        if (stream.closing) return;
        if (stream.opened) {
          const status = this.#version === PROTO_SPDY2
            ? PROTOCOL_ERROR
            : STREAM_IN_USE;
          return this.#refuse(SYN_REPLY, streamId, status);
        }
        stream.opened = true;
        this.events.push(`received ${SYN_REPLY}`);
        return this.#ended(streamId, stream, fin);
      case HEADERS:
        if (!stream || stream.noMoreIn) {
          return this.#refuse(HEADERS, streamId, PROTOCOL_ERROR);
        }
        if (stream.closing) return;
        if (stream.own && !stream.opened) {
          return this.#refuse(HEADERS, streamId, PROTOCOL_ERROR);
        }
        this.events.push(`received ${HEADERS}`);
        return this.#ended(streamId, stream, fin);
      case DATA:
        if (!stream || stream.closing) return;
        if (stream.noMoreIn || (stream.own && !stream.opened)) {
          this.failed = true;
          return;
        }
        this.events.push(`data of ${streamId}`);
        return this.#ended(streamId, stream, fin);
      case RST_STREAM:
        this.events.push(`received ${RST_STREAM}`);
        return this.#close(streamId, frame.statusCode, this.#side === SERVER);
      case WINDOW_UPDATE:
        if (stream) this.events.push(`received ${WINDOW_UPDATE}`);
    }
  }

  #receiveSynStream(streamId: number, flags: number, assoc: number): void {
    const fin = (flags & CTRL_FLAG_FIN) !== 0;
    const unidirectional = (flags & CTRL_FLAG_UNIDIRECTIONAL) !== 0;
    const parity = this.#side === CLIENT ? 0 : 1;
    if (streamId === this.#lastPeer) {
      return this.#refuse(SYN_STREAM, streamId, PROTOCOL_ERROR);
    }
    if (streamId % 2 !== parity || streamId < this.#lastPeer) {
      this.events.push(`refused ${SYN_STREAM} with ${PROTOCOL_ERROR}`);
      this.failed = true;
      return;
    }
    this.#lastPeer = streamId;
    if (this.#side === SERVER && (assoc !== 0 || unidirectional)) {
      return this.#refuse(SYN_STREAM, streamId, PROTOCOL_ERROR);
    }
    if (this.#side === CLIENT && assoc === 0) {
      return this.#refuse(SYN_STREAM, streamId, 2);
    }
    if (
      this.#side === CLIENT && (!unidirectional || !this.#streams.has(assoc))
    ) {
      return this.#refuse(SYN_STREAM, streamId, PROTOCOL_ERROR);
    }
    this.events.push(`received ${SYN_STREAM}`);
    if (fin) this.events.push(`request ${streamId}`);
    if (fin && unidirectional) {
      this.events.push(`closed ${streamId} with 0`);
      return;
    }
    this.#streams.set(streamId, {
      own: false,
      opened: false,
      closing: false,
      noMoreIn: fin,
      noMoreOut: unidirectional,
      parent: assoc,
    });
  }

  /** RST_STREAM is queued first, and then the application gets its callback. */
  #refuse(frameType: ControlType, streamId: number, status: number): void {
    this.#reset(streamId, status);
    this.events.push(`refused ${frameType} with ${status}`);
  }

  #reset(streamId: number, status: number): void {
    const stream = this.#streams.get(streamId);
    if (stream) stream.closing = true;
    this.#enqueue(stream !== undefined, () => {
      this.#close(streamId, status, this.#side === CLIENT);
    });
  }

  resetByCall(streamId: number, status: number): void {
    this.#reset(streamId, status);
  }

  open(flags: number): void {
    this.needsFlush = true;
    this.#enqueue(true, () => {
      const streamId = this.#nextOwn;
      this.#nextOwn += 2;
      this.#streams.set(streamId, {
        own: true,
        opened: false,
        closing: false,
        noMoreIn: false,
        noMoreOut: (flags & CTRL_FLAG_FIN) !== 0,
        parent: 0,
      });
    });
  }

  send(
    frameType: typeof SYN_REPLY | typeof HEADERS,
    streamId: number,
    flags: number,
  ): void {
    this.needsFlush = true;
    this.#enqueue(this.#streams.has(streamId), () => {
      const stream = this.#streams.get(streamId);
      const code = this.#sendError(frameType, stream);
      if (code !== 0 || !stream) {
        this.events.push(`not sent ${frameType} for ${code}`);
        return;
      }
      if (frameType === SYN_REPLY) stream.opened = true;
      if ((flags & CTRL_FLAG_FIN) === 0) return;
      stream.noMoreOut = true;
      if (stream.noMoreIn) this.#close(streamId, 0);
    });
  }

  #sendError(frameType: ControlType, stream: ModelStream | undefined): number {
    if (!stream) return -510;
    if (stream.noMoreOut) return -512;
    if (stream.own) {
      return frameType === SYN_REPLY ? -513 : stream.closing ? -511 : 0;
    }
    if (stream.closing) return -511;
    return stream.opened === (frameType === SYN_REPLY) ? -514 : 0;
  }

  #enqueue(urgent: boolean, write: () => void): void {
    this.#queue.push({ urgent, write });
  }

  /** Writes everything that is queued. */
  flush(): void {
    this.needsFlush = false;
    if (this.failed) return;
    const queue = this.#queue.splice(0);
    for (const { write } of queue.filter(({ urgent }) => urgent)) write();
    for (const { write } of queue.filter(({ urgent }) => !urgent)) write();
  }

  #ended(streamId: number, stream: ModelStream, fin: boolean): void {
    if (!fin) return;
    stream.noMoreIn = true;
    if (!stream.own) this.events.push(`request ${streamId}`);
    if (stream.noMoreOut) this.#close(streamId, 0);
  }

  #close(streamId: number, status: number, byClient = false): void {
    // If a client cancels a request, its pushes end as well, even if the
    // request itself has ended (SPDY/3 draft 3.3.2).
    if (status === CANCEL && byClient && streamId % 2 === 1) {
      for (const [child, { parent }] of this.#streams) {
        if (parent === streamId) this.#close(child, CANCEL);
      }
    }
    if (this.#streams.delete(streamId)) {
      this.events.push(`closed ${streamId} with ${status}`);
    }
  }
}

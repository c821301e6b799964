import { SpdyError } from "../../../errors.ts";
import { FrameDecoder } from "../../../frame/decoder.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  WINDOW_UPDATE,
} from "../../../frame/constants.ts";
import type { Frame } from "../../../frame/types.ts";
import { DataProvider, Session } from "../../../session.ts";
import {
  CLIENT,
  READ_EOF,
  SERVER,
  type Side,
} from "../../../session/constants.ts";
import { assert, assertEquals, concat } from "../../deps.ts";
import { Random } from "../../helpers/random.ts";
import type { Target } from "../target.ts";
import { hostileBytes } from "./wire.ts";

/** What a session did with an input. */
interface Reaction {
  /**
   * Callbacks in order. Adjacent pieces of a stream's data are joined, and
   * WINDOW_UPDATEs of this side are left out.
   */
  readonly events: readonly string[];
  /**
   * What the session sent, without WINDOW_UPDATEs, because they depend on how the
   * input was cut.
   */
  readonly sent: readonly Frame[];
  readonly state: readonly unknown[];
}

/**
 * Whatever arrives, `recv` and `send` return, and everything that is sent
 * consists of valid frames.
 */
export const sessionTarget: Target = {
  name: "session",
  property:
    "no input makes recv or send throw; each stream closes once; a failed session says why and stops",
  run(random: Random): void {
    const { side, version, setup, input } = situation(random);
    react(
      side,
      version,
      setup,
      random.pieces(input, random.pick([1, 10, 1000, input.length + 1])),
      true,
    );
  },
};

/** A session does the same however its input is cut. */
export const splitTarget: Target = {
  name: "split",
  property:
    "a session and a decoder do the same with input whole and cut anywhere",
  run(random: Random): void {
    const { side, version, setup, input } = situation(random);
    const whole = react(side, version, setup, [input], false);
    const pieces = random.pieces(input, random.pick([1, 5, 300]));
    assertEquals(react(side, version, setup, pieces, false), whole);
    assertEquals(decodeAll(version, pieces), decodeAll(version, [input]));
  },
};

interface Situation {
  readonly side: Side;
  readonly version: ProtocolVersion;
  /** The seed of what the application did before. */
  readonly setup: number;
  readonly input: Uint8Array<ArrayBuffer>;
}

function situation(random: Random): Situation {
  const version = random.pick([PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1]);
  return {
    side: random.pick([CLIENT, SERVER]),
    version,
    setup: random.uint32(),
    input: hostileBytes(random, version),
  };
}

function react(
  side: Side,
  version: ProtocolVersion,
  setup: number,
  pieces: readonly Uint8Array[],
  sendBetween: boolean,
): Reaction {
  const events: string[] = [];
  const sent: Uint8Array[] = [];
  const closed = new Map<number, number>();
  let lastData = -1;
  const event = (text: string, data = -1): void => {
    lastData = data;
    events.push(text);
  };
  const session = new Session(side, version, {
    send(_session, data): number {
      sent.push(data.slice());
      return data.length;
    },
    onCtrlRecv: (_session, frame) => event(`recv ${JSON.stringify(frame)}`),
    onInvalidCtrlRecv: (_session, frame, status) =>
      event(`invalid ${JSON.stringify(frame)} ${status}`),
    onDataChunkRecv(_session, _flags, streamId, data): void {
      const text = data.toHex();
      if (lastData === streamId) events.push(`${events.pop()}${text}`);
      else event(`chunk ${streamId} ${text}`, streamId);
    },
    onDataRecv: (_session, flags, streamId, length) =>
      event(`data ${streamId} ${flags} ${length}`),
    onRequestRecv: (_session, streamId) => event(`request ${streamId}`),
    onUnknownCtrlRecv: (_session, head, payload) =>
      event(`unknown ${head.toHex()} ${payload.toHex()}`),
    onCtrlRecvParseError: (_session, type, head, payload, code) =>
      event(`parse error ${type} ${head.toHex()} ${payload.toHex()} ${code}`),
    onStreamClose(_session, streamId, status): void {
      event(`close ${streamId} ${status}`);
      closed.set(streamId, (closed.get(streamId) ?? 0) + 1);
    },
  });
  prepare(session, side, new Random(setup));
  session.send();
  for (const piece of pieces) {
    session.recv(piece);
    if (sendBetween) session.send();
  }
  session.send();
  for (const [streamId, times] of closed) {
    assert(
      times === 1 || streamId === 0,
      `stream ${streamId} closed ${times} times`,
    );
  }
  if (session.failure !== undefined) {
    assert(session.failure instanceof SpdyError, "failure is a SpdyError");
    assert(
      !session.wantRead() && !session.wantWrite(),
      "a failed session wants nothing",
    );
  }
  const output = decodeAll(version, sent);
  assertEquals(output.error, undefined, "what a session sends can be read");
  return {
    events,
    sent: output.frames.filter(({ frameType }) => frameType !== WINDOW_UPDATE),
    state: [
      session.wantRead(),
      session.failure?.code,
      session.failure?.message,
    ],
  };
}

/** Opens some streams of this side: one is sending a body, and one is waiting for data. */
function prepare(session: Session, side: Side, random: Random): void {
  const body = new DataProvider(
    undefined,
    (_session, _streamId, length, control) => {
      if (random.chance(0.3)) control.flags = READ_EOF;
      return new Uint8Array(Math.min(length, random.int(1, 3000)));
    },
  );
  if (side === SERVER) return;
  for (let left = random.int(0, 3); left > 0; left--) {
    session.submitRequest(
      random.int(0, 3),
      [[":path", "/"]],
      random.chance(0.5) ? body : undefined,
    );
  }
  if (random.chance(0.3)) session.submitPing();
}

function decodeAll(
  version: ProtocolVersion,
  pieces: readonly Uint8Array[],
): { frames: Frame[]; error?: string } {
  const decoder = new FrameDecoder(version);
  const frames: Frame[] = [];
  try {
    for (const piece of pieces) {
      decoder.push(piece);
      for (
        let frame = decoder.next();
        frame !== undefined;
        frame = decoder.next()
      ) frames.push(frame);
    }
  } catch (error) {
    if (!(error instanceof SpdyError)) throw error;
    return { frames: normalised(frames), error: error.message };
  }
  return { frames: normalised(frames) };
}

/** Copies the DATA, so that frames can be compared. */
function normalised(frames: readonly Frame[]): Frame[] {
  return frames.map((frame) =>
    frame.frameType === 0 ? { ...frame, data: concat([frame.data]) } : frame
  );
}

import {
  CANCEL,
  CTRL_FLAG_UNIDIRECTIONAL,
  DATA_FLAG_FIN,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SYN_STREAM,
} from "../../../frame/constants.ts";
import type { NameValue } from "../../../frame/types.ts";
import { ERR_DEFERRED } from "../../../errors.ts";
import { DataProvider, Session } from "../../../session.ts";
import {
  CLIENT,
  READ_EOF,
  SERVER,
  type Side,
} from "../../../session/constants.ts";
import { assert, assertEquals } from "../../deps.ts";
import type { Random } from "../../helpers/random.ts";
import type { Target } from "../target.ts";

/** After this many steps, two sessions that have nothing new to do must be at rest. */
const MOST_STEPS = 20000;

/** Two sessions with random calls on both; their bytes arrive in random pieces. */
export const scriptTarget: Target = {
  name: "script",
  property:
    "every byte comes once and in order, no window is overrun, every stream closes once, both ends come to rest",
  run(random: Random): void {
    const version = random.pick([PROTO_SPDY2, PROTO_SPDY3, PROTO_SPDY3_1]);
    const client = new Peer(CLIENT, version, random);
    const server = new Peer(SERVER, version, random);
    const calls = random.int(1, 60);
    for (let call = 0; call < calls; call++) {
      random.pick([client, server]).act();
      for (let turns = random.int(0, 4); turns > 0; turns--) {
        turn(client, server, random);
      }
    }
    client.stopDeferring();
    server.stopDeferring();
    let quiet = 0;
    for (let step = 0; quiet < 10; step++) {
      assert(step < MOST_STEPS, "the sessions do not come to rest");
      client.resumeAll();
      server.resumeAll();
      quiet = turn(client, server, random) ? 0 : quiet + 1;
    }
    client.checkEnd();
    server.checkEnd();
  },
};

/** Lets one end write and the other read; returns false if no byte moved. */
function turn(client: Peer, server: Peer, random: Random): boolean {
  const [from, to] = random.shuffle([client, server]);
  return [from.moveTo(to), to.moveTo(from)].some((moved) => moved);
}

/** A body. Its bytes follow from its number, so that the reader can check them. */
interface Body {
  readonly number: number;
  readonly length: number;
}

/** The byte at `offset` of a body. */
function byteAt(body: Body, offset: number): number {
  return (body.number * 31 + offset * 7 + (offset >>> 8)) & 0xff;
}

class Peer {
  readonly session: Session;
  readonly #side: Side;
  readonly #version: ProtocolVersion;
  readonly #random: Random;
  readonly #wire: Uint8Array[] = [];
  /** Bodies that arrive, by stream, and how many bytes of them have arrived. */
  readonly #coming = new Map<number, { body: Body; offset: number }>();
  /** Streams of the peer that wait for an answer. */
  readonly #unanswered: number[] = [];
  readonly #open = new Set<number>();
  readonly #closed = new Map<number, number>();
  readonly #deferred = new Set<number>();
  readonly #consumesItself: boolean;
  readonly #frameSize: number;
  #deferring = true;
  #bodies = 0;

  constructor(side: Side, version: ProtocolVersion, random: Random) {
    this.#side = side;
    this.#version = version;
    this.#random = random;
    this.#consumesItself = random.chance(0.5);
    this.#frameSize = random.pick([1, 100, 16384]);
    this.session = new Session(side, version, {
      autoWindowUpdate: !this.#consumesItself,
      headerCompression: random.pick(["safe", "full", "none"]),
      limits: {
        maxConcurrentStreams: random.pick([1, 3, 100]),
        maxDataFrameSize: this.#frameSize,
      },
      send: (_session, data) => this.#write(data),
      beforeCtrlSend: (_session, frame) => {
        if (frame.frameType === SYN_STREAM) this.#open.add(frame.streamId);
      },
      onCtrlRecv: (_session, frame) => {
        if (!("nv" in frame)) return;
        const announced = frame.nv.find(([name]) => name === "x-body");
        if (announced) {
          const [number, length] = announced[1].split(":").map(Number);
          assert(
            !this.#coming.has(frame.streamId),
            `stream ${frame.streamId} has one body`,
          );
          this.#coming.set(frame.streamId, {
            body: { number, length },
            offset: 0,
          });
        }
        if (frame.frameType !== SYN_STREAM) return;
        this.#open.add(frame.streamId);
        if ((frame.flags & CTRL_FLAG_UNIDIRECTIONAL) === 0) {
          this.#unanswered.push(frame.streamId);
        }
      },
      onDataChunkRecv: (_session, _flags, streamId, data) =>
        this.#checkData(streamId, data),
      onStreamClose: (_session, streamId, status) => {
        const coming = this.#coming.get(streamId);
        if (status === 0 && coming) {
          assertEquals(
            coming.offset,
            coming.body.length,
            `stream ${streamId} closed well with its body whole`,
          );
        }
        this.#closed.set(streamId, (this.#closed.get(streamId) ?? 0) + 1);
        this.#open.delete(streamId);
        this.#deferred.delete(streamId);
      },
    });
  }

  /** Makes a random call. */
  act(): void {
    const random = this.#random;
    const { session } = this;
    const choice = random.int(0, 9);
    if (choice <= 3 && this.#side === CLIENT) {
      const body = random.chance(0.5) ? this.#newBody() : undefined;
      session.submitRequest(
        random.int(0, 3),
        this.#headers(body),
        body && this.#provider(body),
      );
    } else if (choice <= 5 && this.#unanswered.length > 0) {
      this.#answer(
        this.#unanswered.splice(
          random.int(0, this.#unanswered.length - 1),
          1,
        )[0],
      );
    } else if (choice === 6) session.submitPing();
    else if (choice === 7 && this.#open.size > 0 && random.chance(0.3)) {
      session.submitRstStream(random.pick([...this.#open]), CANCEL);
    } else if (choice === 8 && random.chance(0.3)) {
      session.submitSettings(0, [
        [SETTINGS_MAX_CONCURRENT_STREAMS, 0, random.pick([1, 2, 100])],
        [
          SETTINGS_INITIAL_WINDOW_SIZE,
          0,
          random.pick([1, 1000, 65536, 200000]),
        ],
      ]);
    } else if (choice === 9) this.resumeAll();
  }

  #answer(streamId: number): void {
    const { session } = this;
    if (!this.#open.has(streamId)) return;
    if (this.#random.chance(0.2)) {
      const pushed = this.#newBody();
      const flags = CTRL_FLAG_UNIDIRECTIONAL;
      session.submitSynStream(
        flags,
        streamId,
        this.#random.int(0, 3),
        this.#headers(pushed),
        { pushed },
      );
      this.#pushes.push(pushed);
    }
    const body = this.#random.chance(0.7) ? this.#newBody() : undefined;
    session.submitResponse(
      streamId,
      this.#headers(body),
      body && this.#provider(body),
    );
  }

  /** Bodies of pushes whose streams have no id yet. */
  readonly #pushes: Body[] = [];

  #newBody(): Body {
    const number = this.#side * 1000 + this.#bodies++;
    // A write takes one or two frames; more of them only take time.
    const length = this.#random.pick([0, 1, 100, 5000, 70000, 150000]);
    return { number, length: Math.min(length, this.#frameSize * 100) };
  }

  #headers(body: Body | undefined): NameValue[] {
    const announced: NameValue[] = body
      ? [["x-body", `${body.number}:${body.length}`]]
      : [];
    return [[":path", `/${this.#random.word()}`], [
      "cookie",
      this.#random.word(5, 30),
    ], ...announced];
  }

  #provider(body: Body): DataProvider {
    let offset = 0;
    return new DataProvider(body, (_session, streamId, length, control) => {
      if (this.#deferring && this.#random.chance(0.2)) {
        this.#deferred.add(streamId);
        return ERR_DEFERRED;
      }
      const size = Math.min(
        length,
        body.length - offset,
        this.#random.pick([1, 1000, length]),
      );
      const bytes = new Uint8Array(size).map((_, index) =>
        byteAt(body, offset + index)
      );
      offset += size;
      if (offset === body.length) control.flags = READ_EOF;
      return bytes;
    });
  }

  #checkData(streamId: number, data: Uint8Array): void {
    const coming = this.#coming.get(streamId);
    if (coming === undefined) {
      throw new Error(`stream ${streamId} brings data that was not announced`);
    }
    for (const [index, byte] of data.entries()) {
      if (byte !== byteAt(coming.body, coming.offset + index)) {
        throw new Error(
          `stream ${streamId} brings a wrong byte at ${coming.offset + index}`,
        );
      }
    }
    coming.offset += data.length;
    if (this.#consumesItself && this.#version !== PROTO_SPDY2) {
      this.#owed.push([streamId, data.length]);
    }
  }

  /** Bytes that have arrived and are not consumed yet. */
  readonly #owed: [streamId: number, size: number][] = [];

  #write(data: Uint8Array): number {
    const taken = this.#random.pick([0, 1, data.length, data.length]);
    const count = Math.min(taken, data.length);
    if (count > 0) this.#wire.push(data.slice(0, count));
    return count;
  }

  /** Writes, and passes what was written to the other end; returns false if there was nothing. */
  moveTo(other: Peer): boolean {
    this.#startPushes();
    const wanted = this.session.wantWrite();
    this.session.send();
    this.#startPushes();
    const moved = this.#wire.length > 0 || wanted;
    for (const bytes of this.#wire.splice(0)) {
      for (let at = 0; at < bytes.length;) {
        const size = this.#random.pick([1, 50, bytes.length]);
        other.session.recv(bytes.subarray(at, at + size));
        at += size;
      }
    }
    other.#consume();
    return moved;
  }

  #consume(): void {
    for (const [streamId, size] of this.#owed.splice(0)) {
      this.session.consume(streamId, size);
    }
  }

  /** Gives a push its body when its SYN_STREAM has been sent. */
  #startPushes(): void {
    for (const streamId of this.#open) {
      const data = this.session.getStreamUserData(streamId);
      if (typeof data !== "object" || data === null || !("pushed" in data)) {
        continue;
      }
      const index = this.#pushes.findIndex((body) => body === data.pushed);
      if (index < 0) continue;
      const [body] = this.#pushes.splice(index, 1);
      this.session.submitData(streamId, DATA_FLAG_FIN, this.#provider(body));
    }
  }

  /** From now on, bodies are sent without pauses, and requests are answered. */
  stopDeferring(): void {
    this.#deferring = false;
    for (const streamId of this.#unanswered.splice(0)) this.#answer(streamId);
    if (this.#version !== PROTO_SPDY2) {
      this.session.submitSettings(0, [[
        SETTINGS_INITIAL_WINDOW_SIZE,
        0,
        65536,
      ]]);
    }
    this.session.submitSettings(0, [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 100]]);
  }

  /** Resumes every deferred body. */
  resumeAll(): void {
    if (!this.#deferring) {
      for (const streamId of this.#unanswered.splice(0)) {
        this.#answer(streamId);
      }
    }
    for (const streamId of this.#deferred) this.session.resumeData(streamId);
    this.#deferred.clear();
  }

  /** Checks that nothing failed, nothing is open, and nothing waits. */
  checkEnd(): void {
    const { session } = this;
    assertEquals(session.failure?.message, undefined);
    assertEquals([...this.#open], [], "streams left open");
    for (const [streamId, times] of this.#closed) {
      assertEquals(times, 1, `stream ${streamId} closed so often`);
    }
    assertEquals([session.wantWrite(), session.getOutboundQueueSize()], [
      false,
      0,
    ]);
  }
}

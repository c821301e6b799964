/**
 * The accounts of receive windows: whatever happens to streams, the bytes that
 * the peer may send, those that are unread and those that are still to be granted
 * again add up to the window.
 *
 * @module
 */

import {
  CANCEL,
  CLIENT,
  DataProvider,
  ERR_DEFERRED,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  READ_EOF,
  SERVER,
  Session,
  type SessionOptions,
} from "../../mod.ts";
import { countersOf } from "../../session.ts";
import { CREDIT_ON_ARRIVAL } from "../../session/options.ts";
import { assert, assertEquals, assertGreater } from "../deps.ts";
import { Random } from "../helpers/random.ts";
import { versionName } from "../helpers/version_name.ts";

const WINDOW = 65536;

/** What grants the windows again. */
const MODES = ["automatic", "by hand", "session's on arrival"] as const;
type Mode = typeof MODES[number];

/** One end, with the bytes that it wrote and that have not been passed on. */
class End {
  readonly session: Session;
  readonly #random: Random;
  readonly #mode: Mode;
  /** Frames are delivered as a whole if the reader does not say otherwise. */
  wire: Uint8Array[] = [];
  /** Bytes delivered by stream and not consumed yet. */
  readonly unread = new Map<number, number>();
  readonly open = new Set<number>();

  constructor(
    side: 1 | 2,
    version: ProtocolVersion,
    mode: Mode,
    random: Random,
  ) {
    this.#random = random;
    this.#mode = mode;
    const settings = {
      autoWindowUpdate: mode === "automatic",
      [CREDIT_ON_ARRIVAL]: mode === "session's on arrival",
    };
    const options: SessionOptions = {
      ...settings,
      limits: { maxRapidResets: 1e6, maxIdleIgnored: 1e6, maxTinyData: 1e6 },
      send: (_session, data) => {
        this.wire.push(data.slice());
        return data.length;
      },
      onDataChunkRecv: (session, _flags, id, data) => {
        this.unread.set(id, (this.unread.get(id) ?? 0) + data.length);
        // In the middle of a frame, as an application does that needs no more.
        if (this.#random.chance(0.05)) session.submitRstStream(id, CANCEL);
      },
      onCtrlRecv: (session, frame) => {
        if (frame.frameType !== 1) return;
        this.open.add(frame.streamId);
        session.submitResponse(frame.streamId, [], this.body());
      },
      beforeCtrlSend: (_session, frame) => {
        if (frame.frameType === 1) this.open.add(frame.streamId);
      },
      onStreamClose: (_session, id) => void this.open.delete(id),
    };
    this.session = new Session(side, version, options);
  }

  body(): DataProvider {
    let left = this.#random.int(0, 150_000);
    return new DataProvider(undefined, (_session, _id, length, control) => {
      if (this.#random.chance(0.02)) return ERR_DEFERRED;
      const size = Math.min(left, length, this.#random.int(1, 20_000));
      left -= size;
      if (left === 0) control.flags = READ_EOF;
      return new Uint8Array(size);
    });
  }

  /**
   * The application reads some of the bytes that have arrived, including those of
   * streams that have ended.
   */
  consume(all: boolean): void {
    if (this.#mode === "automatic") return this.unread.clear();
    for (const [id, size] of [...this.unread]) {
      if (!all && this.#random.chance(0.5)) continue;
      const part = all ? size : this.#random.int(0, size);
      this.session.consume(id, part);
      if (part === size) this.unread.delete(id);
      else this.unread.set(id, size - part);
    }
  }

  check(what: string): void {
    const { receiveWindow } = countersOf(this.session);
    if (receiveWindow === undefined) return;
    assertEquals(receiveWindow.span, WINDOW, what);
    assert(receiveWindow.unconsumed >= 0, what);
  }

  resume(): void {
    for (const id of this.open) {
      try {
        this.session.resumeData(id);
      } catch {
        // No byte of it waits.
      }
    }
  }
}

/** Passes on some of the bytes that `from` wrote, cut anywhere. */
function deliver(from: End, to: End, random: Random, all: boolean): void {
  while (from.wire.length > 0 && (all || random.chance(0.8))) {
    const [first] = from.wire;
    const size = random.int(1, all ? 8000 : 3000);
    to.session.recv(first.subarray(0, size));
    if (size < first.length) from.wire[0] = first.subarray(size);
    else from.wire.shift();
  }
}

function play(seed: number, version: ProtocolVersion, mode: Mode): number {
  const random = new Random(seed);
  const client = new End(CLIENT, version, mode, random);
  const server = new End(SERVER, version, mode, random);
  const ends = [client, server];
  let seen = 0;
  for (let step = 0; step < 120; step++) {
    const what = `seed ${seed}, step ${step}`;
    if (random.chance(0.2)) {
      client.session.submitRequest(0, [], client.body());
    }
    for (const end of ends) {
      if (random.chance(0.05) && end.open.size > 0) {
        end.session.submitRstStream(random.pick([...end.open]), CANCEL);
      }
      if (random.chance(0.3)) end.resume();
      end.session.send();
      if (random.chance(0.6)) end.consume(false);
    }
    deliver(client, server, random, false);
    deliver(server, client, random, false);
    for (const end of ends) {
      end.check(what);
      seen += end.unread.size;
    }
  }
  // Everything that is under way arrives and is read.
  for (let round = 0; round < 2000; round++) {
    for (const end of ends) {
      end.resume();
      end.consume(true);
      end.session.send();
    }
    if (ends.every((end) => end.wire.length === 0)) break;
    deliver(client, server, random, true);
    deliver(server, client, random, true);
    for (const end of ends) end.check(`seed ${seed}, end`);
  }
  for (const [from, to] of [[client, server], [server, client]]) {
    const { sendWindow } = countersOf(from.session);
    const { receiveWindow } = countersOf(to.session);
    assertEquals(from.session.failure, undefined);
    if (receiveWindow === undefined) continue;
    // Both ends agree, and nothing is missing except what the next update will
    // grant.
    assertEquals(sendWindow, receiveWindow.available, `seed ${seed}`);
    assertEquals(receiveWindow.unconsumed, 0, `seed ${seed}`);
    assertGreater(receiveWindow.available, WINDOW / 2, `seed ${seed}`);
  }
  return seen;
}

for (const mode of MODES) {
  for (const version of [PROTO_SPDY3, PROTO_SPDY3_1]) {
    Deno.test(`windows: granted, unread and returnable bytes are in balance, ${mode}, ${versionName(version)}`, () => {
      let seen = 0;
      for (let seed = 1; seed <= 40; seed++) seen += play(seed, version, mode);
      if (mode !== "automatic") assertGreater(seen, 1000);
    });
  }
}

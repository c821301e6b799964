/**
 * Every way in which a connection can end: everything that waits is settled, and
 * nothing of the connection is left.
 */

import { coreOf } from "../../connection.ts";
import type { ConnectionTuning } from "../../connection/options.ts";
import type { Stream } from "../../connection/stream/stream.ts";
import {
  CTRL_FLAG_FIN,
  GOAWAY,
  PING,
  SETTINGS,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  SYN_REPLY,
} from "../../frame/constants.ts";
import type { Frame } from "../../frame/types.ts";
import { Connection } from "../../http/connection.ts";
import { CLIENT } from "../../session/constants.ts";
import { assert, assertEquals, assertLessOrEqual } from "../deps.ts";
import { COMMON, FakePeer, VERSION } from "../helpers/fake_peer.ts";
import {
  turn,
  type VirtualTime,
  virtualTime,
} from "../helpers/virtual_time.ts";

/** The answer to the first stream, which ends the peer's direction of it. */
const REPLY_WITH_FIN: Frame = {
  ...COMMON,
  flags: CTRL_FLAG_FIN,
  frameType: SYN_REPLY,
  streamId: 1,
  nv: [["b", "answer"]],
};

interface Scene {
  readonly time: VirtualTime;
  readonly peer: FakePeer;
  readonly client: Connection;
  /** A stream whose reply the peer has sent. */
  readonly answered: Stream;
}

interface Way {
  readonly name: string;
  readonly end: (scene: Scene) => Promise<unknown>;
  readonly onFrame?: ConnectionTuning["onFrame"];
  /** The error with which `closed` rejects; missing if it resolves. */
  readonly error?: string;
  /** Statuses of the GOAWAYs that the peer receives. */
  readonly goaways?: readonly number[];
  /** The latest time of the end, ms; `closeTimeout` if it is missing. */
  readonly within?: number;
}

const WAYS: readonly Way[] = [
  {
    name: "close()",
    end: ({ client }) => client.close(),
    goaways: [0],
  },
  {
    name: "goaway() and then close()",
    end: async ({ client }) => {
      client.goaway().catch(() => {});
      await turn();
      await client.close();
    },
    goaways: [0],
  },
  {
    name: "close(), twice at once",
    end: ({ client }) => Promise.all([client.close(), client.close()]),
    goaways: [0],
  },
  {
    name: "the end of the peer's direction",
    end: ({ peer }) => peer.arrive(null),
    error: "the peer closed the transport",
  },
  {
    name: "a failed read",
    end: ({ peer }) => peer.arrive(new Deno.errors.ConnectionReset("reset")),
    error: "reading from the transport failed",
  },
  {
    name: "a failed write and the end of the peer's direction",
    end: async ({ peer, client }) => {
      peer.writeError = new Deno.errors.BrokenPipe("broken");
      client.ping().catch(() => {});
      await turn();
      await peer.arrive(null);
    },
    error: "writing to the transport failed",
    within: 0,
  },
  {
    name:
      "the end of the peer's direction, while only a write waits for its window",
    end: async ({ peer }) => {
      await peer.send(REPLY_WITH_FIN);
      await peer.arrive(null);
    },
    error: "the peer closed the transport",
    within: 0,
  },
  {
    name: "close(), whose GOAWAY cannot be written",
    end: ({ peer, client }) => {
      peer.writeError = new Deno.errors.BrokenPipe("broken");
      return client.close();
    },
  },
  {
    name: "close(), and an error of onFrame while GOAWAY is sent",
    end: ({ client }) => client.close(),
    onFrame: (direction, { frameType }) => {
      if (direction === "sent" && frameType === GOAWAY) throw new Error("no");
    },
  },
  {
    name:
      "close() that waits for bytes, and then the end of the peer's direction",
    end: async ({ peer, client, answered }) => {
      peer.blocked = true;
      await answered.write(new Uint8Array(100));
      const closing = client.close();
      await turn();
      await peer.arrive(null);
      await closing;
    },
    error: "the peer closed the transport",
  },
  {
    name: "close() that waits for bytes, and then a failed read",
    end: async ({ peer, client, answered }) => {
      peer.blocked = true;
      await answered.write(new Uint8Array(100));
      const closing = client.close();
      await turn();
      await peer.arrive(new Deno.errors.ConnectionReset("reset"));
      await closing;
    },
    error: "reading from the transport failed",
    within: 0,
  },
  {
    name: "a failed write, when the peer then does nothing",
    end: async ({ peer, client, time }) => {
      peer.writeError = new Deno.errors.BrokenPipe("broken");
      client.ping().catch(() => {});
      await turn();
      await time.advance(1000);
    },
    error: "writing to the transport failed",
  },
  {
    name: "a frame that no peer may send",
    // The rest of a PING, and the first byte of another one.
    end: ({ peer }) =>
      peer.arrive(
        Uint8Array.of(0, 0, 0, 2, 0x80, 3, 0, PING, 0, 0, 0, 1, 0),
      ),
    error: "the peer sent an invalid PING frame",
    goaways: [1],
  },
  {
    name: "a frame that no peer may send, of one that reads nothing more",
    end: async ({ peer, client }) => {
      peer.blocked = true;
      client.ping().catch(() => {});
      await turn();
      await peer.arrive(
        Uint8Array.of(0, 0, 0, 2, 0x80, 3, 0, PING, 0, 0, 0, 1, 0),
      );
    },
    error: "the peer sent an invalid PING frame",
  },
  {
    name: "silence after a PING of keepAlive",
    end: ({ time }) => time.advance(15_000),
    error: "the peer sent nothing for 10000 ms after a PING",
    within: 15_000,
  },
];

for (const way of WAYS) {
  const { name, end, error, onFrame, goaways = [], within = 1000 } = way;
  Deno.test(`every end: everything that waits settles, and no timer is left, after ${name}`, async () => {
    using time = virtualTime();
    const peer = new FakePeer();
    const client = new Connection(peer, {
      side: CLIENT,
      version: VERSION,
      keepAlive: { interval: 5000, timeout: 10_000 },
      idleTimeout: 60_000,
      headerTimeout: 60_000,
      controlFrameTimeout: 60_000,
      onFrame,
    });
    await peer.send({
      ...COMMON,
      frameType: SETTINGS,
      iv: [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 2]],
    });
    const [open, answered] = await Promise.all([
      client.openStream([["a", "open"]]),
      client.openStream([["a", "answered"]]),
    ]);
    await peer.send({
      ...COMMON,
      frameType: SYN_REPLY,
      streamId: 3,
      nv: [["b", "answer"]],
    });
    const settled: string[] = [];
    const waiting: [what: string, promise: Promise<unknown>][] = [
      ["response", open.response],
      ["trailers", answered.trailers],
      ["read", answered.readable.getReader().read()],
      ["write", open.writable.getWriter().write(new Uint8Array(200_000))],
      ["stream's end", open.closed],
      ["answered stream's end", answered.closed],
      ["queued stream", client.openStream([["a", "queued"]])],
      ["PING", client.ping()],
    ];
    for (const [what, promise] of waiting) {
      promise.then(() => {}, () => void settled.push(what));
    }
    const iterated = client[Symbol.asyncIterator]().next()
      .then(({ done }) => done === true, () => true);
    // Half of a control frame.
    await peer.arrive(Uint8Array.of(0x80, 3, 0, PING, 0, 0, 0, 4));
    assertEquals(settled, []);

    const acting = end({ time, peer, client, answered }).catch(() => {});
    // If the peer does not end its direction, closeTimeout ends the connection.
    const reason = await time.until(
      client.closed.then(() => undefined, (reason) => reason),
    );
    await time.until(acting);
    assertLessOrEqual(time.now(), within);
    if (error === undefined) assertEquals(reason, undefined);
    else {
      assert(reason instanceof Error);
      assert(String(reason).includes(error), String(reason));
    }
    await turn();
    assertEquals(
      [...settled].sort(),
      waiting.map(([what]) => what).sort(),
    );
    assertEquals(await iterated, true);
    assertEquals(peer.goaways, goaways);
    assertEquals(peer.closed, 1);
    assertEquals(client.accepting, false);
    const { streams, ready, opening, reserved, unread, ending } =
      coreOf(client).counters;
    assertEquals([streams, ready, opening, reserved, unread], [0, 0, 0, 0, 0]);
    assertEquals(ending, true);
    assertEquals(time.timers, 0);
  });
}

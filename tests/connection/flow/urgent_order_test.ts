/** An urgent frame does not wait in this side's own buffers behind much DATA of lower priority. */

import { pause } from "../../../connection/time/clock.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import {
  CLIENT,
  Connection,
  DATA,
  FrameDecoder,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
  SYN_STREAM,
} from "../../../mod.ts";
import { assertGreater, assertLessOrEqual } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";
import { versionName } from "../../helpers/version_name.ts";

/** What the link carries in 4 ms: 20 Mbit/s. */
const RATE = 10_000;
const TICK = 4;
const KIB = 1024;

/**
 * A link whose socket has room for `room` bytes, and which counts the DATA in
 * front of a SYN_STREAM.
 */
class SlowLink {
  /** Bytes of DATA frames that the socket accepted since the last SYN_STREAM. */
  data = 0;
  /** The same for the SYN_STREAM before. */
  dataBefore = 0;
  readonly #room: number;
  readonly #decoder: FrameDecoder;
  #waiting = 0;
  #closed = false;

  constructor(room: number, version: ProtocolVersion) {
    this.#room = room;
    this.#decoder = new FrameDecoder(version);
    this.#pass();
  }

  get conn(): ByteConn {
    return {
      read: () => new Promise(() => {}),
      write: (data) => this.#write(data),
      closeWrite: () => Promise.resolve(),
      close: () => {
        this.#closed = true;
      },
    };
  }

  async #pass(): Promise<void> {
    while (!this.#closed) {
      await pause(TICK);
      this.#waiting -= Math.min(this.#waiting, RATE);
    }
  }

  async #write(data: Uint8Array): Promise<number> {
    while (this.#waiting >= this.#room) await pause(TICK);
    const size = Math.min(data.length, this.#room - this.#waiting);
    this.#waiting += size;
    this.#decoder.push(data.slice(0, size));
    for (;;) {
      const frame = this.#decoder.next();
      if (frame === undefined) return size;
      if (frame.frameType === SYN_STREAM) {
        this.dataBefore = this.data;
        this.data = 0;
      } else if (frame.frameType === DATA) this.data += frame.data.length;
    }
  }
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3] as const) {
  for (const room of version === PROTO_SPDY2 ? [4] : [256]) {
    Deno.test(`urgent order: at most 16 KiB of DATA are sent before an urgent SYN_STREAM, ${versionName(version)}, ${room} KiB in the socket`, async () => {
      using time = virtualTime();
      const link = new SlowLink(room * KIB, version);
      const connection = new Connection(link.conn, {
        side: CLIENT,
        version,
        flowControl: false,
        closeTimeout: 1,
      });
      connection.closed.catch(() => {});
      const bulk = await connection.openStream([], { pri: 3 });
      const writing = (async () => {
        for (;;) await bulk.write(new Uint8Array(64 * KIB));
      })().catch(() => {});
      let worst = 0;
      for (let count = 0; count < 6; count++) {
        await time.advance(200 + 7 * count);
        link.data = 0;
        const opening = connection.openStream([], { pri: 0, fin: true });
        await time.advance(40);
        await opening;
        worst = Math.max(worst, link.dataBefore);
      }
      assertLessOrEqual(worst, 16 * KIB);
      assertGreater(worst, 0);
      const closing = connection.close();
      await time.advance(1000);
      await closing;
      await writing;
    });
  }
}

/**
 * On a slow link, a timeout counts from the time at which the peer can have
 * received the request.
 */

import type { ConnectionTuning } from "../../../connection/options.ts";
import type { Stream } from "../../../connection/stream/stream.ts";
import { pause } from "../../../connection/time/clock.ts";
import type { ByteStreams } from "../../../connection/transport/transport.ts";
import { PROTO_SPDY2, PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import type { NameValue } from "../../../frame/types.ts";
import { assert, assertEquals, assertRejects } from "../../deps.ts";
import {
  memoryStreams,
  type Pair,
  pairOver,
} from "../../helpers/connections.ts";
import { nextStream } from "../../helpers/http.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";
import { versionName } from "../../helpers/version_name.ts";

const NV: NameValue[] = [["a", "b"]];
const SECOND = 1000;
/** What the link carries in the time of {@linkcode PACE}, bytes. */
const PIECE = 65536;
const PACE = 3 * SECOND;
const SILENCE = 5 * SECOND;
const KEEP_ALIVE: ConnectionTuning = {
  keepAlive: { interval: 2 * SECOND, timeout: SILENCE },
};

/** How the client's bytes are sent. */
interface Link {
  /** Time for each piece, ms. */
  delay: number;
  /** Nothing passes any more. */
  stopped: boolean;
  /** Everything is accepted and lost. */
  lost: boolean;
}

/** The link: what the client writes passes piece by piece. */
function slowPair(
  link: Link,
  version: typeof PROTO_SPDY2 | typeof PROTO_SPDY3_1,
  client: ConnectionTuning,
): Pair {
  const [left, right] = memoryStreams();
  const writer = left.writable.getWriter();
  const slow: ByteStreams = {
    readable: left.readable,
    writable: new WritableStream<Uint8Array>({
      async write(bytes) {
        if (link.delay > 0) {
          await pause(bytes.length / PIECE * link.delay);
        }
        if (link.stopped) await new Promise(() => {});
        if (!link.lost) await writer.write(bytes.slice());
      },
      close: () => writer.close(),
      abort: (reason) => writer.abort(reason),
    }),
  };
  return pairOver(slow, right, {
    version,
    client,
    both: { flowControl: false },
  });
}

async function openBoth(pair: Pair): Promise<[Stream, Stream]> {
  const own = await pair.client.openStream(NV, { pri: 0 });
  const peer = await nextStream(pair.server);
  await peer.reply(NV);
  await own.response;
  return [own, peer];
}

/** An upload that is read at once, and answered only with PINGs. */
async function upload(pair: Pair, size: number): Promise<number> {
  const [own, peer] = await openBoth(pair);
  own.write(new Uint8Array(size)).then(() => own.closeWrite()).catch(() => {});
  let arrived = 0;
  for await (const chunk of peer.readable) arrived += chunk.length;
  return arrived;
}

function fastLink(): Link {
  return { delay: 0, stopped: false, lost: false };
}

for (const version of [PROTO_SPDY2, PROTO_SPDY3_1] as const) {
  Deno.test(`slow link: a PING behind a full send buffer does not time out, ${versionName(version)}`, async () => {
    using time = virtualTime();
    const link = { ...fastLink(), delay: PACE };
    await using pair = slowPair(link, version, KEEP_ALIVE);
    const size = 20 * PIECE;
    const uploaded = upload(pair, size);
    await time.advance(30 * PACE);
    assertEquals(await uploaded, size);
    assert(pair.client.accepting);
    link.delay = 0;
  });

  Deno.test(`slow link: a peer that reads nothing times out, ${versionName(version)}`, async () => {
    using time = virtualTime();
    const link = { ...fastLink(), delay: PACE };
    const pair = slowPair(link, version, KEEP_ALIVE);
    const uploaded = assertRejects(() => upload(pair, 20 * PIECE));
    await time.advance(4 * PACE);
    link.stopped = true;
    const ended = assertRejects(
      () => pair.client.closed,
      Error,
      "5000 ms after a PING",
    );
    await time.advance(2 * SILENCE);
    await ended;
    await pair.server.close();
    await uploaded;
  });

  Deno.test(`slow link: a peer that reads a PING and stays silent times out, ${versionName(version)}`, async () => {
    using time = virtualTime();
    const link = { ...fastLink(), delay: PACE };
    const pair = slowPair(link, version, KEEP_ALIVE);
    const uploaded = assertRejects(() => upload(pair, 40 * PIECE));
    await time.advance(4 * PACE);
    link.lost = true;
    const ended = assertRejects(
      () => pair.client.closed,
      Error,
      "after a PING",
    );
    // The link accepts all bytes, before the PING and after it.
    await time.advance(6 * PACE + SILENCE);
    await ended;
    await pair.server.close();
    await uploaded;
  });

  Deno.test(`slow link: headerTimeout counts from the moment SYN_STREAM was sent, ${versionName(version)}`, async () => {
    using time = virtualTime();
    const link = fastLink();
    const pair = slowPair(link, version, { headerTimeout: SILENCE });
    const [own, peer] = await openBoth(pair);
    link.delay = PACE;
    own.write(new Uint8Array(3 * PIECE)).catch(() => {});
    const opening = pair.client.openStream(NV, { pri: 3 });
    const reading = peer.read(new Uint8Array(PIECE));
    await time.advance(3.5 * PACE);
    await reading;
    const asked = await opening;
    const answering = await nextStream(pair.server);
    await answering.reply([["ok", "1"]]);
    assertEquals(await asked.response, [["ok", "1"]]);
    // The next one is not answered.
    const unanswered = await pair.client.openStream(NV);
    const late = assertRejects(
      () => unanswered.response,
      Error,
      "5000 ms",
    );
    await time.advance(PACE + SILENCE);
    await late;
    link.delay = 0;
    const closing = Promise.all([pair.client.close(), pair.server.close()]);
    await time.advance(10 * SECOND);
    await closing;
  });
}

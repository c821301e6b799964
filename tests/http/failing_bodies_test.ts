/** How far a response is sent whose body fails while the transport is slow. */

import {
  CTRL_FLAG_FIN,
  DATA,
  INTERNAL_ERROR,
  PING,
  RST_STREAM,
  SYN_REPLY,
  SYN_STREAM,
} from "../../frame/constants.ts";
import type { Frame } from "../../frame/types.ts";
import { serveConnection } from "../../http/server/serve_connection.ts";
import { assertEquals } from "../deps.ts";
import { waitFor, waitUntil } from "../helpers/deadline.ts";
import { COMMON, FakePeer, VERSION } from "../helpers/fake_peer.ts";
import { REQUEST } from "../helpers/http.ts";
import { turn } from "../helpers/virtual_time.ts";

/** A peer that reads only when the test lets it. */
class SlowPeer extends FakePeer {
  #reads = Promise.withResolvers<void>();
  /** Settles when a write waits. */
  waits = Promise.withResolvers<void>();

  constructor() {
    super();
    this.resume();
  }

  pause(): void {
    this.#reads = Promise.withResolvers();
    this.waits = Promise.withResolvers();
  }

  resume(): void {
    this.#reads.resolve();
  }

  override async write(bytes: Uint8Array): Promise<number> {
    this.waits.resolve();
    await this.#reads.promise;
    return await super.write(bytes);
  }

  ask(streamId: number, path: string): Promise<void> {
    return this.send({
      ...COMMON,
      frameType: SYN_STREAM,
      flags: CTRL_FLAG_FIN,
      streamId,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv: REQUEST.map((
        [name, value],
      ) => [name, name === ":path" ? path : value]),
    });
  }

  /** The frames of the stream: DATA as its length, RST_STREAM as its status. */
  told(streamId: number): unknown[] {
    const told: unknown[] = [];
    for (const frame of this.received as Frame[]) {
      if (!("streamId" in frame) || frame.streamId !== streamId) continue;
      if (frame.frameType === SYN_REPLY) told.push("reply");
      if (frame.frameType === DATA) told.push(frame.data.length);
      if (frame.frameType === RST_STREAM) told.push(frame.statusCode);
    }
    return told;
  }

  /** The same once the stream was reset; lets all writes pass. */
  async toldToTheEnd(streamId: number): Promise<unknown[]> {
    this.resume();
    await waitUntil(
      `the reset of stream ${streamId}`,
      () => this.told(streamId).includes(INTERNAL_ERROR),
    );
    return this.told(streamId);
  }
}

/** Serves a body that the test controls at `/failing`, and `large` bytes elsewhere. */
function start(large: number) {
  const peer = new SlowPeer();
  const failed = Promise.withResolvers<void>();
  let body: ReadableStreamDefaultController<Uint8Array> | undefined;
  const served = serveConnection(peer, {
    version: VERSION,
    maxSendBuffer: 4096,
    onError: () => {
      failed.resolve();
      return new Response();
    },
  }, (request) => {
    if (!request.url.endsWith("/failing")) {
      return new Response(new Uint8Array(large));
    }
    return new Response(
      new ReadableStream({
        start: (controller) => {
          body = controller;
        },
      }),
    );
  });
  return {
    peer,
    served,
    async fail(size: number): Promise<void> {
      if (size > 0) body?.enqueue(new Uint8Array(size));
      await turn();
      body?.error(new Error("the body failed"));
      await waitFor("the error to be reported", failed.promise);
    },
    async end(): Promise<void> {
      await peer.arrive(null);
      await served.finished.catch(() => {});
    },
  };
}

Deno.test("serve: a body that fails during a write loses no bytes, even if the client sends something meanwhile", async () => {
  const { peer, fail, end } = start(10);
  await peer.ask(1, "/failing");
  await turn();
  peer.pause();
  await peer.ask(3, "/other");
  await waitFor("a write that waits", peer.waits.promise);
  await fail(7);
  await peer.send({ ...COMMON, frameType: PING, uniqueId: 1 });
  assertEquals(await peer.toldToTheEnd(1), ["reply", 7, INTERNAL_ERROR]);
  await end();
});

Deno.test("serve: a body that fails while other streams fill the write buffer loses no bytes", async () => {
  const { peer, fail, end } = start(60_000);
  await peer.ask(1, "/failing");
  await turn();
  peer.pause();
  await peer.ask(3, "/other");
  await waitFor("a write that waits", peer.waits.promise);
  await fail(7);
  assertEquals(await peer.toldToTheEnd(1), ["reply", 7, INTERNAL_ERROR]);
  await end();
});

Deno.test("serve: a body that fails at its start while other streams fill the write buffer has a head", async () => {
  const { peer, fail, end } = start(60_000);
  peer.pause();
  await peer.ask(1, "/other");
  await waitFor("a write that waits", peer.waits.promise);
  await peer.ask(3, "/failing");
  await fail(0);
  assertEquals(await peer.toldToTheEnd(3), ["reply", INTERNAL_ERROR]);
  await end();
});

/**
 * Keeps the compiled code of the classes of a stream, by keeping one object of each
 * class alive; see `zlib/deflate.ts`. With a full garbage collection every 0.8 s, a
 * connection answers a quarter more requests this way.
 *
 * @module
 */

import { Deferred } from "./deferred.ts";
import { createStream, type Stream } from "./stream/stream.ts";
import { StreamCore, type StreamHost } from "./stream/stream_core.ts";
import { StreamInit } from "./stream/stream_init.ts";

const INIT = new StreamInit(true, [], 0, 0, false, true);

/** A stream without a connection; do not use it. */
export const KEPT_STREAM: Stream = createStream(
  new StreamCore({} as StreamHost, 1, INIT),
);

/** Keeps the compiled code of the promises of streams. */
export const KEPT_PROMISE: Deferred<void> = new Deferred();

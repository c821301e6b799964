/**
 * Keeps the compiled code of the classes of a stream.
 *
 * @module
 */

import { keepCompiledCode } from "../compiled_code.ts";
import { Deferred } from "./deferred.ts";
import { createStream, type Stream } from "./stream/stream.ts";
import { StreamCore, type StreamHost } from "./stream/stream_core.ts";
import { StreamInit } from "./stream/stream_init.ts";

const INIT = new StreamInit(true, [], 0, 0, false, true);

/**
 * A stream without a connection, from which other classes make objects whose compiled
 * code is to be kept.
 */
export const KEPT_STREAM: Stream = createStream(
  new StreamCore({} as StreamHost, 1, INIT),
);

keepCompiledCode(KEPT_STREAM);
keepCompiledCode(new Deferred<void>());

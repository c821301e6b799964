/**
 * The streams that the peer opens, until the application gets them.
 *
 * @module
 */

import { CANCEL, REFUSED_STREAM } from "../../frame/constants.ts";
import type { SynStreamFrame } from "../../frame/types.ts";
import { CLIENT } from "../../session/constants.ts";
import { AcceptQueue } from "../accept_queue.ts";
import {
  maxConcurrentStreams,
  type ResolvedOptions,
  STREAMS_WAIT,
} from "../options.ts";
import type { Timeouts } from "../timeouts.ts";
import { type HeldBytes, sizeOfStream } from "./held_bytes.ts";
import type { OpenStreams } from "./open_streams.ts";
import { createStream, type Stream, streamCoreOf } from "./stream.ts";
import { StreamCore, type StreamHost } from "./stream_core.ts";
import { peerStreamInit } from "./stream_init.ts";

/** The parts of a connection that {@linkcode PeerStreams} uses. */
export interface PeerStreamsHost extends StreamHost {
  readonly options: ResolvedOptions;
  readonly streams: OpenStreams;
  readonly heldBytes: HeldBytes;
  readonly timeouts: Timeouts;
  readonly ending: {
    /** Why nothing can be sent any more. */
    readonly writeError: unknown;
    /** Whether this side submitted GOAWAY. */
    readonly leaving: boolean;
  };
}

/** Passes new streams to the parent of a push or to the application, or refuses them. */
export class PeerStreams {
  /** Streams for the application. */
  readonly queue: AcceptQueue<Stream> = new AcceptQueue(
    (stream) => streamCoreOf(stream).addUser(),
    (stream) => streamCoreOf(stream).removeUser(),
  );
  readonly #host: PeerStreamsHost;
  /** Whether the application has waited for a stream. */
  #iterated = false;

  constructor(host: PeerStreamsHost) {
    this.#host = host;
  }

  /** The next stream for the application. */
  accept(): Promise<IteratorResult<Stream, undefined>> {
    const next = this.queue.next();
    if (this.queue.reading > 0) {
      this.#iterated = true;
      this.#host.receiveFlow.reconsider();
    }
    return next;
  }

  /** Whether the application waits for a stream. Most servers always do. */
  get awaited(): boolean {
    return this.#iterated && this.queue.reading > 0;
  }

  /** Called when the peer opened a stream. */
  opened(frame: SynStreamFrame): StreamCore {
    const { streams, heldBytes, timeouts, ending } = this.#host;
    const size = sizeOfStream(frame.nv);
    // A stream that is not processed according to GOAWAY must really not be
    // processed, because the peer may send it again elsewhere.
    const isTaken = !ending.leaving && heldBytes.mayHold(size);
    // A refused stream is kept without its headers, for which there may be no room,
    // until its RST_STREAM was sent.
    const init = peerStreamInit(frame, isTaken ? frame.nv : []);
    const core = new StreamCore(this.#host, frame.streamId, init);
    streams.add(core);
    if (!isTaken) {
      core.reset(REFUSED_STREAM);
      return core;
    }
    heldBytes.open(core, size);
    if (ending.writeError !== undefined) {
      core.sendBuffer.fail(ending.writeError);
    }
    timeouts.streamOpened();
    this.#handOver(core, streams.get(frame.assocStreamId));
    return core;
  }

  #handOver(core: StreamCore, parent: StreamCore | undefined): void {
    const { maxWaitingStreams } = this.#host.options;
    const { queue } = this;
    const most = parent?.mostWaiting ?? maxWaitingStreams;
    if (parent?.onPush !== undefined) {
      pass(parent, core);
    } else if (
      (parent?.mostWaiting === undefined || queue.asked) &&
      queue.size < Math.min(most, maxWaitingStreams)
    ) {
      queue.push(createStream(core));
    } else {
      core.reset(REFUSED_STREAM);
    }
  }

  /**
   * Limits the bodies of requests above `maxConcurrentStreams`, which wait for a
   * place, to `maxBufferedBytes` in total. The latest requests that do not fit are
   * refused: they were not processed, so the client may send them again.
   */
  boundWaiting(): void {
    const { options, streams } = this.#host;
    if (!options[STREAMS_WAIT] || this.queue.size === 0) return;
    if (streams.peerOpen <= maxConcurrentStreams(options)) return;
    let held = 0;
    for (const stream of this.queue.waiting()) {
      const core = streamCoreOf(stream);
      // Bytes of a stream that was reset count in `maxHeldBytes`.
      if (core.ended) continue;
      const { size } = core.receiveBuffer;
      if (held + size <= options.maxBufferedBytes) held += size;
      else core.reset(REFUSED_STREAM);
    }
  }

  /**
   * Refuses waiting pushes on a client that does not iterate over the connection,
   * so that they do not delay the end of the connection.
   */
  refuseUnclaimed(): void {
    if (this.#host.options.side !== CLIENT || this.queue.asked) return;
    for (const stream of this.queue.takeAll()) stream.reset(REFUSED_STREAM);
  }
}

/** Passes a push to the handler of its parent stream; an exception there ends only these two streams. */
function pass(parent: StreamCore, pushed: StreamCore): void {
  try {
    parent.onPush?.(pushed);
  } catch (error) {
    pushed.reset(CANCEL, error);
    parent.reset(CANCEL, error);
  }
}

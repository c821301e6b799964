/**
 * The sending half of a stream: submits its reply, its headers and its bytes to the
 * session, in the order in which the application sent them.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";
import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_NONE,
  DATA_FLAG_FIN,
  DATA_FLAG_NONE,
  INTERNAL_ERROR,
} from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { DataProvider, type Session } from "../../session.ts";
import { READ_EOF } from "../../session/constants.ts";
import type { Place, SendBuffer } from "../buffers/send_buffer.ts";
import { Deferred } from "../deferred.ts";
import type { StreamInit } from "./stream_init.ts";

/** The parts of its stream that the sending half uses. */
export interface SendingStream {
  readonly id: number;
  readonly init: StreamInit;
  readonly sendBuffer: SendBuffer;
  /** Whether it has closed or failed. */
  readonly ended: boolean;
  /** Why it failed; `undefined` while it is open, and after a clean end. */
  readonly failure: unknown;
  /** Throws when the stream has ended. */
  checkOpen(): void;
  /** There is something to submit before the next write. */
  schedule(): void;
  /** Ends the stream at once. */
  reset(statusCode: number, error: unknown): void;
}

interface HeadersToSend {
  readonly nv: NameValue[];
  readonly fin: boolean;
  readonly sent: Deferred<void>;
  /** Its place among the bytes of the stream. */
  readonly place: Place;
}

/**
 * Shared by all streams without such headers, because a list takes 32 bytes. Nothing is
 * added to it.
 */
const NO_HEADERS: HeadersToSend[] = [];

export class StreamSender {
  readonly #stream: SendingStream;
  readonly #session: Session;
  #replied: boolean;
  #provider: DataProvider | undefined;
  /** A DATA item is in the session's queue. */
  #dataSubmitted = false;
  /** HEADERS frames that are not submitted, in order. */
  #headers: HeadersToSend[] = NO_HEADERS;
  #isReplyUnsent = false;
  /** The SYN_REPLY that is submitted but not sent, if somebody waits for it. */
  #unsentReply: Deferred<void> | undefined;
  /** The HEADERS frames that are submitted but not sent, in order. */
  #unsentHeaders: HeadersToSend[] = NO_HEADERS;

  constructor(stream: SendingStream, session: Session) {
    this.#stream = stream;
    this.#session = session;
    // On its own streams this side can send DATA without a reply.
    this.#replied = stream.init.own;
  }

  /** Whether DATA can be sent: on a stream of the peer only after the reply. */
  get replied(): boolean {
    return this.#replied;
  }

  /** Whether neither the reply nor bytes wait to be sent. */
  get isSent(): boolean {
    return !this.#isReplyUnsent && this.#stream.sendBuffer.size === 0;
  }

  /** Whether bytes wait only for the peer's window. */
  get waitsForWindow(): boolean {
    return this.#replied && this.#stream.sendBuffer.size > 0;
  }

  /** Whether bytes whose writes have resolved are still to be sent. */
  get hasAcceptedBytes(): boolean {
    return this.#replied && this.#stream.sendBuffer.accepted > 0;
  }

  /** Whether a reply or headers were not sent. */
  get hasUnsentHeaders(): boolean {
    return this.#unsentReply !== undefined || this.#unsentHeaders.length > 0 ||
      this.#headers.length > 0;
  }

  /** Replies; resolves when the reply has been sent. */
  reply(nv: NameValue[], fin: boolean): Promise<void> {
    this.submitReply(nv, fin);
    return this.whenReplySent();
  }

  /** Submits the reply without waiting until it is sent. */
  submitReply(nv: NameValue[], fin: boolean): void {
    const { id, init, sendBuffer } = this.#stream;
    if (init.own || init.unidirectional) {
      throw new InvalidArgumentError(
        `stream ${id} cannot be replied to: ${
          init.own ? "this side opened it" : "it is unidirectional"
        }`,
      );
    }
    this.#stream.checkOpen();
    sendBuffer.check();
    if (this.#replied) {
      throw new InvalidArgumentError(`stream ${id} already has a reply`);
    }
    // Bytes written before the reply are sent after it, and FIN after them.
    const ends = fin && sendBuffer.idle;
    const flags = ends ? CTRL_FLAG_FIN : CTRL_FLAG_NONE;
    this.#session.submitSynReply(flags, id, nv);
    this.#replied = true;
    this.#isReplyUnsent = true;
    if (ends) sendBuffer.finish();
    else if (fin) sendBuffer.end();
    this.#stream.schedule();
  }

  /** Resolves when the reply that was just submitted has been sent. */
  whenReplySent(): Promise<void> {
    this.#unsentReply = new Deferred<void>();
    return this.#unsentReply.promise;
  }

  /** Sends HEADERS after the bytes written so far; resolves when they have been sent. */
  sendHeaders(nv: NameValue[], fin: boolean): Promise<void> {
    const { id, sendBuffer } = this.#stream;
    this.#stream.checkOpen();
    if (!this.#replied) {
      throw new InvalidArgumentError(
        `stream ${id} has no reply yet: call reply() before sendHeaders()`,
      );
    }
    sendBuffer.check();
    if (sendBuffer.ended || sendBuffer.ending) {
      throw new InvalidArgumentError(
        `this side has already ended its half of stream ${id}`,
      );
    }
    const sent = new Deferred<void>();
    const headers = { nv, fin, sent, place: sendBuffer.place() };
    if (this.#headers === NO_HEADERS) this.#headers = [headers];
    else this.#headers.push(headers);
    if (fin) sendBuffer.seal();
    this.#stream.schedule();
    return sent.promise;
  }

  /**
   * Submits waiting bytes at once, so that a reply and a short body are sent together
   * and read at once.
   */
  submitNow(): void {
    this.submit(this.#session);
  }

  /** Whether bytes can be sent now, and no others of the stream come before them. */
  get isClear(): boolean {
    const { ended, failure } = this.#stream;
    return !ended && failure === undefined && this.#replied &&
      !this.#dataSubmitted && this.#headers.length === 0 &&
      this.#unsentHeaders.length === 0;
  }

  /** Submits waiting headers and bytes; called when the write buffer has room. */
  submit(session: Session): void {
    const { ended, failure, sendBuffer } = this.#stream;
    if (ended || failure !== undefined || !this.#replied) return;
    if (this.#dataSubmitted) return;
    while (
      this.#headers.length > 0 &&
      sendBuffer.before(this.#headers[0].place) === 0
    ) {
      this.#submitHeaders(session, this.#headers.shift() as HeadersToSend);
    }
    // DATA in the session's queue can overtake HEADERS.
    if (this.#unsentHeaders.length > 0) return;
    const fin = sendBuffer.complete && this.#headers.length === 0;
    if (this.#sendable > 0 || fin && !sendBuffer.ended) {
      this.#provider ??= new DataProvider(this, provideFrom);
      this.#dataSubmitted = true;
      session.submitData(
        this.#stream.id,
        fin ? DATA_FLAG_FIN : DATA_FLAG_NONE,
        this.#provider,
      );
    }
  }

  #submitHeaders(session: Session, headers: HeadersToSend): void {
    const { nv, fin, sent } = headers;
    const flags = fin ? CTRL_FLAG_FIN : CTRL_FLAG_NONE;
    try {
      session.submitHeaders(flags, this.#stream.id, nv);
    } catch (error) {
      if (fin) this.#stream.sendBuffer.unseal();
      sent.reject(error);
      return;
    }
    if (this.#unsentHeaders === NO_HEADERS) this.#unsentHeaders = [headers];
    else this.#unsentHeaders.push(headers);
  }

  /** Returns at most `length` bytes to the session. */
  provide(length: number, readCtrl: { flags: number }): Uint8Array {
    const { sendBuffer } = this.#stream;
    const view = sendBuffer.take(Math.min(length, this.#sendable));
    const { failure } = this.#stream;
    if (this.#sendable === 0) {
      this.#dataSubmitted = false;
      // After a failure no FIN is sent, because the peer must not accept a
      // truncated body as complete.
      if (failure !== undefined) return view;
      readCtrl.flags = READ_EOF;
      if (
        this.#headers.length > 0 || sendBuffer.size > 0 || sendBuffer.ending
      ) this.#stream.schedule();
    }
    return view;
  }

  /** Bytes that may be sent before the next HEADERS. */
  get #sendable(): number {
    const { sendBuffer } = this.#stream;
    return this.#headers.length === 0
      ? sendBuffer.size
      : Math.min(sendBuffer.size, sendBuffer.before(this.#headers[0].place));
  }

  // Called by the connection for the session's events.

  /** The SYN_REPLY was sent, or could not be. */
  replySent(error?: unknown): void {
    this.#isReplyUnsent = false;
    settle(this.#unsentReply, error);
    this.#unsentReply = undefined;
    // Without a reply, which may have been too large, nothing else can be sent.
    if (error !== undefined) this.#stream.reset(INTERNAL_ERROR, error);
  }

  /** The first submitted HEADERS were sent, or could not be. */
  headersSent(error?: unknown): void {
    const headers = this.#unsentHeaders.shift();
    if (headers === undefined) return;
    settle(headers.sent, error);
    if (!headers.fin) this.#stream.schedule();
    else if (error === undefined) this.#stream.sendBuffer.finish();
    // Without the trailers the peer would wait for FIN forever.
    else this.#stream.reset(INTERNAL_ERROR, error);
  }

  /** Rejects what waits for the reply or for headers to be sent. */
  rejectUnsent(error: unknown): void {
    this.#unsentReply?.reject(error);
    for (const { sent } of this.#unsentHeaders.splice(0)) sent.reject(error);
    for (const { sent } of this.#headers.splice(0)) sent.reject(error);
  }
}

/** The read callback of all streams, which saves a closure for each. */
function provideFrom(
  _session: Session,
  _streamId: number,
  length: number,
  readCtrl: { flags: number },
  source: unknown,
): Uint8Array {
  return (source as StreamSender).provide(length, readCtrl);
}

function settle(sent: Deferred<void> | undefined, error: unknown): void {
  if (error === undefined) sent?.resolve();
  else sent?.reject(error);
}

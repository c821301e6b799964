/**
 * Receives the responses that a server pushes with another response (SPDY/3 draft
 * 3.3).
 *
 * @module
 */

import { Deferred, handled } from "../../connection/deferred.ts";
import { type Stream, streamCoreOf } from "../../connection/stream/stream.ts";
import { CANCEL, PROTOCOL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { valueOf } from "../message/fields.ts";
import { HttpMessageError } from "../message/message_error.ts";
import { originOf, readPushedUrl } from "../message/request_head.ts";
import type { PushedResponse } from "./fetch_init.ts";
import { networkError } from "./network_error.ts";
import type { OutgoingRequest } from "./outgoing_request.ts";
import { receiveResponse } from "./receive_response.ts";

/** Passes a pushed stream that belongs to `request` to `onPush`, or refuses it. */
export function receivePush(
  pushed: Stream,
  request: Pick<OutgoingRequest, "nv" | "init" | "signal">,
  onPush: (push: PushedResponse) => void,
): void {
  const core = streamCoreOf(pushed);
  let url: string;
  try {
    url = readPushedUrl(pushed.headers);
    checkOrigin(url, request.nv);
  } catch (error) {
    // Rule: a push without :scheme, :host and :path is reset (draft 3.3.1).
    core.reset(PROTOCOL_ERROR, error);
    return;
  }
  const head = collectHead(pushed);
  const { init, signal } = request;
  const asked = { url, method: "GET", init, redirected: false, signal };
  const response = handled(
    head.nv.then((nv) =>
      receiveResponse(
        pushed,
        nv,
        asked,
        () => pushed.trailers.then((all) => all.slice(head.headersTaken())),
      )
    ).catch((error) => {
      throw networkError("the pushed response failed", error, signal);
    }),
  );
  onPush({
    url,
    get response() {
      head.awaited();
      return response;
    },
    cancel: () => pushed.reset(CANCEL),
  });
}

/**
 * Rule: a server may push only for the origin of the request (draft 3.3.1). A :path
 * can be an absolute URL, so the resulting URL is checked.
 */
function checkOrigin(url: string, asked: readonly NameValue[]): void {
  const { origin } = new URL(url);
  const wanted = originOf(asked);
  if (origin !== wanted) {
    throw new HttpMessageError(
      `the server pushed a response for ${origin}, but the request was for ${wanted}`,
    );
  }
}

interface PushedHead {
  /** Resolves to the complete headers. */
  readonly nv: Promise<NameValue[]>;
  /** Called when the application waits for them. */
  awaited(): void;
  /** Number of headers from HEADERS frames that belong to the head. */
  headersTaken(): number;
}

/**
 * Whether HEADERS repeat the `:version` of the SYN_STREAM with the same value.
 * Netty requires it in both frames and sends it in both.
 */
function repeatsVersion(
  [name, value]: NameValue,
  nv: readonly NameValue[],
): boolean {
  return name === ":version" && valueOf(nv, name) === value;
}

/** Collects the head of the response, which is in the SYN_STREAM or in later HEADERS. */
function collectHead(pushed: Stream): PushedHead {
  const head = new Deferred<NameValue[]>();
  const nv = [...pushed.headers];
  const seen = new Set(nv.map(([name]) => name));
  let taken = 0;
  let complete = seen.has(":status");
  const core = streamCoreOf(pushed);
  const finish = (): void => {
    core.headAwaited = false;
    head.resolve(nv);
  };
  if (complete) finish();
  pushed.onHeaders = (more) => {
    const news = more.filter((pair) => !repeatsVersion(pair, nv));
    const names = news.map(([name]) => name);
    const again = names.find((name) => seen.has(name));
    if (again !== undefined) {
      // Rule: HEADERS must not repeat a header that was sent before (draft 3.3.1).
      const error = new HttpMessageError(
        `the pushed stream ${pushed.id} sends ${again} a second time`,
      );
      core.reset(PROTOCOL_ERROR, error);
      return;
    }
    for (const name of names) seen.add(name);
    if (complete) return;
    nv.push(...news);
    taken += more.length;
    complete = seen.has(":status");
    if (complete) finish();
  };
  // The stream ended without a head: the headers that exist then produce the right
  // error. It must not count as a waiting application: see `StreamCore.wait`.
  core.trailers.observed.then(finish, (error) => head.reject(error));
  return {
    nv: head.promise,
    awaited: () => {
      if (complete || core.remoteEnded) return;
      core.headAwaited = true;
      core.waits();
    },
    headersTaken: () => taken,
  };
}

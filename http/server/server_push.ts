/**
 * Pushes responses with another response (SPDY/3 draft 3.3).
 *
 * @module
 */

import { attempt, promiseOf } from "../../connection/deferred.ts";
import type { StreamCore } from "../../connection/stream/stream_core.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { INTERNAL_ERROR } from "../../frame/constants.ts";
import { checkNames, type Names } from "../../values.ts";
import { isLocalFault } from "../message/message_error.ts";
import { pathOf } from "../message/request_head.ts";
import { checked, dropUnsent } from "./handler_response.ts";
import { sendResponse } from "./send_response.ts";
import type { PushInit, ServeInfo } from "./serve_options.ts";

const PUSH_INIT_NAMES: Names<PushInit> = {
  headers: true,
  pri: true,
  response: true,
};

/** Creates the response to push. Called after the push was announced to the client. */
export type PushedAnswer = (
  url: string,
  headers: Headers,
) => Response | Promise<Response>;

/**
 * Opens a stream for the response to `GET path`, and sends that response when it is
 * available. Resolves when the stream was announced.
 */
export async function pushResponse(
  parent: StreamCore,
  parentUrl: string,
  path: string,
  init: PushInit,
  answer: PushedAnswer,
  onFault: (error: unknown) => void,
): Promise<StreamCore> {
  let announced: Announced;
  try {
    announced = await announce(parent, parentUrl, path, init);
  } catch (error) {
    dropUnsent(init?.response);
    throw error;
  }
  const { pushed, url, headers } = announced;
  sendPushed(pushed, init.response ?? answer(url, headers), onFault);
  return pushed;
}

/** A push that was announced, and the request that it answers. */
interface Announced {
  readonly pushed: StreamCore;
  readonly url: string;
  readonly headers: Headers;
}

async function announce(
  parent: StreamCore,
  parentUrl: string,
  path: string,
  init: PushInit,
): Promise<Announced> {
  checkNames("push", init, PUSH_INIT_NAMES);
  const base = new URL(parentUrl);
  const url = new URL(path, base);
  // Rule: a server pushes only for the origin of the request (draft 3.3.1).
  if (url.origin !== base.origin) {
    throw new InvalidArgumentError(
      `${url.href} cannot be pushed with ${base.href}: its origin is different`,
    );
  }
  url.hash = "";
  // Invalid headers throw before the client is told of the stream.
  const headers = new Headers(init.headers);
  const pushed = await parent.push(
    // Netty resets a push without :method and :version, which the draft (3.3.1)
    // does not require, and needs :version in the HEADERS with :status as well.
    [
      [":host", url.host],
      [":method", "GET"],
      [":path", pathOf(url)],
      [":scheme", url.protocol.slice(0, -1)],
      [":version", "HTTP/1.1"],
    ],
    { pri: init.pri },
    (core) => core,
  );
  return { pushed, url: url.href, headers };
}

/** Calls `onFault` if the response cannot be sent, but not if the client left. */
async function sendPushed(
  pushed: StreamCore,
  response: Response | Promise<Response>,
  onFault: (error: unknown) => void,
): Promise<void> {
  let isReported = false;
  const failed = (error: unknown): void => {
    isReported = true;
    onFault(error);
  };
  try {
    const sent = sendResponse(pushed, checked(await response), {
      method: "GET",
      // DATA can overtake HEADERS that wait, so the body waits for the head.
      sendHead: (nv, fin) => pushed.sender.sendHeaders(nv, fin),
      trailers: undefined,
      isEnding: false,
      failed,
    });
    await promiseOf(sent);
  } catch (error) {
    if (!isReported && (!pushed.ended || isLocalFault(error))) failed(error);
    // If the half has ended, the client refused the push or left.
    if (!pushed.sendBuffer.ended) pushed.reset(INTERNAL_ERROR, error);
  }
}

/** The information for a handler that creates a pushed response. */
export function pushedInfo<Addr extends Deno.Addr | undefined>(
  info: ServeInfo<Addr>,
): ServeInfo<Addr> {
  const { remoteAddr, proxyHead, stream } = info;
  const refuse = (what: string): never => {
    throw new InvalidArgumentError(`a pushed response cannot have ${what}`);
  };
  return {
    get completed() {
      return info.completed;
    },
    remoteAddr,
    proxyHead,
    stream,
    // Created on first use, because it counts as a wait for the trailers.
    get trailers() {
      return info.trailers;
    },
    sendTrailers: () => refuse("trailers"),
    push: () => attempt(() => refuse("pushes of its own")),
  };
}

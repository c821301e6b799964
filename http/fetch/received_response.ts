/**
 * A light `Response` for a received message. The platform's own object is created
 * only if the program needs it.
 *
 * @module
 */

import { isNullBodyStatus } from "../message/null_body.ts";
import type { ResponseHead } from "../message/response_head.ts";
import { isPlain, isPlainList } from "../platform/header_text.ts";
import { makeImmutable } from "../platform/immutable_headers.ts";
import { setLinearIterators } from "../platform/linear_iterators.ts";
import {
  certainlyStandsIn,
  HELD,
  Held,
  type StandInBody,
  standInFor,
  standInLater,
  streamOfBytes,
} from "../platform/stand_in.ts";

/** The parts of a received response. */
export type ReceivedHead =
  & Pick<ResponseHead, "status" | "statusText" | "headers">
  & Partial<Pick<ResponseHead, "isPlain">>;

class HeldResponse extends Held<Response> {
  readonly #head: ReceivedHead;

  constructor(
    body: StandInBody,
    head: ReceivedHead,
    signal: AbortSignal | undefined,
  ) {
    super(body, head.headers, signal);
    this.#head = head;
  }

  get status(): number {
    return this.#head.status;
  }

  get statusText(): string {
    return this.#head.statusText;
  }

  protected override make(body: BodyInit | null): Response {
    const { status, statusText } = this.#head;
    return new Response(body, { status, statusText });
  }
}

class StandInResponse {
  readonly [HELD]: HeldResponse;

  constructor(body: StandInBody, head: ReceivedHead, signal?: AbortSignal) {
    const held = new HeldResponse(body, head, signal);
    // For other values the platform throws its own errors, and it tracks streams.
    if (!isCertain(body, head)) held.real;
    this[HELD] = held;
  }

  get ok(): boolean {
    const { status } = this[HELD];
    return status >= 200 && status <= 299;
  }

  get status(): number {
    return this[HELD].status;
  }

  get statusText(): string {
    return this[HELD].statusText;
  }
}

/** Whether the platform certainly accepts it. */
function isCertain(body: StandInBody, head: ReceivedHead): boolean {
  return (head.isPlain ?? isPlainList(head.headers)) &&
    (head.statusText === "OK" || isPlain(head.statusText)) &&
    head.status >= 200 && head.status <= 599 &&
    (body === null ||
      body instanceof Uint8Array && !isNullBodyStatus(head.status));
}

/** The parts from which a received response is made. */
interface ReceivedResponseConstructor {
  new (
    body: BodyInit | null,
    head: ReceivedHead,
    signal?: AbortSignal,
  ): Response;
}

const PROBE: ReceivedHead = { status: 200, statusText: "", headers: [] };

let inheritNow: (() => void) | undefined;

/**
 * A `Response` that is cheap as long as only its status and its bytes are used.
 */
export const ReceivedResponse: ReceivedResponseConstructor = chooseClass();

/**
 * Creates the platform's `Response` now, for a program that runs for a while. Until then,
 * each `await` of a response calls a function of {@linkcode standInLater}.
 */
export function prepareResponses(): void {
  inheritNow?.();
}

function chooseClass(): ReceivedResponseConstructor {
  const { prototype } = StandInResponse;
  const probe = (): StandInResponse =>
    new StandInResponse(new Uint8Array(1), PROBE);
  if (certainlyStandsIn()) {
    inheritNow = standInLater(prototype, () => Response, probe);
  } else if (!standInFor(prototype, Response, probe)) return platformClass();
  return StandInResponse as unknown as ReceivedResponseConstructor;
}

/** Creates the platform's own objects. */
function platformClass(): ReceivedResponseConstructor {
  class PlatformResponse extends Response {
    constructor(
      body: BodyInit | null,
      head: ReceivedHead,
      signal?: AbortSignal,
    ) {
      const isBytes = body instanceof Uint8Array && signal !== undefined;
      super(
        isBytes ? streamOfBytes(body as Uint8Array<ArrayBuffer>, signal) : body,
        head,
      );
      setLinearIterators(this.headers, head.headers.length);
      makeImmutable(this.headers);
    }
  }
  // The class that `response.constructor` returns is that of the platform.
  Reflect.deleteProperty(PlatformResponse.prototype, "constructor");
  return PlatformResponse;
}

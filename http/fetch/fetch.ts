/**
 * `fetch` over a connection.
 *
 * @module
 */

import type { RawConnection } from "../../connection.ts";
import { Deferred, handled } from "../../connection/deferred.ts";
import { isRedirect } from "../message/redirect_rules.ts";
import { keepPlatform } from "../platform/kept_platform.ts";
import { Exchange, exchange } from "./exchange.ts";
import type { FetchInit } from "./fetch_init.ts";
import { networkError } from "./network_error.ts";
import {
  cancelBody,
  type OutgoingRequest,
  prepareRequest,
} from "./outgoing_request.ts";
import { prepareResponses } from "./received_response.ts";
import { follow } from "./redirect.ts";
import type { SpdyResponse } from "./spdy_response.ts";

/** After this number of requests, the process probably runs for a while. */
const MANY_REQUESTS = 100;
let requests = 0;

/**
 * Sends a request over a connection and resolves to the response's head. A rejection
 * that is never awaited counts as handled.
 */
export function fetchOver(
  connection: RawConnection,
  input: string | URL | Request,
  init?: FetchInit,
): Promise<SpdyResponse> {
  if (++requests === MANY_REQUESTS) {
    keepPlatform();
    prepareResponses();
  }
  try {
    const request = prepareRequest(input, init, connection.origin);
    // Awaited only if needed, because each turn of the microtask queue takes time.
    if (!(request instanceof Promise)) {
      return call(connection, request);
    }
    return handled(
      request.then(
        (request) => call(connection, request),
        (error) => {
          throw networkError("fetch failed", error);
        },
      ),
    );
  } catch (error) {
    return handled(Promise.reject(networkError("fetch failed", error)));
  }
}

function call(
  connection: RawConnection,
  request: OutgoingRequest,
): Promise<SpdyResponse> {
  const response = new Deferred<SpdyResponse>();
  new FetchCall(connection, request, response);
  return response.promise;
}

/** A call of `fetch`, which may follow redirects. */
class FetchCall extends Exchange {
  readonly #connection: RawConnection;

  constructor(
    connection: RawConnection,
    request: OutgoingRequest,
    response: Deferred<SpdyResponse>,
  ) {
    super(connection, request, response);
    this.#connection = connection;
  }

  protected override received(response: SpdyResponse): void {
    if (!isRedirect(response.status)) {
      super.received(response);
      return;
    }
    follow(this.request, response, {
      mode: "manual",
      send: (request) => exchange(this.#connection, request),
      check: sameOrigin,
    }).then(
      (response) => super.received(response),
      (error) => this.fail(error),
    );
  }

  protected override fail(error: unknown): void {
    cancelBody(this.request, error);
    super.fail(networkError("fetch failed", error, this.signal));
  }
}

/** A connection leads to one server only. */
function sameOrigin(from: URL, to: URL): void {
  if (to.origin === from.origin) return;
  throw new TypeError(
    `fetch failed: ${from.href} redirects to another origin, ${to.origin}, which this connection cannot reach; fetch with a Client, or with redirect: "manual"`,
  );
}

/**
 * The load of the in-memory rows on two sessions.
 *
 * @module
 */

import {
  CLIENT,
  DataProvider,
  type HeaderCompression,
  PROTO_SPDY3,
  READ_EOF,
  SERVER,
  Session,
} from "../mod.ts";
import { loop, type Subject } from "./harness.ts";
import {
  BODY,
  BULK,
  IN_FLIGHT,
  requestHeaders,
  responseHeaders,
} from "./load.ts";
import { exchange, Pipe } from "./session_pair.ts";

const body = new DataProvider(BODY, (_session, _streamId, _length, control) => {
  control.flags = READ_EOF;
  return BODY;
});

/** Requests and responses, 100 in flight. */
export function sessionRequests(options: {
  readonly headerCompression?: HeaderCompression;
  readonly reuseSendBuffer?: boolean;
}): Subject {
  const toServer = new Pipe();
  const toClient = new Pipe();
  let next = 0;
  let done = 0;
  let received = 0;
  const client = new Session(CLIENT, PROTO_SPDY3, {
    ...options,
    send: toServer.write,
    onDataChunkRecv: (_session, _flags, _streamId, data) => {
      received += data.length;
    },
    onStreamClose: (session) => {
      if (received !== BODY.length * ++done) throw new Error("bytes are lost");
      session.submitRequest(3, requestHeaders(next++));
    },
  });
  const server = new Session(SERVER, PROTO_SPDY3, {
    ...options,
    send: toClient.write,
    onRequestRecv: (session, streamId) => {
      session.submitResponse(streamId, responseHeaders(streamId), body);
    },
  });
  for (let i = 0; i < IN_FLIGHT; i++) {
    client.submitRequest(3, requestHeaders(next++));
  }
  return loop("Session", () => {
    const before = done;
    exchange(client, toServer, server, toClient);
    return done - before;
  });
}

/** One long response body. */
export function sessionBulk(): Subject {
  const toServer = new Pipe();
  const toClient = new Pipe();
  let received = 0;
  const client = new Session(CLIENT, PROTO_SPDY3, {
    send: toServer.write,
    onDataChunkRecv: (_session, _flags, _streamId, data) => {
      received += data.length;
    },
  });
  const server = new Session(SERVER, PROTO_SPDY3, {
    send: toClient.write,
    onRequestRecv: (session, streamId) => {
      session.submitResponse(
        streamId,
        responseHeaders(0),
        new DataProvider(
          BULK,
          (_session, _streamId, length) => BULK.subarray(0, length),
        ),
      );
    },
  });
  client.submitRequest(3, requestHeaders(0));
  return loop("Session", () => {
    const before = received;
    exchange(client, toServer, server, toClient);
    return (received - before) / 1e9;
  });
}

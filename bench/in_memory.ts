/**
 * `Session` to `Session` in memory: requests and bulk DATA.
 *
 * @module
 */

import {
  CLIENT,
  DataProvider,
  PROTO_SPDY3,
  READ_EOF,
  SERVER,
  Session,
} from "../mod.ts";
import { loop, type Row, type Subject } from "./harness.ts";
import {
  BODY,
  BULK,
  IN_FLIGHT,
  requestHeaders,
  responseHeaders,
} from "./load.ts";
import { inMemoryBulk, inMemoryRequests } from "./peers/spdy_transport.ts";
import { spdystream } from "./peers/spdystream.ts";
import { exchange, Pipe } from "./session_pair.ts";

/** The rows of this family. */
export const rows: readonly Row[] = [
  {
    name: "request/response in memory",
    unit: "req/s",
    ours: requests,
    peers: [
      {
        name: "spdy-transport, in memory",
        open: inMemoryRequests,
        atLeast: 12,
        aim: 15,
      },
      {
        name: "spdystream (Go)",
        open: () => spdystream("memory", "requests"),
        atLeast: 6,
      },
    ],
  },
  {
    name: "bulk DATA in memory",
    unit: "GB/s",
    ours: bulk,
    peers: [{ name: "spdy-transport, in memory", open: inMemoryBulk }],
  },
];

const body = new DataProvider(BODY, (_session, _streamId, _length, control) => {
  control.flags = READ_EOF;
  return BODY;
});

function requests(): Subject {
  const toServer = new Pipe();
  const toClient = new Pipe();
  let next = 0;
  let done = 0;
  let received = 0;
  const client = new Session(CLIENT, PROTO_SPDY3, {
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
    send: toClient.write,
    onRequestRecv: (session, streamId) => {
      session.submitResponse(streamId, responseHeaders(streamId), body);
    },
  });
  for (let i = 0; i < IN_FLIGHT; i++) {
    client.submitRequest(3, requestHeaders(next++));
  }
  return loop("Session, policy safe", () => {
    const before = done;
    exchange(client, toServer, server, toClient);
    return done - before;
  });
}

function bulk(): Subject {
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

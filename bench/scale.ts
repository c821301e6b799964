/**
 * How the cost of a request depends on the number of open streams, on the length of
 * the queue, and on the sizes of headers and body. The peer of each row is the same
 * operation with fewer streams, frames, headers or bytes.
 *
 * @module
 */

import {
  CLIENT,
  DataProvider,
  type NameValue,
  PROTO_SPDY3_1,
  READ_EOF,
  SERVER,
  Session,
} from "../mod.ts";
import { loop, type Row, type Subject } from "./harness.ts";
import { requestHeaders, responseHeaders } from "./load.ts";
import { exchange, Pipe } from "./session_pair.ts";

/** Ratios for a constant cost, with some room for cache misses; O(n) has 0.1 or less. */
const flat = { atLeast: 0.5, aim: 0.8 };

/** The rows of this family. */
export const rows: readonly Row[] = [
  streamsRow(100),
  streamsRow(10_000),
  queueRow(1000),
  queueRow(100_000),
  {
    name: "request with 60 headers",
    unit: "req/s",
    ours: () => exchanging(60, 1024),
    peers: [{ name: "with 12 headers", open: () => exchanging(12, 1024) }],
  },
  {
    name: "response of 64 KiB",
    unit: "req/s",
    ours: () => exchanging(12, 64 * 1024),
    peers: [{ name: "of 1 KiB", open: () => exchanging(12, 1024) }],
  },
];

function streamsRow(open: number): Row {
  return {
    name: `request with ${open} streams open`,
    unit: "req/s",
    ours: () => withStreamsOpen(open),
    peers: [{ name: "with 1 open", open: () => withStreamsOpen(1), ...flat }],
  };
}

function queueRow(length: number): Row {
  return {
    name: `request from a queue of ${length}`,
    unit: "req/s",
    ours: () => fromQueue(length),
    peers: [{
      name: "from a queue of 100",
      open: () => fromQueue(100),
      ...flat,
    }],
  };
}

/** `open` streams wait for their answers while others are opened and closed. */
function withStreamsOpen(open: number): Subject {
  const toServer = new Pipe();
  const toClient = new Pipe();
  const client = new Session(CLIENT, PROTO_SPDY3_1, {
    send: toServer.write,
  });
  const server = new Session(SERVER, PROTO_SPDY3_1, {
    send: toClient.write,
    limits: { maxConcurrentStreams: open + 10 },
    onRequestRecv: (session, streamId) => {
      if (streamId <= 2 * open) return;
      session.submitResponse(streamId, responseHeaders(0));
    },
  });
  // SETTINGS of the server raise the number of streams that the client may
  // open.
  exchange(client, toServer, server, toClient);
  for (let i = 0; i < open; i++) client.submitRequest(i % 8, requestHeaders(i));
  exchange(client, toServer, server, toClient);
  let next = open;
  return loop(`with ${open} open`, () => {
    client.submitRequest(next % 8, requestHeaders(next++));
    exchange(client, toServer, server, toClient);
    return 1;
  });
}

/** Submits `length` requests, then sends them all. */
function fromQueue(length: number): Subject {
  return loop(`from a queue of ${length}`, () => {
    const client = new Session(CLIENT, PROTO_SPDY3_1, {
      send: (_session, data) => data.length,
    });
    for (let i = 0; i < length; i++) {
      client.submitRequest(i % 8, requestHeaders(i));
    }
    client.send();
    if (client.getOutboundQueueSize() !== 0) throw new Error("frames are left");
    return length;
  });
}

/** A request with this number of headers, one of which changes, and a response body of this size. */
function exchanging(headers: number, size: number): Subject {
  const toServer = new Pipe();
  const toClient = new Pipe();
  const bytes = new Uint8Array(size);
  const more: NameValue[] = Array.from(
    { length: headers - 12 },
    (_, index) => [`x-header-${index}`, `value ${index} of a header`],
  );
  let offset = 0;
  let received = 0;
  const client = new Session(CLIENT, PROTO_SPDY3_1, {
    send: toServer.write,
    onDataChunkRecv: (_session, _flags, _streamId, data) => {
      received += data.length;
    },
  });
  const server = new Session(SERVER, PROTO_SPDY3_1, {
    send: toClient.write,
    onRequestRecv: (session, streamId) => {
      offset = 0;
      session.submitResponse(
        streamId,
        responseHeaders(streamId),
        new DataProvider(bytes, (_session, _streamId, length, control) => {
          const piece = bytes.subarray(offset, offset + length);
          offset += piece.length;
          if (offset === size) control.flags = READ_EOF;
          return piece;
        }),
      );
    },
  });
  let next = 0;
  return loop(`${headers} headers, ${size} bytes`, () => {
    client.submitRequest(3, [...requestHeaders(next++), ...more]);
    received = 0;
    while (received < size) exchange(client, toServer, server, toClient);
    return 1;
  });
}

/**
 * The server's side of port-forward in the messages of a WebSocket, without SPDY:
 * two channels for each port of the URL, the data and the error of one
 * connection. The first message of each channel is the port, two bytes little
 * endian (`portforward` of Kubernetes).
 *
 * @module
 */

import { handled } from "../../connection/deferred.ts";
import type { StreamingCall } from "../call/call.ts";
import { linger, Output } from "../call/ending.ts";
import { failureText, type ForwardHandler } from "../call/forward.ts";
import { messageOf } from "../errors.ts";
import type { CommandProtocol } from "../protocol.ts";
import { traitsOf } from "../protocol.ts";
import { WebSocketChannels } from "./channels.ts";
import type { MessageTransport } from "./server_channels.ts";

/** Most ports of one request, because a channel number is one byte, or one character in base64. */
export const MAX_PORTS = 32;

/** A port-forward that has been granted. */
export interface GrantedForward {
  readonly protocol: CommandProtocol;
  readonly call: StreamingCall;
  readonly ports: readonly number[];
  readonly handler: ForwardHandler;
}

/** Serves one connection to each port; resolves when the WebSocket has ended. */
export async function serveMessageForward(
  { peer, codec, maxBufferedBytes }: MessageTransport,
  granted: GrantedForward,
  onChannels: (channels: WebSocketChannels) => void,
): Promise<void> {
  const { ports } = granted;
  const channels = new WebSocketChannels(peer, {
    codec,
    hasClose: traitsOf(granted.protocol).hasClose,
    channels: new Set(Array.from({ length: 2 * ports.length }, (_, at) => at)),
    maxBufferedBytes,
    maxUnreadBytes: maxBufferedBytes,
  });
  onChannels(channels);
  const gone = new AbortController();
  channels.closed.catch(() => {}).then(() => gone.abort());
  try {
    const connections = ports.map((port, index) =>
      connection(channels, granted, { port, index, signal: gone.signal })
    );
    channels.start();
    await Promise.all(connections.map((carry) => carry()));
    await channels.closeWrite();
    await linger(channels.closed);
  } finally {
    await channels.close();
  }
}

interface Place {
  readonly port: number;
  readonly index: number;
  readonly signal: AbortSignal;
}

/** Opens the channels of one port; returns the function that carries its connection. */
function connection(
  channels: WebSocketChannels,
  { call, handler }: GrantedForward,
  { port, index, signal }: Place,
): () => Promise<void> {
  const input = channels.input(2 * index);
  const data = channels.output(2 * index);
  const error = channels.output(2 * index + 1);
  return async () => {
    const output = new Output(data);
    const number = new Uint8Array([port & 0xff, port >> 8]);
    // Sent in this order before anything that a handler writes.
    handled(data.write(number));
    handled(error.write(number));
    try {
      await handler({
        call,
        port,
        readable: input.readable,
        writable: output.writable,
        signal,
      });
      await output.finish();
    } catch (failure) {
      const status = new Output(error);
      await status.finish(failureText(port, messageOf(failure)));
    }
    input.discard();
  };
}

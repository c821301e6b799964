/**
 * The channels of a command in the messages of a WebSocket, on the client.
 *
 * @module
 */

import type { KeepAliveOptions } from "../../connection/time/keepalive.ts";
import { InvalidArgumentError } from "../../errors.ts";
import type { ClientChannels, OutputChannel } from "../channels.ts";
import {
  CHANNEL_NUMBER,
  channelTypes,
  type CommandProtocol,
  type CommandStreams,
  type CommandStreamType,
  traitsOf,
} from "../protocol.ts";
import { WebSocketChannels } from "./channels.ts";
import { PLAIN } from "./codec.ts";
import type { WebSocketPeer } from "./peer.ts";

/**
 * After the status, a server closes the WebSocket. Its close is not awaited if
 * nothing arrives for this time, ms.
 */
const PATIENCE = 1000;

/** The server closed the WebSocket, because the command has ended or was aborted. */
class OrderlyEnd extends Error {
  override readonly name = "OrderlyEnd";
}

/** Options of {@linkcode openMessageChannels}. */
export interface MessageChannelsOptions {
  readonly protocol: CommandProtocol;
  readonly asked: CommandStreams;
  readonly maxBufferedBytes: number;
  readonly maxUnreadBytes: number;
  readonly keepAlive: KeepAliveOptions | undefined;
}

/** Opens the channels of a command. */
export function openMessageChannels(
  peer: WebSocketPeer,
  { protocol, asked, ...options }: MessageChannelsOptions,
): ClientChannels {
  const { hasStatus, hasClose } = traitsOf(protocol);
  const types = new Set(channelTypes(asked, true));
  const channels = new WebSocketChannels(peer, {
    ...options,
    codec: PLAIN,
    // No server ends its channels separately.
    hasClose: false,
    channels: new Set(),
    orderlyEnd: () => new OrderlyEnd("the server closed the WebSocket"),
  });
  const readable = (
    type: CommandStreamType,
    onMessage?: () => void,
  ): ReadableStream<Uint8Array> | undefined =>
    types.has(type)
      ? channels.input(CHANNEL_NUMBER[type], onMessage).readable
      : undefined;
  const writable = (
    type: CommandStreamType,
  ): WritableStream<Uint8Array> | undefined => {
    if (!types.has(type)) return undefined;
    const channel = CHANNEL_NUMBER[type];
    return writableOf(channels.output(channel, async () => {
      if (hasClose) await channels.announceEnd(channel);
      else if (type === "stdin") throw noEnd(protocol);
    }));
  };
  const parts = {
    stdin: writable("stdin"),
    stdout: readable("stdout"),
    stderr: readable("stderr"),
    error: channels.input(
      CHANNEL_NUMBER.error,
      // A status is one message, and the last one.
      hasStatus
        ? () => {
          channels.endInput(CHANNEL_NUMBER.error);
          channels.expectEnd(PATIENCE);
        }
        : undefined,
    ).readable,
    resize: writable("resize"),
  };
  channels.start();
  return {
    ...parts,
    transport: "websocket",
    isUnprovenEnd: (failure) => failure instanceof OrderlyEnd,
    closed: channels.closed,
    close: () => channels.close(),
  };
}

function noEnd(protocol: CommandProtocol): InvalidArgumentError {
  return new InvalidArgumentError(
    `${protocol} over a WebSocket has no message that ends standard input: the process continues to wait for more; use v5.channel.k8s.io or SPDY, or close the process`,
  );
}

function writableOf(channel: OutputChannel): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    write: (chunk) => channel.write(chunk),
    close: () => channel.closeWrite(),
    abort: async () => {
      // Sends the end of input, if there is a message for it.
      await channel.closeWrite().catch(() => {});
    },
  });
}

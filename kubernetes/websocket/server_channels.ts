/**
 * The channels of a command in the messages of a WebSocket, on the server.
 *
 * @module
 */

import { handled } from "../../connection/deferred.ts";
import { type GrantedCommand, serveCommand } from "../call/command.ts";
import { linger } from "../call/ending.ts";
import type { ServerChannels } from "../channels.ts";
import {
  CHANNEL_NUMBER,
  channelTypes,
  type CommandStreamType,
  traitsOf,
} from "../protocol.ts";
import { WebSocketChannels } from "./channels.ts";
import type { ChannelCodec } from "./codec.ts";
import type { WebSocketPeer } from "./peer.ts";

/** The transport of the channels. */
export interface MessageTransport {
  readonly peer: WebSocketPeer;
  readonly codec: ChannelCodec;
  /** Most received bytes that wait to be read. */
  readonly maxBufferedBytes: number;
}

/** Serves one exec or attach in the messages of a WebSocket; resolves when the connection has ended. */
export async function serveMessageCommand(
  { peer, codec, maxBufferedBytes }: MessageTransport,
  granted: GrantedCommand,
  onChannels: (channels: WebSocketChannels) => void,
): Promise<void> {
  const channels = new WebSocketChannels(peer, {
    codec,
    hasClose: traitsOf(granted.protocol).hasClose,
    channels: new Set(Object.values(CHANNEL_NUMBER)),
    maxBufferedBytes,
    // The memory that a client can fill is bounded, whatever the handlers wait for.
    maxUnreadBytes: maxBufferedBytes,
  });
  onChannels(channels);
  try {
    const served = channelsOf(channels, granted);
    channels.start();
    // Sent on the first channel that the client receives, as in Kubernetes.
    const { call: { stdout, stderr } } = granted;
    const first = stdout ? "stdout" : stderr ? "stderr" : "error";
    handled(channels.greet(CHANNEL_NUMBER[first]));
    await serveCommand(served, granted);
  } finally {
    await channels.close();
  }
}

function channelsOf(
  channels: WebSocketChannels,
  { call }: GrantedCommand,
): ServerChannels {
  const types = new Set(channelTypes(call, true));
  const has = (type: CommandStreamType): number | undefined =>
    types.has(type) ? CHANNEL_NUMBER[type] : undefined;
  const [stdin, stdout, stderr, resize] =
    (["stdin", "stdout", "stderr", "resize"] as const).map(has);
  return {
    stdin: stdin === undefined ? undefined : channels.input(stdin),
    stdout: stdout === undefined ? undefined : channels.output(stdout),
    stderr: stderr === undefined ? undefined : channels.output(stderr),
    error: channels.output(CHANNEL_NUMBER.error),
    resize: resize === undefined ? undefined : channels.input(resize),
    closed: channels.closed,
    async finish() {
      await channels.closeWrite();
      await linger(channels.closed);
    },
  };
}

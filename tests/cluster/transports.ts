/**
 * How the streaming server of containerd 1.6 can be reached. It has no
 * `v5.channel.k8s.io` and no tunnel of SPDY in a WebSocket.
 *
 * @module
 */

import {
  type CommandProtocol,
  exec,
  type ExecOptions,
  type RemoteProcess,
} from "../../kubernetes/mod.ts";
import type { Pod, Runtime, Streams } from "./runtime.ts";

/** A transport with the sub-protocol that is offered over it. */
export interface Way {
  readonly transport: "spdy" | "websocket";
  readonly protocols: readonly CommandProtocol[];
}

/** Over SPDY, with the best sub-protocol. */
export const SPDY: Way = {
  transport: "spdy",
  protocols: ["v4.channel.k8s.io"],
};
/** Over a WebSocket, with the best sub-protocol. Standard input cannot be ended. */
export const WEB_SOCKET: Way = {
  transport: "websocket",
  protocols: ["v4.channel.k8s.io"],
};

/** Over SPDY, then over a WebSocket. */
export const WAYS: readonly Way[] = [SPDY, WEB_SOCKET];

/** Sub-protocols from before exit codes, over SPDY. */
export const OLD_PROTOCOLS: readonly CommandProtocol[] = [
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
];

/** Runs `script` by the container's shell. */
export async function runScript(
  runtime: Runtime,
  pod: Pod,
  script: string,
  { streams = "", ...options }:
    & Partial<ExecOptions>
    & { readonly streams?: Streams } = {},
): Promise<RemoteProcess> {
  const command = ["/bin/sh", "-c", script];
  return await exec({
    stdin: streams.includes("i"),
    tty: streams.includes("t"),
    ...options,
    url: await runtime.execUrl(pod, command, streams),
  });
}

/** Waits until `output` contains what is searched for; resolves to all that was read. */
export async function readUntil(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  searched: string,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(searched)) {
    const { done, value } = await reader.read();
    if (done) {
      throw new Error(
        `the output ended without ${JSON.stringify(searched)}: ${text}`,
      );
    }
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

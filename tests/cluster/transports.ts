/**
 * How containers can be reached. The streaming server of containerd 1.6 supports
 * neither `v5.channel.k8s.io` nor SPDY in a WebSocket; an API server supports
 * both.
 *
 * @module
 */

import type { CommandProtocol, RemoteProcess } from "../../kubernetes/mod.ts";
import type { CommandOptions, Containers, Way } from "./containers.ts";

/** Over SPDY, with the best sub-protocol. */
export const SPDY: Way = {
  transport: "spdy",
  protocols: ["v4.channel.k8s.io"],
};
/** Over a WebSocket to containerd. Standard input cannot be ended. */
const WEB_SOCKET: Way = {
  transport: "websocket",
  protocols: ["v4.channel.k8s.io"],
};

/** The transports to containerd. */
export const CONTAINERD_WAYS: readonly Way[] = [SPDY, WEB_SOCKET];

/** The transports to an API server. */
export const CLUSTER_WAYS: readonly Way[] = [SPDY, {
  transport: "websocket",
  protocols: ["v5.channel.k8s.io"],
}];

/** Sub-protocols without exit codes, over SPDY. */
export const OLD_PROTOCOLS: readonly CommandProtocol[] = [
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
];

/** Runs `script` with the container's shell. */
export async function runScript<Pod>(
  containers: Containers<Pod>,
  pod: Pod,
  script: string,
  options: CommandOptions = {},
): Promise<RemoteProcess> {
  return await containers.exec(pod, ["/bin/sh", "-c", script], options);
}

/** Waits until `output` contains a text; resolves to everything that was read. */
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

/**
 * Parses pairs of a local port and a port of a pod.
 *
 * @module
 */

import { InvalidArgumentError } from "../../errors.ts";

/** A local port and a port of a pod. */
export interface PortPair {
  /**
   * Port to listen on; 0: any free port; `undefined`: the same as the port of the
   * service or pod.
   */
  readonly local: number | undefined;
  /** Number or name. */
  readonly remote: string;
}

/**
 * Reads `8080:80`, `80`, `:80` (any free local port), `8080:http` and `http`.
 *
 * Throws `InvalidArgumentError` for anything else.
 */
export function readPorts(text: string): PortPair {
  const [remote, local, ...more] = text.split(":").reverse();
  const isPort = /^[0-9]+$/.test(remote)
    ? Number(remote) >= 1 && Number(remote) <= 0xffff
    // The name of a port (RFC 6335 5.1); its letter distinguishes it from a number.
    : /^(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/.test(remote) && !/^0x/.test(remote);
  const isLocal = local === undefined || local === "" ||
    /^[0-9]+$/.test(local) && Number(local) <= 0xffff;
  if (!isPort || !isLocal || more.length > 0) {
    throw new InvalidArgumentError(
      `"${text}": this is not a port: write it as 8080:80, 80, :80 or 8080:http`,
    );
  }
  return {
    local: local === undefined ? undefined : Number(local),
    remote,
  };
}

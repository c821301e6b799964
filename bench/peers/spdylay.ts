/**
 * The peer spdylay (C). It is compiled, with the program of `bench/c`, from the
 * checkout that the environment variable `SPDYLAY` names; the rows need some of
 * its internal functions, so an installed library is not enough.
 *
 * @module
 */

import { PeerMissing, type Subject } from "../harness.ts";
import { buildPeer, processPeer } from "./process.ts";

/** Name of the peer in the tables. */
export const SPDYLAY = "spdylay (C)";

const folder = new URL("../c", import.meta.url).pathname;
let built: Promise<string> | undefined;

/**
 * Starts the peer; throws `PeerMissing` if `SPDYLAY` names no checkout.
 *
 * @param compresses Whether the client and the server deflate their header
 * blocks; spdylay's own clients store them and its servers deflate them.
 */
export async function spdylay(
  load: "requests" | "encode" | "decode",
  compresses: { readonly client: boolean; readonly server: boolean } = {
    client: false,
    server: true,
  },
): Promise<Subject> {
  const { client, server } = compresses;
  return processPeer(SPDYLAY, await (built ??= build()), [
    load,
    client ? "1" : "0",
    server ? "1" : "0",
  ]);
}

async function build(): Promise<string> {
  const checkout = Deno.env.get("SPDYLAY");
  if (checkout === undefined) {
    throw new PeerMissing("the variable SPDYLAY names no checkout of spdylay");
  }
  const lib = `${checkout}/lib`;
  const sources: string[] = [];
  for await (const { name } of Deno.readDir(lib)) {
    if (name.endsWith(".c")) sources.push(`${lib}/${name}`);
  }
  return buildPeer("cc", (output) => [
    "-O2",
    "-w",
    "-include",
    "stdlib.h",
    "-D_U_=__attribute__((unused))",
    "-DHAVE_ARPA_INET_H",
    "-DHAVE_NETINET_IN_H",
    `-I${lib}/includes`,
    `-I${folder}/include`,
    `-I${lib}`,
    `${folder}/spdylay_peer.c`,
    ...sources,
    "-lz",
    "-o",
    output,
  ]);
}

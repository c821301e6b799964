import { formatAddress } from "../../../connection/transport/ip_address.ts";
import {
  encodeProxyHead,
  MAX_PROXY_HEAD,
  type ProxyHead,
  type ProxyProtocolOptions,
  readProxyHead,
} from "../../../connection/transport/proxy_protocol.ts";
import { SpdyError } from "../../../errors.ts";
import { assert, assertEquals, concat } from "../../deps.ts";
import type { Random } from "../../helpers/random.ts";
import type { Target } from "../target.ts";

/**
 * A head that was written can be read. A mutated head is read with the same
 * result as a whole and byte by byte, or refused in both cases. A reader is never
 * told to read past the head.
 */
export const proxyHeadTarget: Target = {
  name: "proxy_head",
  property:
    "PROXY heads survive the way, and broken ones are refused however they are cut",
  run(random: Random): void {
    const options = makeOptions(random);
    const written = encodeProxyHead(options);
    const rest = random.bytes(random.int(0, 20));
    const { head, length } = readWhole(concat([written, rest]));
    assertEquals(length, written.length);
    assertEquals(head.version, options.version);
    assertEquals(head.local, options.version === 2 && options.local === true);
    assertEquals(head.tlvs, options.tlvs ?? []);
    const known = options.local ? undefined : options.source;
    assertEquals(head.source, known && { transport: "tcp", ...known });

    const mutated = concat([written, rest]);
    for (let i = random.int(1, 4); i > 0; i--) {
      mutated[random.int(0, mutated.length - 1)] = random.int(0, 255);
    }
    assertEquals(readAsAsked(mutated), outcome(mutated));
  },
};

function makeOptions(random: Random): ProxyProtocolOptions {
  const version = random.pick([1, 2] as const);
  const size = random.pick([4, 16]);
  const end = (): { hostname: string; port: number } => ({
    hostname: formatAddress(random.bytes(size)),
    port: random.int(0, 0xffff),
  });
  return {
    version,
    local: random.chance(0.1),
    source: end(),
    destination: end(),
    tlvs: version === 1 ? undefined : Array.from(
      { length: random.int(0, 3) },
      () => ({
        // Checksums and padding are not part of the result.
        type: random.pick([1, 2, 5, 0x20, 0xea]),
        value: random.bytes(random.int(0, 300)),
      }),
    ),
  };
}

function readWhole(data: Uint8Array): { head: ProxyHead; length: number } {
  const result = readProxyHead(data);
  assert(typeof result === "object" && "head" in result);
  return result as { head: ProxyHead; length: number };
}

/** The result if all bytes are there at once. */
function outcome(data: Uint8Array): unknown {
  try {
    return readProxyHead(data);
  } catch (error) {
    assert(error instanceof SpdyError, String(error));
    return "malformed";
  }
}

/** The same if exactly as many bytes arrive as the reader asks for. */
function readAsAsked(data: Uint8Array): unknown {
  for (let length = 0;;) {
    const result = outcome(data.subarray(0, length));
    if (typeof result !== "object" || !("missing" in (result as object))) {
      return result;
    }
    const { missing } = result as { missing: number };
    assert(missing > 0 && length + missing <= MAX_PROXY_HEAD);
    // If the input ends in the middle of a head, both must report it.
    if (length + missing > data.length) return outcome(data);
    length += missing;
  }
}

/**
 * CREDENTIAL, the receiving direction (SPDY/3 draft 2.6.9). Sessions ignore it:
 * SPDY/3.1 dropped the frame, and it is never answered.
 *
 * @module
 */

import { readUint16, readUint32 } from "./byte_reader.ts";
import { checkBytes } from "../values.ts";

/** The content of a CREDENTIAL frame. */
export interface Credential {
  /** Slot in the server's certificate table, from 1. */
  readonly slot: number;
  /** Proof of possession: a TLS digitally-signed element. */
  readonly proof: Uint8Array;
  /** Certificates in DER, the leaf first. */
  readonly certificates: Uint8Array[];
}

/** Number of payload bytes before the proof: the slot and the proof's length. */
const FIXED_LENGTH = 6;

/**
 * Reads the payload of a CREDENTIAL frame (SPDY/3 draft 2.6.9); `undefined` when the
 * payload is too short for its fixed part, or a length in it exceeds its end. Proof and
 * certificates are views into `payload`. Throws `InvalidArgumentError` when `payload` is
 * not a `Uint8Array`, or its buffer was transferred.
 *
 * @example
 * ```ts
 * import { readCredential } from "@spdy/spdy/frame";
 * import { assertEquals } from "jsr:@std/assert@1";
 *
 * const payload = Uint8Array.of(0, 1, 0, 0, 0, 1, 0xaa, 0, 0, 0, 1, 0xbb);
 * const credential = readCredential(payload);
 * assertEquals(credential?.slot, 1);
 * assertEquals(credential?.proof, Uint8Array.of(0xaa));
 * assertEquals(credential?.certificates, [Uint8Array.of(0xbb)]);
 * ```
 */
export function readCredential(payload: Uint8Array): Credential | undefined {
  checkBytes("payload", payload);
  const end = payload.length;
  if (end < FIXED_LENGTH) return undefined;
  let at = FIXED_LENGTH + readUint32(payload, 2);
  if (at > end) return undefined;
  const proof = payload.subarray(FIXED_LENGTH, at);
  const certificates: Uint8Array[] = [];
  while (at < end) {
    if (end - at < 4) return undefined;
    const begin = at + 4;
    at = begin + readUint32(payload, at);
    if (at > end) return undefined;
    certificates.push(payload.subarray(begin, at));
  }
  return { slot: readUint16(payload, 0), proof, certificates };
}

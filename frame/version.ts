/**
 * The differences between the versions, as data.
 *
 * @module
 */

import { UnsupportedVersionError } from "../errors.ts";
import { show } from "../values.ts";
import { SPDY2_DICTIONARY, SPDY3_DICTIONARY } from "../zlib/dictionaries.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  PROTOCOL_ERROR,
  type ProtocolVersion,
  STREAM_IN_USE,
} from "./constants.ts";

/** The frame layout of one version. */
export interface VersionTraits {
  /** Name for error messages, such as `"SPDY/3.1"`. */
  readonly name: string;
  /** The version field of control frames. */
  readonly wireVersion: 2 | 3;
  /** Lowest priority (highest number); 0 is the highest priority. */
  readonly lowestPriority: number;
  /** Number of bits to the right of the priority in its byte of SYN_STREAM. */
  readonly priorityShift: number;
  /** Size of a count or length field in a header block, bytes. */
  readonly lengthSize: 2 | 4;
  /** Number of payload bytes before the header block in SYN_REPLY and HEADERS. */
  readonly replyFixedLength: 4 | 6;
  /** Payload length of GOAWAY, bytes: 8 with a status, 4 without. */
  readonly goawayLength: 4 | 8;
  /** SETTINGS ids are little-endian and come before their flags on the wire. */
  readonly littleEndianSettings: boolean;
  /** The version has WINDOW_UPDATE. */
  readonly windowUpdate: boolean;
  /** The session as a whole has a window, too. */
  readonly sessionWindow: boolean;
  /** The draft allows empty header values. The codec takes them in every version. */
  readonly emptyValues: boolean;
  /** Highest credential slot; SPDY/2 has none. */
  readonly maxSlot: number;
  /** Dictionary of the header blocks (2.6.10.1). */
  readonly dictionary: Uint8Array;
  /** Status of the RST_STREAM that answers a second SYN_REPLY; SPDY/2 has no STREAM_IN_USE. */
  readonly streamInUse: number;
  /** Colon header names have other names on the wire; see `header_list.ts`. */
  readonly renamesHeaders: boolean;
}

const SPDY2: VersionTraits = {
  name: "SPDY/2",
  wireVersion: 2,
  lowestPriority: 3,
  priorityShift: 6,
  lengthSize: 2,
  replyFixedLength: 6,
  goawayLength: 4,
  littleEndianSettings: true,
  windowUpdate: false,
  sessionWindow: false,
  emptyValues: false,
  maxSlot: 0,
  dictionary: SPDY2_DICTIONARY,
  streamInUse: PROTOCOL_ERROR,
  renamesHeaders: true,
};

const SPDY3: VersionTraits = {
  name: "SPDY/3",
  wireVersion: 3,
  lowestPriority: 7,
  priorityShift: 5,
  lengthSize: 4,
  replyFixedLength: 4,
  goawayLength: 8,
  littleEndianSettings: false,
  windowUpdate: true,
  sessionWindow: false,
  emptyValues: true,
  maxSlot: 0xff,
  dictionary: SPDY3_DICTIONARY,
  streamInUse: STREAM_IN_USE,
  renamesHeaders: false,
};

const SPDY3_1: VersionTraits = {
  ...SPDY3,
  name: "SPDY/3.1",
  sessionWindow: true,
};

/** The layout of a version. Throws `UnsupportedVersionError` for any other number. */
export function versionTraits(version: ProtocolVersion): VersionTraits {
  switch (version) {
    case PROTO_SPDY2:
      return SPDY2;
    case PROTO_SPDY3:
      return SPDY3;
    case PROTO_SPDY3_1:
      return SPDY3_1;
    default:
      throw new UnsupportedVersionError(
        `version ${
          show(version)
        } is none of PROTO_SPDY2 (2), PROTO_SPDY3 (3), PROTO_SPDY3_1 (4)`,
      );
  }
}

/** The layout of a received version field; `undefined` when it is neither 2 nor 3. */
export function wireTraits(wireVersion: number): VersionTraits | undefined {
  if (wireVersion === 3) return SPDY3;
  return wireVersion === 2 ? SPDY2 : undefined;
}

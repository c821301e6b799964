/**
 * Every recording from which this module differs on purpose, with the rule behind
 * it. Such a recording is compared with what the rule makes of it. A recording in
 * the list that does not differ is a failure.
 *
 * In the reasons, A is the documentation of python-spdylay, and R a
 * recommendation to do better than spdylay.
 *
 * @module
 */

import * as rules from "./rules.ts";

/** A rule, its reason, and the recordings to which it applies (in any version). */
export interface Deviation {
  readonly rule: rules.Rule;
  readonly reason: string;
  readonly names: readonly string[];
}

/** In the order in which the rules are applied. */
export const DEVIATIONS: readonly Deviation[] = [
  {
    rule: rules.argumentsAreChecked,
    reason:
      "A: a priority below the lowest is InvalidArgumentError. R (2.4, 2.5, section 10): what a receiver rejects or the version cannot carry is refused, control characters in values above all; names are HTTP tokens.",
    names: [
      "syn_reply/value_longer_than_65535",
      "syn_stream/odd_names",
      "syn_stream/priority_clamped",
      "syn_stream/value_control_chars_are_sent",
    ],
  },
  {
    rule: rules.valuesAreText,
    reason:
      "Header values are strings here; R (2.6): lenient decoding. Bytes that are not UTF-8 cannot be expressed.",
    names: ["syn_stream/invalid_utf8_value"],
  },
  {
    rule: rules.valuesAreSeparated,
    reason:
      "Not to be copied (2.4): after an empty value spdylay forgets the NUL.",
    names: [],
  },
  {
    rule: rules.unsentNamesAreRenamed,
    reason:
      "A header has one name in all callbacks; spdylay shows SPDY/2's names of the wire in on_ctrl_not_send alone.",
    names: [],
  },
  {
    rule: rules.cancelEndsPushes,
    reason:
      "R (3.7), SPDY/3 draft 3.3.2: children are registered, so that CANCEL ends them.",
    names: ["rst_stream/cancel_with_push"],
  },
  {
    rule: rules.lostBodiesAreReported,
    reason:
      "R (section 10): DATA failures are not silent. submitData throws StreamClosedError.",
    names: ["data_after_fin", "data_unknown_stream"],
  },
  {
    rule: rules.consumedBytesAreCounted,
    reason:
      "R (section 10): no window is given back that was not used; consume() is one option here where spdylay has two.",
    names: [],
  },
  {
    rule: rules.bodiesWaitForEachOther,
    reason:
      "R (4.5): a queue for each stream, where spdylay drops the second body without a word.",
    names: ["data_while_deferred"],
  },
  {
    rule: rules.idsAreUsedUp,
    reason:
      "R (section 10): last_recv moves before the header block's content is looked at.",
    names: ["header_block/same_stream_id_after_rejected_block"],
  },
  {
    rule: rules.lowerIdsAreRefused,
    reason: "R (section 10): as idsAreUsedUp; ids go up.",
    names: [],
  },
  {
    rule: rules.refusedIdsAreNamed,
    reason: "R (section 10): as idsAreUsedUp; GOAWAY then names such an id.",
    names: [],
  },
  {
    rule: rules.windowsAreEnforced,
    reason:
      "R (section 10): overrun of a stream's window is FLOW_CONTROL_ERROR.",
    names: [
      "flow_control/over_window_auto",
      "flow_control/over_window_no_auto2",
    ],
  },
  {
    rule: rules.raisedWindowsAreChecked,
    reason:
      "R (4.8): overflow by INITIAL_WINDOW_SIZE is FLOW_CONTROL_ERROR on the stream.",
    names: ["settings/initial_window_overflows_stream"],
  },
  {
    rule: rules.windowsHaveALimit,
    reason:
      "R (4.8): an INITIAL_WINDOW_SIZE of 2^31 or more is an error, and ignored.",
    names: [],
  },
  {
    rule: rules.sessionWindowIsEnforced,
    reason: "R (section 10): overrun of the session's window is GOAWAY.",
    names: [],
  },
  {
    rule: rules.ignoredDataIsCredited,
    reason:
      "R (section 10): no window is lost. DATA of a stream that nobody reads goes back to the session's window; spdylay loses it when updates are not automatic.",
    names: [],
  },
  {
    rule: rules.blockedBodiesAreNotWanted,
    reason:
      "R (4.11): want_write says whether send() can write. In spdylay it is true for a body that the session's window holds back, once SETTINGS have raised the window of its stream.",
    names: [],
  },
  {
    rule: rules.pingRepliesAreKnown,
    reason: "R (4.12): the set of outstanding ids is remembered.",
    names: ["ping/reply_to_older"],
  },
  {
    rule: rules.everyPingIsAnswered,
    reason: "R (4.12): ids of the peer's parity are always answered.",
    names: [],
  },
  {
    rule: rules.synStreamsLeaveByPriority,
    reason:
      "A (4.3): SYN_STREAM has its own priority and gets its id when it is sent.",
    names: ["client_syn_stream_order"],
  },
  {
    rule: rules.failedReadsAreFatal,
    reason:
      "A: CallbackFailureError of a read callback is the failure of the entire session.",
    names: [],
  },
  {
    rule: rules.onlyReceivedBytesAreTold,
    reason: "R (4.7): the payload of a parse error holds received bytes only.",
    names: [
      "length/headers_0",
      "length/syn_reply_0",
      "length/syn_reply_4",
      "length/syn_stream_0",
      "length/syn_stream_9",
    ],
  },
  {
    rule: rules.corruptBlocksAreReportedAtOnce,
    reason:
      "A session that cannot go on says so at once: the rest of the frame may never arrive.",
    names: [],
  },
  {
    rule: rules.failureEndsAll,
    reason:
      "R (4.11, section 10): the GOAWAY of a failed session goes first, want_write stays true until it is written, input is discarded from the failure on.",
    names: [
      "data/empty_half_closed",
      "header_block/corrupt_in_headers",
      "header_block/corrupt_in_syn_reply",
      "header_block/count_huge",
      "header_block/count_larger",
      "header_block/name_length_beyond",
      "header_block/trailing_byte",
      "header_block/truncated_length",
      "header_block/truncated_value",
      "header_block/zero_bytes",
      "header_block/zlib_finished",
      "header_block/zlib_no_flush",
      "header_block/zlib_other_version_dictionary",
      "length/goaway_0",
      "length/goaway_12",
      "length/goaway_7",
      "length/headers_0",
      "length/ping_3",
      "length/ping_5",
      "length/ping_8",
      "length/rst_stream_0",
      "length/rst_stream_16",
      "length/rst_stream_4",
      "length/rst_stream_7",
      "length/rst_stream_9",
      "length/settings_0",
      "length/settings_3",
      "length/settings_count_huge",
      "length/settings_count_too_small",
      "length/syn_reply_0",
      "length/syn_reply_4",
      "length/syn_reply_6",
      "length/syn_stream_0",
      "length/syn_stream_9",
      "length/window_update_0",
      "length/window_update_4",
      "stream_id/decreasing",
      "stream_id/wrong_parity_server",
      "too_large/settings",
      "version/goaway_version_5",
      "version/settings_version_5",
      "version/syn_stream_version_5",
      "version/version_0",
    ],
  },
  {
    rule: rules.queuedFramesAreWanted,
    reason: "R (4.11): want_write stays true for what is queued after GOAWAY.",
    names: ["goaway/ping_after"],
  },
];

/** If spdylay crashed on the input, there is nothing to differ from. */
export const SURVIVED: Deviation = {
  rule: rules.inputIsSurvived,
  reason:
    "R (5.2): SYN_REPLY and HEADERS of an unknown version are a parse error, ERR_UNSUPPORTED_VERSION.",
  names: ["version/headers_version_5", "version/syn_reply_version_5"],
};

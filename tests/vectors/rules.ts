/**
 * The rules by which this module differs from spdylay on purpose. Each one turns
 * a recorded result into the result that is expected here, so that such a
 * recording is compared as completely as any other.
 *
 * @module
 */

export type { Rule } from "./rules/common.ts";
export {
  argumentsAreChecked,
  unsentNamesAreRenamed,
  valuesAreSeparated,
  valuesAreText,
} from "./rules/arguments.ts";
export {
  bodiesWaitForEachOther,
  consumedBytesAreCounted,
  failedReadsAreFatal,
  lostBodiesAreReported,
} from "./rules/bodies.ts";
export {
  cancelEndsPushes,
  idsAreUsedUp,
  lowerIdsAreRefused,
  refusedIdsAreNamed,
} from "./rules/streams.ts";
export {
  blockedBodiesAreNotWanted,
  ignoredDataIsCredited,
  raisedWindowsAreChecked,
  sessionWindowIsEnforced,
  windowsAreEnforced,
  windowsHaveALimit,
} from "./rules/windows.ts";
export {
  everyPingIsAnswered,
  pingRepliesAreKnown,
  synStreamsLeaveByPriority,
} from "./rules/order.ts";
export {
  corruptBlocksAreReportedAtOnce,
  failureEndsAll,
  inputIsSurvived,
  onlyReceivedBytesAreTold,
  queuedFramesAreWanted,
  survivedOutcome,
} from "./rules/failure.ts";

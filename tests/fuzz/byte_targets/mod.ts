/**
 * The targets whose input is bytes.
 *
 * @module
 */

import type { ByteTarget } from "../byte_target.ts";
import { captureTarget } from "./capture.ts";
import { framesTarget } from "./frames.ts";
import { headerBlockTarget } from "./header_block.ts";
import { http1HeadTarget } from "./http1_head.ts";
import { inflateBytesTarget } from "./inflate.ts";

/** Every target, in the order in which they run. */
export const BYTE_TARGETS: readonly ByteTarget[] = [
  framesTarget,
  inflateBytesTarget,
  headerBlockTarget,
  http1HeadTarget,
  captureTarget,
];

/**
 * Shows which tests Windows skips: `deno test -A --preload
 * tests/helpers/windows_preload.ts FILE` on any system. The others may fail, because
 * the system is not Windows.
 *
 * @module
 */

import { asWindows } from "./as_windows.ts";

asWindows();

/**
 * Lets tests run with the platform's own `Request` and `Response`: `deno test
 * --preload tests/helpers/without_stand_ins.ts`.
 *
 * @module
 */

import { turnOffStandIns } from "../../http/platform/stand_in_switch.ts";

turnOffStandIns();

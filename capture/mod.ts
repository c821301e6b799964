/**
 * Reads captures of SPDY: pieces of a pcap or pcapng file in, frames out. It
 * does no I/O and does not use `Deno`, so it runs in a browser as well.
 *
 * ```ts ignore
 * import { CaptureReader } from "./capture/mod.ts";
 *
 * const reader = new CaptureReader({
 *   onRecord(record) {
 *     if (record.kind === "frame") console.log(record.type, record.streamId);
 *   },
 * });
 * reader.begin("capture.pcap");
 * await reader.push(await Deno.readFile("capture.pcap"));
 * await reader.endFile();
 * await reader.end();
 * ```
 *
 * @module
 */

export { KeyLog } from "./key_log.ts";
export { CaptureError } from "./packet.ts";
export { type CaptureOptions, CaptureReader } from "./reader.ts";
export type * from "./records.ts";
export {
  type ConnectionSummary,
  type SideSummary,
  Summaries,
} from "./summary.ts";
export { type Stalls, WindowTracker } from "./windows.ts";

/**
 * Rules by which none of the recordings in `spdylay/` differs. Each is tested
 * with a small recording, written by hand in the same form.
 */

import { Buffer } from "node:buffer";
import { constants, deflateSync } from "node:zlib";
import { assertEquals } from "../deps.ts";
import {
  ERR_GOAWAY_ALREADY_SENT,
  ERR_STREAM_CLOSED,
  ERR_ZLIB,
} from "../../mod.ts";
import { judge } from "./judge.ts";
import type { Recording } from "./recording.ts";

/** The verdict on a recording that is not in the list, and the rules that apply to it. */
function verdictOn(recording: Partial<Recording>): [string, string[], string] {
  const { status, rules, detail } = judge({
    id: "by hand",
    recording: {
      name: "by hand",
      description: "",
      hex: "",
      ...recording,
    } as Recording,
  }, false);
  return [status, rules.map(({ name }) => name), detail];
}

const OPEN = { want_read: true, want_write: false };
const ENDED = { want_read: false, want_write: false };

/** A control frame of SPDY/3. */
function control(type: number, payload: string, flags = 0): string {
  const length = (payload.length / 2).toString(16).padStart(6, "0");
  return `8003${
    type.toString(16).padStart(4, "0")
  }0${flags}${length}${payload}`;
}

function dataFrame(streamId: number, length: number): string {
  const id = streamId.toString(16).padStart(8, "0");
  return `${id}00${length.toString(16).padStart(6, "0")}${"61".repeat(length)}`;
}

Deno.test("rules: unread DATA is returned to the session's window", () => {
  assertEquals(
    verdictOn({
      version: "3.1",
      side: "client",
      calls: [
        {
          call: "set_option",
          option: "NO_AUTO_WINDOW_UPDATE",
          value: 1,
          returns: 0,
        },
        { call: "recv", hex: dataFrame(1, 30_000), returns: 30_008 },
        { call: "send", emits: "", returns: 0 },
        { call: "recv", hex: dataFrame(1, 10_000), returns: 10_008 },
        { call: "send", emits: "", returns: 0 },
      ],
      after: OPEN,
    }),
    ["deviates", ["ignoredDataIsCredited"], ""],
  );
});

Deno.test("rules: on_ctrl_not_send has the names of the other callbacks", () => {
  assertEquals(
    verdictOn({
      version: "2",
      side: "client",
      calls: [
        {
          call: "submit_headers",
          flags: 0,
          stream_id: 3,
          nv: [[":path", "/x"], ["accept", "*/*"], [":host", "h"]],
          returns: 0,
        },
        {
          call: "send",
          emits: "",
          returns: 0,
          events: [{
            callback: "on_ctrl_not_send",
            error_code: ERR_STREAM_CLOSED,
            type: "HEADERS",
            flags: 0,
            stream_id: 3,
            headers: [["accept", "*/*"], ["host", "h"], ["url", "/x"]],
          }],
        },
      ],
      after: OPEN,
    }),
    ["deviates", ["unsentNamesAreRenamed"], ""],
  );
});

const GOAWAY_EVENTS = ["before_ctrl_send", "on_ctrl_send"].map((callback) => ({
  callback,
  type: "GOAWAY",
  last_good_stream_id: 0,
  status_code: 1,
}));
const GOAWAY_HEX = control(7, "0000000000000001");
const SYN = control(1, "0000000100000000e000" + "38ebe3c6a7c2".padEnd(60, "0"));
const PARSE_ERROR = {
  callback: "on_ctrl_recv_parse_error",
  type: "SYN_STREAM",
  head: SYN.slice(0, 16),
  payload_length: 10,
  error_code: ERR_ZLIB,
};

Deno.test("rules: a corrupt header block is reported with the piece that contains the error", () => {
  assertEquals(
    verdictOn({
      version: "3",
      side: "server",
      calls: [
        { call: "recv", hex: SYN.slice(0, 40), returns: 20 },
        { call: "send", emits: "", returns: 0 },
        { call: "recv", hex: SYN.slice(40, 60), returns: 10 },
        {
          call: "recv",
          hex: SYN.slice(60),
          returns: SYN.length / 2 - 30,
          events: [PARSE_ERROR],
        },
        {
          call: "send",
          emits: GOAWAY_HEX,
          returns: 0,
          events: GOAWAY_EVENTS,
        },
      ],
      hex: GOAWAY_HEX,
      after: ENDED,
    }),
    ["deviates", ["corruptBlocksAreReportedAtOnce"], ""],
  );
});

Deno.test("rules: a second parse error after the first is not reported", () => {
  assertEquals(
    verdictOn({
      version: "3",
      side: "server",
      calls: [
        {
          call: "recv",
          hex: SYN,
          returns: SYN.length / 2,
          events: [PARSE_ERROR],
        },
        {
          call: "recv",
          hex: SYN,
          returns: SYN.length / 2,
          events: [PARSE_ERROR],
        },
        {
          call: "send",
          emits: GOAWAY_HEX,
          returns: 0,
          events: [...GOAWAY_EVENTS, {
            callback: "on_ctrl_not_send",
            error_code: ERR_GOAWAY_ALREADY_SENT,
            type: "GOAWAY",
            last_good_stream_id: 0,
            status_code: 1,
          }],
        },
      ],
      hex: GOAWAY_HEX,
      after: ENDED,
    }),
    ["deviates", ["failureEndsAll"], ""],
  );
});

Deno.test("rules: values whose names become equal in SPDY/2 are separated", async () => {
  const dictionary = await Deno.readFile(
    new URL("spdylay/dictionary-spdy2.bin", import.meta.url),
  );
  const block = deflateSync(
    Uint8Array.fromHex("0001" + "0003" + "75726c" + "0002" + "2f62"),
    {
      dictionary: Buffer.from(dictionary),
      finishFlush: constants.Z_SYNC_FLUSH,
    },
  ).toHex();
  const payload = "0000000100000000c000" + block;
  const length = (payload.length / 2).toString(16).padStart(6, "0");
  const emits = `8002000101${length}${payload}`;
  const headers = [[":path", ""], [":path", "/"], [":path", "b"]];
  assertEquals(
    verdictOn({
      version: "2",
      side: "client",
      calls: [
        {
          call: "submit_request",
          pri: 3,
          nv: [[":path", ""], [":path", "/"], ["url", "b"]],
          data: null,
          returns: 0,
        },
        {
          call: "send",
          emits,
          returns: 0,
          events: ["before_ctrl_send", "on_ctrl_send"].map((callback) => ({
            callback,
            type: "SYN_STREAM",
            flags: 1,
            stream_id: 1,
            assoc_stream_id: 0,
            priority: 3,
            headers,
          })),
        },
      ],
      hex: emits,
      after: OPEN,
    }),
    ["deviates", ["valuesAreSeparated"], ""],
  );
});

Deno.test("rules: after a refused stream, the peer's frames and later calls use the remaining ids", () => {
  const nv: [string, string][] = [[":path", "/"]];
  const dictionary = Deno.readFileSync(
    new URL("spdylay/dictionary-spdy3.bin", import.meta.url),
  );
  const block = deflateSync(
    Uint8Array.fromHex("00000001000000053a70617468000000012f"),
    {
      dictionary: Buffer.from(dictionary),
      finishFlush: constants.Z_SYNC_FLUSH,
    },
  ).toHex();
  const emits = control(1, `0000000300000000e000${block}`, 1);
  const ofSyn = ["before_ctrl_send", "on_ctrl_send"].map((callback) => ({
    callback,
    type: "SYN_STREAM",
    flags: 1,
    stream_id: 3,
    assoc_stream_id: 0,
    priority: 7,
    headers: nv,
  }));
  const reset = { type: "RST_STREAM", stream_id: 3, status_code: 5 };
  assertEquals(
    verdictOn({
      version: "3",
      side: "client",
      calls: [
        {
          call: "submit_request",
          pri: 9,
          nv,
          data: null,
          returns: 0,
        },
        { call: "submit_request", pri: 7, nv, data: null, returns: 0 },
        { call: "send", emits, returns: 0, events: ofSyn },
        {
          call: "recv",
          hex: control(3, "0000000300000005"),
          returns: 16,
          events: [
            { callback: "on_ctrl_recv", ...reset },
            { callback: "on_stream_close", stream_id: 3, status_code: 5 },
          ],
        },
      ],
      hex: emits,
      after: OPEN,
    }),
    ["deviates", ["argumentsAreChecked"], ""],
  );
});

import { assert, assertEquals } from "./deps.ts";
import * as spdy from "../mod.ts";
import {
  FrameDecoder,
  FrameEncoder,
  GOAWAY,
  HEADERS,
  PING,
  PROTO_SPDY3_1,
  RST_STREAM,
  SETTINGS,
  SYN_REPLY,
  SYN_STREAM,
  WINDOW_UPDATE,
} from "../mod.ts";
import type { CtrlFrame } from "../mod.ts";

interface Row {
  readonly python: string;
  readonly ours: string;
  readonly note: string;
}

const root = new URL("../", import.meta.url);
const page = await Deno.readTextFile(
  new URL("docs/porting_from_python_spdylay.md", root),
);
const names = new Map<string, unknown>(Object.entries(spdy));

function section(title: string): Row[] {
  const text = page.split(`## ${title}\n`)[1].split("\n## ")[0];
  return [...text.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\| (.*?) *\|$/gm)]
    .map(([, python, ours, note]) => ({ python, ours, note }));
}

/** Identifiers that occur in a test file other than this one. */
async function identifiersInTests(): Promise<Set<string>> {
  const found = new Set<string>();
  const visit = async (folder: URL): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const url = new URL(entry.name + (entry.isDirectory ? "/" : ""), folder);
      if (entry.isDirectory) await visit(url);
      else if (entry.name.endsWith(".ts") && url.href !== import.meta.url) {
        for (const [word] of (await Deno.readTextFile(url)).matchAll(/\w+/g)) {
          found.add(word);
        }
      }
    }
  };
  await visit(new URL("tests/", root));
  return found;
}

Deno.test("the porting page contains all 150 names of python-spdylay's session document", () => {
  const titles = [
    "Session",
    "Callbacks",
    "Helpers and data",
    "Frames",
    "Errors",
    "Error codes",
    "Frame types",
    "Flags and SETTINGS",
    "Status codes",
  ];
  assertEquals(
    titles.reduce((sum, title) => sum + section(title).length, 0),
    150,
  );
});

Deno.test("every constant of the porting page is exported with python-spdylay's value", () => {
  const titles = [
    "Error codes",
    "Frame types",
    "Flags and SETTINGS",
    "Status codes",
  ];
  for (const { python, ours, note } of titles.flatMap(section)) {
    assertEquals(ours, python);
    assertEquals(names.get(ours), Number(note), ours);
  }
  for (
    const { ours, note } of section("Session").filter(({ ours }) =>
      /^[A-Z_0-9]+$/.test(ours)
    )
  ) {
    assertEquals(names.get(ours), parseInt(note), ours);
  }
  assertEquals(names.get("READ_EOF"), 1);
});

Deno.test("every method on the porting page is a method of Session", () => {
  const methods = section("Session").filter(({ ours }) => ours.endsWith("()"));
  assertEquals(methods.length, 20);
  for (const { ours } of methods) {
    const name = ours.slice("session.".length, -2);
    assertEquals(
      typeof Reflect.get(spdy.Session.prototype, name),
      "function",
      name,
    );
  }
});

Deno.test("every error class of the porting page is exported and is a SpdyError", () => {
  for (const { ours } of section("Errors")) {
    const errorClass = names.get(ours);
    const isErrorClass = typeof errorClass === "function" &&
      errorClass.prototype instanceof spdy.SpdyError;
    assert(isErrorClass, ours);
  }
});

Deno.test("every frame field on the porting page is on the decoded frame", () => {
  const nv: [string, string][] = [[":path", "/"]];
  const base = { version: 3, flags: 0, length: 0 };
  const frames: Record<string, CtrlFrame> = {
    SynStreamFrame: {
      ...base,
      frameType: SYN_STREAM,
      streamId: 1,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv,
    },
    SynReplyFrame: { ...base, frameType: SYN_REPLY, streamId: 1, nv },
    HeadersFrame: { ...base, frameType: HEADERS, streamId: 1, nv },
    RstStreamFrame: {
      ...base,
      frameType: RST_STREAM,
      streamId: 1,
      statusCode: 1,
    },
    SettingsFrame: { ...base, frameType: SETTINGS, iv: [[4, 0, 1]] },
    PingFrame: { ...base, frameType: PING, uniqueId: 1 },
    GoawayFrame: {
      ...base,
      frameType: GOAWAY,
      lastGoodStreamId: 0,
      statusCode: 0,
    },
    WindowUpdateFrame: {
      ...base,
      frameType: WINDOW_UPDATE,
      streamId: 1,
      deltaWindowSize: 1,
    },
  };
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  const decoder = new FrameDecoder(PROTO_SPDY3_1);
  for (
    const { python, ours } of section("Frames").filter(({ python }) =>
      python.includes(".")
    )
  ) {
    const [type] = python.split(".");
    const field = ours.slice("frame.".length);
    for (
      const frame of type === "CtrlFrame"
        ? Object.values(frames)
        : [frames[type]]
    ) {
      decoder.push(encoder.encode(frame));
      const decoded = decoder.next();
      assert(
        decoded !== undefined && field in decoded,
        `${python} as ${field}`,
      );
    }
  }
});

Deno.test("every name on the porting page is used by another test", async () => {
  const used = await identifiersInTests();
  const rows = [
    "Session",
    "Callbacks",
    "Helpers and data",
    "Frames",
    "Errors",
    "Error codes",
    "Frame types",
  ]
    .concat("Flags and SETTINGS", "Status codes").flatMap(section);
  const unused = rows.map(({ ours }) =>
    ours.replace(/\(\)$/, "").split(".").at(-1) ?? ""
  )
    .filter((name) => !used.has(name));
  assertEquals(unused, []);
});

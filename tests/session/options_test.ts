import { assert, assertEquals, assertThrows } from "../deps.ts";
import {
  CLIENT,
  ERR_UNSUPPORTED_VERSION,
  InvalidArgumentError,
  type Limits,
  PROTO_SPDY2,
  PROTO_SPDY3,
  type ProtocolVersion,
  SERVER,
  Session,
  type SessionOptions,
  SETTINGS_MAX_CONCURRENT_STREAMS,
  type Side,
  UnsupportedVersionError,
} from "../../mod.ts";
import { DEFAULT_SESSION_LIMITS } from "../../session/limits.ts";
import { checkSideAndVersion, resolveSettings } from "../../session/options.ts";
import { VERSIONS } from "./harness.ts";

function sent(session: Session): string[] {
  return session.wantWrite() ? ["something"] : [];
}

Deno.test("side and version are checked", () => {
  for (const side of [0, 3, "client", undefined, null, NaN]) {
    const error = assertThrows(
      () => new Session(side as Side, PROTO_SPDY3),
      InvalidArgumentError,
    );
    assert(error.message.includes(`${side}`));
  }
  for (const version of [0, 1, 5, "3", undefined, NaN]) {
    const error = assertThrows(
      () => new Session(CLIENT, version as ProtocolVersion),
      UnsupportedVersionError,
    );
    assertEquals(error.code, ERR_UNSUPPORTED_VERSION);
    assert(error.message.includes(`${version}`));
  }
});

Deno.test("options are checked by name", () => {
  const bad: [string, unknown][] = [
    ["send", 1],
    ["recv", {}],
    ["onCtrlRecv", "f"],
    ["onDataNotSend", null],
    ["autoWindowUpdate", 1],
    ["flowControl", "no"],
    ["acceptServerStreams", 0],
    ["headerCompression", "gzip"],
    ["sensitiveHeaders", "cookie"],
    ["sensitiveHeaders", [1]],
    ["maxRecvCtrlFrameBuffer", 8191],
    ["maxRecvCtrlFrameBuffer", 2 ** 24],
    ["maxRecvCtrlFrameBuffer", 9000.5],
    ["limits", 5],
  ];
  for (const [name, value] of bad) {
    const options = { [name]: value } as SessionOptions;
    const error = assertThrows(
      () => new Session(CLIENT, PROTO_SPDY3, options),
      InvalidArgumentError,
    );
    assert(error.message.includes(name), `${name}: ${error.message}`);
  }
  assertThrows(
    () => new Session(CLIENT, PROTO_SPDY3, null as unknown as SessionOptions),
    InvalidArgumentError,
  );
  for (const buffer of [8192, 2 ** 24 - 1]) {
    new Session(CLIENT, PROTO_SPDY3, { maxRecvCtrlFrameBuffer: buffer });
  }
});

Deno.test("limits are checked by name, each at its limits", () => {
  for (const name of Object.keys(DEFAULT_SESSION_LIMITS)) {
    const isFrameSize = name === "maxDataFrameSize";
    const make = (value: unknown): Session =>
      new Session(CLIENT, PROTO_SPDY3, { limits: { [name]: value } as Limits });
    const highest = isFrameSize ? 2 ** 24 - 1 : 2 ** 31 - 1;
    make(isFrameSize ? 1 : 0);
    make(highest);
    for (const bad of [isFrameSize ? 0 : -1, highest + 1, 1.5, NaN, "1"]) {
      const error = assertThrows(() => make(bad), InvalidArgumentError);
      assert(error.message.includes(name), error.message);
    }
  }
  assertThrows(
    () => new Session(CLIENT, PROTO_SPDY3, { limits: { maxHeaderBlock: -1 } }),
    InvalidArgumentError,
    "maxHeaderBlock",
  );
});

Deno.test("a server announces its stream limit, unless it has none", () => {
  for (const version of VERSIONS) {
    assertEquals(new Session(SERVER, version).getOutboundQueueSize(), 1);
    assertEquals(new Session(CLIENT, version).getOutboundQueueSize(), 0);
    const unlimited = new Session(SERVER, version, {
      limits: { maxConcurrentStreams: 2 ** 31 - 1 },
    });
    assertEquals(sent(unlimited), []);
  }
});

Deno.test("the application's own stream limit replaces the announcement", () => {
  const values: unknown[] = [];
  const session = new Session(SERVER, PROTO_SPDY2, {
    onCtrlSend: (_session, frame) => {
      if ("iv" in frame) values.push(...frame.iv);
    },
  });
  session.submitSettings(0, [[1, 0, 5]]);
  session.submitSettings(0, [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 7]]);
  session.send();
  session.submitSettings(0, [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 8]]);
  session.send();
  assertEquals(values, [[1, 0, 5], [4, 0, 7], [4, 0, 8]]);
});

Deno.test("the announcement contains the limit", () => {
  const values: unknown[] = [];
  const session = new Session(SERVER, PROTO_SPDY3, {
    onCtrlSend: (_session, frame) => {
      if ("iv" in frame) values.push(...frame.iv);
    },
  });
  session.send();
  session.submitSettings(0, [[SETTINGS_MAX_CONCURRENT_STREAMS, 0, 8]]);
  session.send();
  assertEquals(values, [[4, 0, 100], [4, 0, 8]]);
});

Deno.test("side, version and options are checked before anything else", () => {
  assertThrows(
    () => checkSideAndVersion(CLIENT, 9 as ProtocolVersion),
    UnsupportedVersionError,
  );
  for (const bad of [null, 5, "x"]) {
    assertThrows(
      () => resolveSettings(bad as unknown as SessionOptions),
      InvalidArgumentError,
      "options",
    );
    assertThrows(
      () =>
        resolveSettings({
          maxRecvCtrlFrameBuffer: 9000,
          limits: bad as unknown as Limits,
        }),
      InvalidArgumentError,
      "limits",
    );
  }
});

Deno.test("maxRecvCtrlFrameBuffer sets limits of frames, unless limits has them", () => {
  const { limits } = resolveSettings({
    maxRecvCtrlFrameBuffer: 9000,
    limits: { maxHeaderBlock: 7 },
  });
  assertEquals(
    [
      limits.maxControlFrameLength,
      limits.maxHeaderValueLength,
      limits.maxHeaderBlock,
    ],
    [9000, 9000, 7],
  );
});

Deno.test("a limit that is undefined does not replace the one of maxRecvCtrlFrameBuffer", () => {
  const { limits } = resolveSettings({
    maxRecvCtrlFrameBuffer: 9000,
    limits: { maxControlFrameLength: undefined, maxHeaderBlock: undefined },
  });
  assertEquals(
    [limits.maxControlFrameLength, limits.maxHeaderBlock],
    [9000, 9000],
  );
});

Deno.test("limits may be an object of a class, with getters", () => {
  class Own {
    get maxHeaderBlock(): number {
      return 7;
    }
  }
  const { limits } = resolveSettings({
    maxRecvCtrlFrameBuffer: 9000,
    limits: new Own(),
  });
  assertEquals([limits.maxControlFrameLength, limits.maxHeaderBlock], [
    9000,
    7,
  ]);
});

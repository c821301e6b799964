import { assert, assertEquals, assertMatch, assertThrows } from "../deps.ts";
import {
  CallbackFailureError,
  CLIENT,
  type CtrlFrame,
  EOFError,
  ERR_INVALID_STATE,
  type Frame,
  FrameEncoder,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  SERVER,
  Session,
  type SessionOptions,
  SpdyError,
} from "../../mod.ts";
import {
  body,
  data,
  Harness,
  headers,
  HEADERS_LIST,
  ping,
  rstStream,
  synReply,
  synStream,
} from "./harness.ts";

/** PINGs of a server, encoded. */
function pings(...ids: number[]): Uint8Array {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  return Uint8Array.from(ids.flatMap((id) => [...encoder.encode(ping(id))]));
}

Deno.test("a frame's callbacks are called in the documented order", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3);
  harness.give(
    synStream(1),
    headers(1),
    data(1, 3),
    data(1, 2, 1),
    synStream(3, { flags: 1 }),
    ping(1),
    rstStream(3, 9),
  );
  assertEquals(harness.told(), [
    "onCtrlRecv SYN_STREAM 1",
    "onCtrlRecv HEADERS 1",
    "onDataChunkRecv 0 1 3",
    "onDataRecv 0 1 3",
    "onDataChunkRecv 1 1 2",
    "onDataRecv 1 1 2",
    "onRequestRecv 1",
    "onCtrlRecv SYN_STREAM 3",
    "onRequestRecv 3",
    "onCtrlRecv PING 1",
    "onCtrlRecv RST_STREAM 3 9",
    "onStreamClose 3 9",
  ]);
});

Deno.test("the stream still exists in onStreamClose, and not afterwards", () => {
  let inside: unknown;
  const session: Session = new Session(CLIENT, PROTO_SPDY3, {
    onStreamClose: (_session, streamId) => {
      inside = session.getStreamUserData(streamId);
    },
  });
  session.submitSynStream(3, 0, 0, HEADERS_LIST, "mine");
  session.send();
  assertEquals(inside, "mine");
  assertEquals(session.getStreamUserData(1), undefined);
});

Deno.test("unknown and unreadable frames are reported with their bytes", () => {
  const seen: unknown[] = [];
  const session = new Session(SERVER, PROTO_SPDY3, {
    onUnknownCtrlRecv: (_session, head, payload) => {
      seen.push([...head], [...payload]);
    },
    onCtrlRecvParseError: (_session, type, head, payload, code) => {
      seen.push(type, [...head], [...payload], code);
    },
  });
  session.recv(Uint8Array.of(0x80, 3, 0, 11, 0, 0, 0, 1, 42));
  session.recv(Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 3, 1, 2, 3));
  assertEquals(seen, [
    [0x80, 3, 0, 11, 0, 0, 0, 1],
    [42],
    6,
    [0x80, 3, 0, 6, 0, 0, 0, 3],
    [1, 2, 3],
    -506,
  ]);
});

Deno.test("frame objects have their real length when they are sent", () => {
  const lengths: number[] = [];
  const note = (_session: Session, frame: CtrlFrame): void => {
    lengths.push(frame.length);
  };
  let written = 0;
  const session = new Session(CLIENT, PROTO_SPDY3, {
    beforeCtrlSend: note,
    onCtrlSend: note,
    send: (_session, bytes) => (written += bytes.length, bytes.length),
  });
  session.submitRequest(0, HEADERS_LIST);
  session.send();
  assertEquals(lengths, [written - 8, written - 8]);
});

Deno.test("beforeCtrlSend is called once for a frame, however often the transport blocks", () => {
  const harness = new Harness(CLIENT, PROTO_SPDY3);
  harness.session.submitPing();
  for (let count = 0; count < 12; count++) {
    assertEquals(harness.session.wantWrite(), true);
    harness.room = 1;
    harness.session.send();
  }
  assertEquals(harness.session.wantWrite(), false);
  assertEquals(harness.told(), ["beforeCtrlSend PING 1", "onCtrlSend PING 1"]);
  assertEquals(harness.written().length, 1);
});

Deno.test("send: undefined means that it would block, and no callback means that all was sent", () => {
  let calls = 0;
  const blocked = new Session(CLIENT, PROTO_SPDY3, {
    send: () => {
      calls++;
      return undefined;
    },
  });
  blocked.submitPing();
  blocked.send();
  assertEquals([calls, blocked.wantWrite()], [1, true]);
  const careless = new Session(CLIENT, PROTO_SPDY3);
  careless.submitPing();
  careless.send();
  assertEquals(careless.wantWrite(), false);
});

Deno.test("send: an impossible number is a CallbackFailureError, and nothing is lost", () => {
  for (const bad of [13, -1, 0.5, NaN, "12"]) {
    let answer: unknown = bad;
    const written: number[] = [];
    const session = new Session(CLIENT, PROTO_SPDY3, {
      send: (_session, bytes) => {
        if (answer === bytes.length) written.push(...bytes);
        return answer as number;
      },
    });
    session.submitPing();
    assertThrows(
      () => session.send(),
      CallbackFailureError,
      "the send callback returned",
    );
    answer = 12;
    session.send();
    assertEquals(written, [0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1]);
  }
});

Deno.test("send: an exception is rethrown unchanged, and the bytes are offered again", () => {
  const errors: unknown[] = [
    new CallbackFailureError("gone"),
    new RangeError("mine"),
    "a string",
    undefined,
  ];
  for (const error of errors) {
    let fails = true;
    let sent = 0;
    const session = new Session(CLIENT, PROTO_SPDY3, {
      send: (_session, bytes) => {
        if (fails) throw error;
        sent += bytes.length;
        return bytes.length;
      },
    });
    session.submitPing();
    let thrown: unknown = "nothing";
    try {
      session.send();
    } catch (caught) {
      thrown = caught;
    }
    assertEquals(thrown, error);
    assertEquals(session.failure, undefined);
    fails = false;
    session.send();
    assertEquals(sent, 12);
  }
});

Deno.test("recv: it requests at most 16384 bytes until it would block", () => {
  const pieces = [pings(2), pings(4, 6), new Uint8Array(0), pings(8)];
  const lengths: number[] = [];
  const seen: number[] = [];
  const session = new Session(CLIENT, PROTO_SPDY3, {
    recv: (_session, length) => {
      lengths.push(length);
      return pieces.shift();
    },
    onCtrlRecv: (_session, frame) => {
      if ("uniqueId" in frame) seen.push(frame.uniqueId);
    },
  });
  session.recv();
  assertEquals(seen, [2, 4, 6]);
  assertEquals(lengths, [16384, 16384, 16384]);
  session.recv();
  assertEquals(seen, [2, 4, 6, 8]);
});

Deno.test("recv: EOFError and other exceptions are rethrown, and misbehaviour is a CallbackFailureError", () => {
  const throwing = (error: unknown): Session =>
    new Session(CLIENT, PROTO_SPDY3, {
      recv: () => {
        throw error;
      },
    });
  assertThrows(() => throwing(new EOFError()).recv(), EOFError);
  assertThrows(
    () => throwing(new CallbackFailureError()).recv(),
    CallbackFailureError,
  );
  assertThrows(() => throwing(new RangeError("x")).recv(), RangeError, "x");
  const giving = (answer: unknown): Session =>
    new Session(CLIENT, PROTO_SPDY3, { recv: () => answer as Uint8Array });
  assertThrows(
    () => giving(new Uint8Array(16385)).recv(),
    CallbackFailureError,
    "16385",
  );
  assertThrows(() => giving("text").recv(), CallbackFailureError, "Uint8Array");
  assertThrows(
    () => new Session(CLIENT, PROTO_SPDY3).recv(),
    CallbackFailureError,
  );
});

Deno.test("recv(data) accepts only bytes and never calls the callback", () => {
  let asked = 0;
  const session = new Session(CLIENT, PROTO_SPDY3, {
    recv: () => {
      asked++;
      return undefined;
    },
  });
  session.recv(pings(2));
  session.recv(new Uint8Array(0));
  assertEquals(asked, 0);
  for (const bad of ["text", null, [1, 2], new ArrayBuffer(3)]) {
    assertThrows(
      () => session.recv(bad as unknown as Uint8Array),
      SpdyError,
      "data",
    );
  }
});

/** A session all of whose callbacks throw their own name after `arm(true)`. */
function thrower(side: 1 | 2): { session: Session; arm(on: boolean): void } {
  let armed = false;
  const fail = (name: string) => (): void => {
    if (armed) throw new Error(name);
  };
  const options: SessionOptions = {
    onCtrlRecv: fail("onCtrlRecv"),
    onInvalidCtrlRecv: fail("onInvalidCtrlRecv"),
    onDataChunkRecv: fail("onDataChunkRecv"),
    onDataRecv: fail("onDataRecv"),
    beforeCtrlSend: fail("beforeCtrlSend"),
    onCtrlSend: fail("onCtrlSend"),
    onCtrlNotSend: fail("onCtrlNotSend"),
    onDataSend: fail("onDataSend"),
    onDataNotSend: fail("onDataNotSend"),
    onStreamClose: fail("onStreamClose"),
    onRequestRecv: fail("onRequestRecv"),
    onCtrlRecvParseError: fail("onCtrlRecvParseError"),
    onUnknownCtrlRecv: fail("onUnknownCtrlRecv"),
    limits: { maxConcurrentStreams: 0x7fffffff },
  };
  return {
    session: new Session(side, PROTO_SPDY3, options),
    arm: (on) => {
      armed = on;
    },
  };
}

Deno.test("recv rethrows an exception of any receiving callback after all input was processed", () => {
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const { session, arm } = thrower(SERVER);
  arm(true);
  const bytes = (...frames: Parameters<FrameEncoder["encode"]>[0][]) =>
    Uint8Array.from(frames.flatMap((frame) => [...encoder.encode(frame)]));
  const cases: [string, Uint8Array][] = [
    ["onCtrlRecv", bytes(synStream(1))],
    ["onDataRecv", bytes(data(1, 3))],
    ["onDataRecv", bytes(data(1, 0))],
    ["onRequestRecv", bytes(synStream(3, { flags: 1 }))],
    ["onStreamClose", bytes(rstStream(3))],
    ["onInvalidCtrlRecv", bytes(synReply(99))],
    ["onUnknownCtrlRecv", Uint8Array.of(0x80, 3, 0, 99, 0, 0, 0, 0)],
    // The last error is thrown, and the frames before and after it are not
    // lost.
    [
      "onRequestRecv",
      bytes(ping(1), synStream(5), data(5, 1), synStream(7, { flags: 1 })),
    ],
    ["onCtrlRecvParseError", Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 0)],
  ];
  for (const [name, input] of cases) {
    assertThrows(() => session.recv(input), Error, name);
  }
  assert(session.failure !== undefined);
});

Deno.test("send rethrows an exception of any sending callback after the queue was written", () => {
  const { session, arm } = thrower(CLIENT);
  session.submitRequest(0, HEADERS_LIST, body(3));
  session.submitSynReply(0, 9, []);
  session.submitPing();
  arm(true);
  assertThrows(() => session.send(), Error, "onCtrlNotSend");
  assertEquals(session.wantWrite(), false);
  session.send();
  session.submitRstStream(1, 5);
  assertThrows(() => session.send(), Error, "onStreamClose");
  session.submitPing();
  assertThrows(() => session.send(), Error, "onCtrlSend");
});

Deno.test("an exception does not lose the rest of the input", () => {
  const seen: string[] = [];
  const session = new Session(CLIENT, PROTO_SPDY3, {
    onCtrlRecv: (_session, frame) => {
      seen.push("uniqueId" in frame ? `${frame.uniqueId}` : "");
      if (seen.length === 1) throw new Error("first");
    },
  });
  assertThrows(() => session.recv(pings(2, 4, 6)), Error, "first");
  assertEquals(seen, ["2", "4", "6"]);
  assertEquals(session.getOutboundQueueSize(), 3);
});

Deno.test("send and recv inside a callback are refused with a clear error", () => {
  const errors: unknown[] = [];
  const attempt = (session: Session): void => {
    for (const call of [() => session.send(), () => session.recv(pings(2))]) {
      try {
        call();
      } catch (error) {
        errors.push(error);
      }
    }
  };
  const session = new Session(CLIENT, PROTO_SPDY3, {
    onCtrlRecv: attempt,
    beforeCtrlSend: attempt,
    send: (inner, bytes) => (attempt(inner), bytes.length),
  });
  session.recv(pings(2));
  session.send();
  assertEquals(errors.length, 6);
  for (const error of errors) {
    const { code, message } = error as SpdyError;
    assertEquals(code, ERR_INVALID_STATE);
    assertMatch(
      message,
      /^(send|recv)\(\) was called inside a callback of/,
    );
  }
  session.submitPing();
  session.send();
  assertEquals(errors.length, 10, "the session goes on");
});

Deno.test("callbacks may submit frames, which are then sent", () => {
  const harness = new Harness(SERVER, PROTO_SPDY2);
  const session: Session = new Session(SERVER, PROTO_SPDY3_1, {
    onRequestRecv: (inner, streamId) => {
      inner.submitResponse(streamId, HEADERS_LIST, body(3));
      inner.submitPing();
    },
    onCtrlSend: (inner, frame) => {
      if (frame.frameType === 2) inner.submitHeaders(0, frame.streamId, []);
    },
    limits: { maxConcurrentStreams: 0x7fffffff },
  });
  const encoder = new FrameEncoder(PROTO_SPDY3_1);
  session.recv(encoder.encode(synStream(1, { flags: 1 })));
  assertEquals(session.getOutboundQueueSize(), 2);
  session.send();
  assertEquals(session.wantWrite(), false);
  assertEquals(harness.session.wantWrite(), false);
});

Deno.test("userData is the value of the option", () => {
  const userData = {};
  assertEquals(
    new Session(CLIENT, PROTO_SPDY3, { userData }).userData === userData,
    true,
  );
  assertEquals(new Session(CLIENT, PROTO_SPDY3).userData, undefined);
});

Deno.test("an exception of each callback alone is rethrown once, and the session goes on", () => {
  const encoder = (): FrameEncoder => new FrameEncoder(PROTO_SPDY3);
  const receive = (...frames: Frame[]) => (session: Session): void => {
    const codec = encoder();
    session.recv(
      Uint8Array.from(frames.flatMap((frame) => [...codec.encode(frame)])),
    );
  };
  const bytes = (...input: number[]) => (session: Session): void =>
    session.recv(Uint8Array.from(input));
  const send = (prepare: (session: Session) => void) =>
  (
    session: Session,
  ): void => {
    prepare(session);
    session.send();
  };
  const request = (session: Session): void => {
    session.submitRequest(0, HEADERS_LIST, body(3));
  };
  const ping = send((session) => session.submitPing());
  const cases: [keyof SessionOptions, 1 | 2, (session: Session) => void][] = [
    ["onCtrlRecv", SERVER, receive(synStream(1))],
    ["onInvalidCtrlRecv", SERVER, receive(synReply(99))],
    ["onDataChunkRecv", SERVER, receive(synStream(1), data(1, 3))],
    ["onDataRecv", SERVER, receive(synStream(1), data(1, 3))],
    ["onRequestRecv", SERVER, receive(synStream(1, { flags: 1 }))],
    ["onStreamClose", SERVER, receive(synStream(1), rstStream(1))],
    ["onCtrlRecvParseError", SERVER, bytes(0x80, 3, 0, 6, 0, 0, 0, 0)],
    ["onUnknownCtrlRecv", SERVER, bytes(0x80, 3, 0, 99, 0, 0, 0, 0)],
    ["beforeCtrlSend", CLIENT, ping],
    ["onCtrlSend", CLIENT, ping],
    [
      "onCtrlNotSend",
      CLIENT,
      send((session) => session.submitSynReply(0, 9, [])),
    ],
    ["onDataSend", CLIENT, send(request)],
    [
      "onDataNotSend",
      CLIENT,
      send((session) => {
        session.submitSynStream(0, 0, 0, HEADERS_LIST);
        session.send();
        session.submitData(1, 0, body(3));
        session.submitRstStream(1, 5);
      }),
    ],
  ];
  for (const [name, side, act] of cases) {
    let calls = 0;
    const options = {
      [name]: () => {
        if (calls++ === 0) throw new Error(`from ${name}`);
      },
    };
    const session = new Session(side, PROTO_SPDY3, options);
    assertThrows(() => act(session), Error, `from ${name}`);
    session.submitPing();
    session.send();
    assertEquals(session.wantWrite(), false, name);
  }
});

Deno.test("a frame that is reported as not sent has the length 0", () => {
  const seen: number[][] = [];
  const session = new Session(CLIENT, PROTO_SPDY3, {
    onCtrlNotSend: (_session, { frameType, length }) => {
      seen.push([frameType, length]);
    },
  });
  session.submitGoaway(0);
  session.send();
  session.submitRequest(0, HEADERS_LIST);
  session.submitSynReply(0, 2, HEADERS_LIST);
  session.submitHeaders(0, 2, HEADERS_LIST);
  session.submitGoaway(0);
  session.send();
  assertEquals(seen.sort(([a], [b]) => a - b), [[1, 0], [2, 0], [7, 0], [
    8,
    0,
  ]]);
});

Deno.test("frames for which the application chooses no flags have none", () => {
  const harness = new Harness(SERVER, PROTO_SPDY3_1);
  harness.give(synStream(1));
  harness.session.submitRstStream(1, 5);
  harness.session.submitPing();
  harness.session.submitWindowUpdate(0, 5);
  harness.session.submitGoaway(0);
  const frames = harness.flush();
  assertEquals(frames.map(({ flags }) => flags), [0, 0, 0, 0]);
});

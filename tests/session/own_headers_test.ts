import { assertEquals, assertStrictEquals } from "../deps.ts";
import {
  CLIENT,
  type CtrlFrame,
  type HeaderCompression,
  type NameValue,
  type ProtocolVersion,
  SERVER,
  Session,
  type SessionOptions,
} from "../../mod.ts";
import { Random } from "../helpers/random.ts";
import { VERSIONS } from "./harness.ts";
import { versionName } from "../helpers/version_name.ts";

const POLICIES: readonly HeaderCompression[] = ["safe", "full", "none"];
const NAMES = [":path", "accept", "cookie", "etag", "x-long", "x-parts"];
const VALUES = ["", "a", "/index.html", "a\0b", "text/html", "k=0123456789"];

/** A client that sends requests to a server; returns what the server received. */
function open(
  version: ProtocolVersion,
  headerCompression: HeaderCompression,
  options: SessionOptions,
): { client: Session; server: Session; received: NameValue[][] } {
  const received: NameValue[][] = [];
  const server = new Session(SERVER, version, {
    send: (_session, data) => (client.recv(data), data.length),
    onCtrlRecv: (_session, frame) => {
      if ("nv" in frame) received.push(frame.nv);
    },
    // The stream ends, so that any number of requests can be sent.
    onRequestRecv: (session, streamId) => session.submitRstStream(streamId, 8),
  });
  const client: Session = new Session(CLIENT, version, {
    headerCompression,
    ...options,
    send: (_session, data) => (server.recv(data), data.length),
  });
  return { client, server, received };
}

/** The list as the peer must receive it. */
function expected(list: readonly NameValue[]): NameValue[] {
  return sorted(
    list.flatMap(([name, value]) =>
      value.split("\0").map((part): NameValue => [name, part])
    ),
  );
}

/** Sorted by name: the peer receives them in the order of SPDY/2's own names. */
function sorted(list: readonly NameValue[]): NameValue[] {
  return list.toSorted(([a], [b]) => a === b ? 0 : a < b ? -1 : 1);
}

function spoil(frame: CtrlFrame): void {
  if (!("nv" in frame)) return;
  for (const pair of frame.nv) pair[1] = pair[0] = "spoiled";
  frame.nv.length = 1;
}

for (const version of VERSIONS) {
  for (const policy of POLICIES) {
    Deno.test(`headers: nobody who changes a list changes what is sent, ${versionName(version)}, policy ${policy}`, () => {
      const random = new Random(20 + version);
      const shown: NameValue[][] = [];
      const { client, server, received } = open(version, policy, {
        beforeCtrlSend: (_session, frame) => {
          if (!("nv" in frame)) return;
          shown.push(structuredClone(frame.nv));
          if (random.chance(0.5)) spoil(frame);
        },
        onCtrlSend: (_session, frame) => spoil(frame),
      });
      const lists: NameValue[][] = [];
      let list: NameValue[] = NAMES.map((name) => [name, "first"]);
      for (let round = 0; round < 60; round++) {
        // Several wait in the queue at the same time.
        for (let count = random.int(1, 4); count > 0; count--) {
          list = list.map(([name, value]) => [
            name,
            random.chance(0.2) ? random.pick(VALUES) : value,
          ]);
          if (random.chance(0.1)) list = random.shuffle(list);
          lists.push(structuredClone(list));
          client.submitRequest(0, list);
          for (const pair of list) {
            if (random.chance(0.1)) pair[1] = "changed after submit";
          }
        }
        client.send();
        server.send();
      }
      assertEquals(received.map(sorted), lists.map(expected));
      assertEquals(shown, lists.map(expected));
    });
  }
}

Deno.test("headers: all callbacks of a frame see the same list", () => {
  const seen: CtrlFrame[] = [];
  const { client } = open(3, "safe", {
    beforeCtrlSend: (_session, frame) => void seen.push(frame),
    onCtrlSend: (_session, frame) => void seen.push(frame),
  });
  client.submitRequest(0, [["x", "1"]]);
  client.send();
  assertStrictEquals(seen[0], seen[1]);
  assertEquals(seen.length, 2);
  assertEquals("nv" in seen[0] && seen[0].nv, [["x", "1"]]);
});

Deno.test("headers: a frame that is not sent is reported with its list", () => {
  const reported: CtrlFrame[] = [];
  const { client } = open(3, "safe", {
    onCtrlNotSend: (_session, frame) => void reported.push(frame),
  });
  client.submitHeaders(0, 99, [["b", "2"], ["A", "1\x002"]]);
  client.send();
  const [frame] = reported;
  assertEquals("nv" in frame && frame.nv, [["a", "1"], ["a", "2"], ["b", "2"]]);
});

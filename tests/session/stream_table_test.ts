import { assertEquals } from "../deps.ts";
import {
  CLIENT,
  type CtrlFrame,
  ERR_STREAM_ID_NOT_AVAILABLE,
  PROTO_SPDY3,
  SERVER,
} from "../../mod.ts";
import { Application } from "../../session/application.ts";
import { SessionCore } from "../../session/core.ts";
import { resolveSettings } from "../../session/options.ts";
import { Outbound } from "../../session/outbound.ts";
import { StreamRecord } from "../../session/stream_record.ts";
import { StreamTable } from "../../session/stream_table.ts";
import { submitSynStream } from "../../session/submit.ts";

function stream(id: number, own: boolean, assoc = 0): StreamRecord<null> {
  return new StreamRecord<null>(id, own, 0, assoc, undefined, undefined);
}

Deno.test("own ids: odd for a client, even for a server, up to the last one", () => {
  const client = new StreamTable<null>(CLIENT);
  assertEquals([client.takeOwnId(), client.takeOwnId()], [1, 3]);
  assertEquals([client.isOwn(7), client.isOwn(8), client.isOwn(0)], [
    true,
    false,
    false,
  ]);
  const server = new StreamTable<null>(SERVER, 0x7ffffffe);
  assertEquals([server.takeOwnId(), server.takeOwnId(), server.takeOwnId()], [
    0x7ffffffe,
    0,
    0,
  ]);
  const last = new StreamTable<null>(CLIENT, 0x7fffffff);
  assertEquals([last.takeOwnId(), last.takeOwnId()], [0x7fffffff, 0]);
});

Deno.test("streams are counted by the side that opened them", () => {
  const table = new StreamTable<null>(CLIENT);
  const [own, push] = [stream(1, true), stream(2, false, 1)];
  table.add(own);
  table.add(push);
  assertEquals([table.size, table.ownOpen, table.peerOpen], [2, 1, 1]);
  assertEquals([...table.values()].map(({ id }) => id), [1, 2]);
  assertEquals(table.pushedFor(1), [push]);
  table.remove(push);
  table.remove(push);
  assertEquals([table.size, table.ownOpen, table.peerOpen], [1, 1, 0]);
  assertEquals(table.pushedFor(1), []);
  assertEquals(table.get(2), undefined);
});

Deno.test("the pushes for a stream are known when that stream has ended", () => {
  const table = new StreamTable<null>(SERVER);
  const request = stream(1, false);
  const pushes = [stream(2, true, 1), stream(4, true, 1)];
  for (const each of [request, ...pushes, stream(6, true)]) table.add(each);
  table.remove(request);
  assertEquals(table.pushedFor(1), pushes);
  table.remove(pushes[0]);
  assertEquals(table.pushedFor(1), [pushes[1]]);
  assertEquals([table.pushedFor(0), table.pushedFor(3)], [[], []]);
});

Deno.test("if the ids are used up, a SYN_STREAM is not sent, and this is reported", () => {
  const told: unknown[] = [];
  const callbacks = {
    onCtrlSend: (_session: null, frame: CtrlFrame) => {
      told.push("streamId" in frame && frame.streamId);
    },
    onCtrlNotSend: (_session: null, frame: CtrlFrame, code: number) => {
      told.push("streamId" in frame && frame.streamId, code);
    },
    onStreamClose: () => told.push("closed"),
  };
  const settings = resolveSettings({});
  const core = new SessionCore<null>(
    CLIENT,
    PROTO_SPDY3,
    settings,
    new Application<null>(null, callbacks),
  );
  Object.defineProperty(core, "streams", {
    value: new StreamTable<null>(CLIENT, 0x7fffffff),
  });
  const outbound = new Outbound(core, PROTO_SPDY3);
  for (let count = 0; count < 2; count++) {
    submitSynStream(core, 0, 0, 0, [], undefined, undefined);
  }
  outbound.send();
  assertEquals(told, [0x7fffffff, 0, ERR_STREAM_ID_NOT_AVAILABLE]);
});

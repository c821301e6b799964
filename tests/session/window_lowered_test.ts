import {
  CLIENT,
  DataProvider,
  ERR_DEFERRED,
  PROTO_SPDY3,
  READ_EOF,
  SERVER,
  Session,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../mod.ts";
import { assertEquals } from "../deps.ts";

for (const autoWindowUpdate of [true, false]) {
  Deno.test(`a body goes on after the receiver lowered its initial window, autoWindowUpdate ${autoWindowUpdate}`, () => {
    let received = 0;
    let closed = false;
    // 90000 bytes are too few for an update of a window of 200000, and more
    // than a window of 65536 has.
    let offset = 0;
    let available = 90000;
    const client: Session = new Session(CLIENT, PROTO_SPDY3, {
      send: (_session, data) => (server.recv(data), data.length),
      onStreamClose: () => closed = true,
    });
    const server: Session = new Session(SERVER, PROTO_SPDY3, {
      autoWindowUpdate,
      send: (_session, data) => (client.recv(data), data.length),
      onDataChunkRecv(session, _flags, streamId, data) {
        received += data.length;
        if (!autoWindowUpdate) session.consume(streamId, data.length);
      },
      onRequestRecv: (session, streamId) =>
        session.submitResponse(streamId, []),
    });
    const exchange = () => {
      while (client.wantWrite() || server.wantWrite()) {
        client.send();
        server.send();
      }
    };
    const body = new DataProvider(
      undefined,
      (_session, _streamId, length, control) => {
        const size = Math.min(length, available - offset);
        if (size === 0) return ERR_DEFERRED;
        offset += size;
        if (offset === 150000) control.flags = READ_EOF;
        return new Uint8Array(size);
      },
    );
    server.submitSettings(0, [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 200000]]);
    exchange();
    client.submitRequest(0, [], body);
    exchange();
    assertEquals(received, 90000);
    server.submitSettings(0, [[SETTINGS_INITIAL_WINDOW_SIZE, 0, 65536]]);
    available = 150000;
    client.resumeData(1);
    exchange();
    assertEquals([received, closed], [150000, true]);
  });
}

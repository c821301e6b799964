import { assertEquals, concat } from "../deps.ts";
import {
  CLIENT,
  DataProvider,
  READ_EOF,
  SERVER,
  Session,
  type SessionOptions,
} from "../../mod.ts";
import { VERSIONS } from "./harness.ts";
import { versionName } from "../helpers/version_name.ts";

const PIECES = 5;

/** Bodies that consist of one letter each, and are longer than a frame. */
function bodyOf(letter: string): DataProvider {
  let piece = 0;
  return new DataProvider(letter, (_session, _streamId, length, readCtrl) => {
    if (++piece === PIECES) readCtrl.flags = READ_EOF;
    return new Uint8Array(Math.min(length, 3000)).fill(letter.charCodeAt(0));
  });
}

/** What the sessions passed to the transport, and a copy made at once. */
class Kept {
  readonly views: Uint8Array[] = [];
  readonly copies: Uint8Array[] = [];

  add(data: Uint8Array): void {
    this.views.push(data);
    this.copies.push(data.slice());
  }
}

for (const version of VERSIONS) {
  Deno.test(`bytes from send() do not change later, ${versionName(version)}`, () => {
    const written = new Kept();
    const received = new Kept();
    const options: SessionOptions = {
      onDataChunkRecv: (_session, _flags, _streamId, data) =>
        received.add(data),
    };
    const server: Session = new Session(SERVER, version, {
      ...options,
      send: (_session, data) => {
        written.add(data);
        client.recv(data);
        return data.length;
      },
      onRequestRecv: (session, streamId) =>
        session.submitResponse(streamId, [[":status", "200"]], bodyOf("r")),
    });
    const client: Session = new Session(CLIENT, version, {
      ...options,
      send: (_session, data) => {
        // A transport that takes a frame in two pieces.
        const taken = Math.ceil(data.length / 2);
        written.add(data.subarray(0, taken));
        server.recv(data.subarray(0, taken));
        return taken;
      },
    });
    for (const letter of ["a", "b", "c"]) {
      client.submitRequest(0, [["x", letter]], bodyOf(letter));
    }
    client.submitPing();
    client.send();
    server.send();
    client.send();

    assertEquals(received.copies.length > 3 * PIECES, true);
    assertEquals(concat(received.views), concat(received.copies));
    assertEquals(concat(written.views), concat(written.copies));
  });
}

Deno.test("reuseSendBuffer: the bytes are correct during the call", () => {
  const sent = (reuseSendBuffer: boolean): Uint8Array => {
    const pieces: Uint8Array[] = [];
    const session = new Session(CLIENT, VERSIONS[0], {
      reuseSendBuffer,
      send: (_session, data) => {
        pieces.push(data.slice());
        return data.length;
      },
    });
    for (const letter of ["a", "b"]) {
      session.submitRequest(0, [["x", letter]], bodyOf(letter));
    }
    session.send();
    return concat(pieces);
  };
  assertEquals(sent(true), sent(false));
});

/**
 * A server on `Session` alone, with an I/O loop of its own over `Deno.Conn`, like the
 * example server of python-spdylay. It uses SPDY/3.1 on plain TCP, or TLS, where ALPN
 * selects the version.
 *
 *     deno run --allow-net examples/spdyserv.ts
 *     deno run --allow-net --allow-read examples/spdyserv.ts server.crt server.key
 *
 * @module
 */

import {
  DataProvider,
  getNpnProtocols,
  type NameValue,
  npnGetVersion,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  READ_EOF,
  SERVER,
  Session,
  SYN_STREAM,
} from "../mod.ts";

const PAGE = `<!doctype html>
<title>SPDY from Deno</title>
<h1>SPDY from Deno</h1>
<p>Many streams, one connection.</p>
`;

const [certFile, keyFile] = Deno.args;
const address = { hostname: "127.0.0.1", port: 3000 };
const listener = certFile === undefined
  ? Deno.listen(address)
  : Deno.listenTls({
    ...address,
    cert: await Deno.readTextFile(certFile),
    key: await Deno.readTextFile(keyFile),
    alpnProtocols: getNpnProtocols(),
  });
console.log(`Listening on port ${(listener.addr as Deno.NetAddr).port}`);

for await (const conn of listener) {
  run(conn).catch((error) => console.error(`connection: ${error.message}`));
}

/** The loop: receives and sends bytes as long as the session expects or has any. */
async function run(conn: Deno.Conn): Promise<void> {
  using _closing = conn;
  const outgoing: Uint8Array[] = [];
  const session = openSession(await agreedVersion(conn), outgoing);
  const buffer = new Uint8Array(16 * 1024);
  for (;;) {
    session.send();
    for (const bytes of outgoing.splice(0)) await writeAll(conn, bytes);
    if (!session.wantRead() && !session.wantWrite()) return;
    const size = await conn.read(buffer);
    if (size === null) return;
    session.recv(buffer.subarray(0, size));
  }
}

function openSession(
  version: ProtocolVersion,
  outgoing: Uint8Array[],
): Session {
  const requests = new Map<number, NameValue[]>();
  return new Session(SERVER, version, {
    send(_session, data) {
      // The session reuses the memory of these bytes after this call.
      outgoing.push(data.slice());
      return data.length;
    },
    onCtrlRecv(_session, frame) {
      if (frame.frameType === SYN_STREAM) {
        requests.set(frame.streamId, frame.nv);
      }
    },
    onRequestRecv(session, streamId) {
      answer(session, streamId, requests.get(streamId) ?? []);
    },
    onStreamClose(_session, streamId) {
      requests.delete(streamId);
    },
  });
}

function answer(session: Session, streamId: number, nv: NameValue[]): void {
  const path = nv.find(([name]) => name === ":path")?.[1];
  const [status, text] = path === "/notfound"
    ? ["404 Not Found", "There is no such page.\n"]
    : ["200 OK", PAGE];
  const body = new TextEncoder().encode(text);
  let offset = 0;
  const provider = new DataProvider(body, (_session, _id, length, control) => {
    const piece = body.subarray(offset, offset + length);
    offset += piece.length;
    if (offset === body.length) control.flags = READ_EOF;
    return piece;
  });
  session.submitResponse(streamId, [
    [":status", status],
    [":version", "HTTP/1.1"],
    ["content-length", `${body.length}`],
    ["content-type", "text/html; charset=utf-8"],
  ], provider);
}

/** The version that ALPN selected, or SPDY/3.1 on plain TCP. */
async function agreedVersion(conn: Deno.Conn): Promise<ProtocolVersion> {
  if (!("handshake" in conn)) return PROTO_SPDY3_1;
  const { alpnProtocol } = await (conn as Deno.TlsConn).handshake();
  const version = npnGetVersion(alpnProtocol ?? "");
  if (version === 0) throw new Error("the client offered no version of SPDY");
  return version;
}

async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await conn.write(bytes.subarray(done));
  }
}

/** TLS on a transport that is already open. */

import { startTls } from "../../../connection/transport/client_tls.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { assertEquals } from "../../deps.ts";
import { listenWith, makeCertificate } from "../../helpers/certificate.ts";

/** An application's own object around a TCP connection. */
function wrapped(conn: Deno.TcpConn): ByteConn {
  return {
    read: (into) => conn.read(into),
    write: (data) => conn.write(data),
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
  };
}

Deno.test("TLS: a transport that has only some methods of a TCP connection is wrapped, and none of them has to exist", async () => {
  const certificate = await makeCertificate();
  using listener = listenWith(certificate, ["spdy/3.1"]);
  const extras = [{}, { setKeepAlive() {} }, { setNoDelay() {} }];
  for (const extra of extras) {
    const { port } = listener.addr as Deno.NetAddr;
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const transport = Object.assign(wrapped(conn), extra);
    const [accepted, tls] = await Promise.all([
      listener.accept(),
      startTls(transport, "127.0.0.1", {
        caCerts: [certificate.caCert],
        alpnProtocols: ["spdy/3.1"],
      }),
    ]);
    const [server] = await Promise.all([
      accepted.handshake(),
      tls.handshake(),
    ]);
    assertEquals(server.alpnProtocol, "spdy/3.1");
    const ended = accepted.read(new Uint8Array(1));
    tls.close();
    assertEquals(await ended.catch(() => null), null);
    accepted.close();
  }
});

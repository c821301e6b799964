import { connect, serve } from "../../mod.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { assertEquals } from "../deps.ts";

/** Whether this machine has an IPv6 loopback address. */
const hasIpv6 = ((): boolean => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

Deno.test({
  name:
    "connect accepts an IPv6 address with and without brackets, also for TLS",
  ignore: !hasIpv6,
  async fn() {
    const { cert, key, caCert } = await makeCertificate();
    for (const secure of [false, true]) {
      await using server = serve(
        {
          hostname: "::1",
          port: 0,
          onListen() {},
          ...(secure ? { cert, key } : {}),
        },
        (request) => new Response(new URL(request.url).host),
      );
      const { port } = server.addr as Deno.NetAddr;
      for (const hostname of ["::1", "[::1]"]) {
        await using connection = await connect({
          hostname,
          port,
          tls: secure ? { caCerts: [caCert], serverName: "localhost" } : false,
        });
        const response = await connection.fetch("/");
        assertEquals(await response.text(), `[::1]:${port}`);
      }
    }
  },
});

import {
  connect,
  type ConnectOptions,
  InvalidArgumentError,
  serve,
} from "../../mod.ts";
import { makeCertificate } from "../helpers/certificate.ts";
import { assertEquals, assertRejects } from "../deps.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { onlyIf } from "../helpers/unix_only.ts";

/** Whether this machine has an IPv6 loopback address. */
const hasIpv6 = ((): boolean => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

onlyIf(hasIpv6, "needs IPv6").test({
  name:
    "connect accepts an IPv6 address with and without brackets, also for TLS",
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

Deno.test("connect leaves the zone of an IPv6 address out of the origin, but dials with it", async () => {
  const dialed: string[] = [];
  await using connection = await connect({
    hostname: "fe80::1%eth0",
    port: 8080,
    dial: ({ hostname }) => {
      dialed.push(hostname);
      return Promise.resolve(memoryStreams()[0]);
    },
    closeTimeout: 1,
  });
  assertEquals(connection.origin, "http://[fe80::1]:8080");
  assertEquals(dialed, ["fe80::1%eth0"]);
});

Deno.test("connect refuses a hostname that no URL can have before it dials, unless there is an origin", async () => {
  let dialed = 0;
  const options: ConnectOptions = {
    hostname: "my host",
    port: 80,
    dial: () => {
      dialed++;
      return Promise.resolve(memoryStreams()[0]);
    },
    closeTimeout: 1,
  };
  for (const hostname of ["my host", "a/b", "user@a", ""]) {
    await assertRejects(
      () => connect({ ...options, hostname }),
      InvalidArgumentError,
      `hostname "${hostname}" is not a host name that a URL can have: set the option origin`,
    );
  }
  assertEquals(dialed, 0);
  const origin = "http://example.org";
  await using connection = await connect({ ...options, origin });
  assertEquals([connection.origin, dialed], [origin, 1]);
});

import { StreamResetError } from "../../../connection/errors.ts";
import { INVALID_STREAM } from "../../../frame/constants.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { memoryPair } from "../../helpers/connections.ts";
import { nextStream, VERSIONS } from "../../helpers/http.ts";
import { versionName } from "../../helpers/version_name.ts";

for (const version of VERSIONS) {
  Deno.test(`the error tells a server which option of the client permits its streams, ${versionName(version)}`, async () => {
    await using pair = memoryPair({ version });
    const stream = await pair.server.openStream([["a", "b"]]);
    await assertRejects(
      () => stream.response,
      StreamResetError,
      "unless the client sets acceptServerStreams",
    );
    const client = { acceptServerStreams: true };
    await using willing = memoryPair({ version, client });
    const opened = await willing.server.openStream([["a", "b"]]);
    await (await nextStream(willing.client)).reply([["c", "d"]]);
    assertEquals(await opened.response, [["c", "d"]]);
  });
}

Deno.test("the error of a reset with INVALID_STREAM names the option acceptServerStreams for streams of a server only", async () => {
  await using pair = memoryPair({ client: { acceptServerStreams: true } });
  const hinted = async (opener: "client" | "server") => {
    const [from, to] = opener === "client"
      ? [pair.client, pair.server]
      : [pair.server, pair.client];
    const stream = await from.openStream([["a", "b"]]);
    (await nextStream(to)).reset(INVALID_STREAM);
    const error = await assertRejects(() => stream.response, StreamResetError);
    return error.message.includes("acceptServerStreams");
  };
  assertEquals(await hinted("server"), true);
  assertEquals(await hinted("client"), false);
});

/** Headers without a value, which SPDY/2 forbids. */

import { PROTO_SPDY2, type TracedFrame } from "../../mod.ts";
import { assertEquals } from "../deps.ts";
import { httpPair, VERSIONS } from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";

for (const version of VERSIONS) {
  const kept = version !== PROTO_SPDY2;
  Deno.test(`a header without a value is ${kept ? "sent" : "left out"}, ${versionName(version)}`, async () => {
    const sent: string[] = [];
    const onFrame = (direction: string, frame: TracedFrame): void => {
      if (direction !== "sent" || !("nv" in frame)) return;
      for (const [name, value] of frame.nv) if (value === "") sent.push(name);
    };
    await using pair = await httpPair(async (request, info) => {
      const seen = request.headers.get("x-request");
      await request.body?.cancel();
      await info.push("/pushed", {
        response: new Response(null, { headers: { "x-pushed": "" } }),
      });
      info.sendTrailers({ "x-trailer": "" });
      return new Response(`${seen}`, {
        headers: { "x-response": "", "x-full": "1" },
      });
    }, { version, onFrame });
    const pushed: Promise<Response>[] = [];
    const response = await pair.client.fetch("/", {
      headers: { "x-request": "" },
      onPush: (push) => void pushed.push(push.response),
    });
    assertEquals(await response.text(), kept ? "" : "null");
    const value = kept ? "" : null;
    assertEquals(response.headers.get("x-response"), value);
    assertEquals(response.headers.get("x-full"), "1");
    assertEquals((await response.trailers).get("x-trailer"), value);
    assertEquals((await pushed[0]).headers.get("x-pushed"), value);
    assertEquals(
      new Set(sent),
      new Set(kept ? ["x-pushed", "x-response", "x-trailer"] : []),
    );
  });
}

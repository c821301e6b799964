/** `serve` and requests that break the rules of HTTP over SPDY. */

import { StreamResetError } from "../../connection/errors.ts";
import { PROTOCOL_ERROR } from "../../frame/constants.ts";
import type { NameValue } from "../../frame/types.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
} from "../deps.ts";
import {
  httpPair,
  readBody,
  REQUEST,
  valueOf,
  VERSIONS,
  writeBody,
} from "../helpers/http.ts";
import { versionName } from "../helpers/version_name.ts";

for (const version of VERSIONS) {
  Deno.test(`serve: a request without a required pair gets 400, ${versionName(version)}`, async () => {
    let called = 0;
    await using pair = await httpPair(() => {
      called++;
      return new Response();
    }, { version });
    for (const [name] of REQUEST) {
      const nv = REQUEST.filter((each) => each[0] !== name);
      const stream = await pair.client.openStream(nv, { fin: true });
      assertEquals(valueOf(await stream.response, ":status"), "400");
      assertEquals(
        await readBody(stream),
        `Bad Request: the request has no ${name}`,
      );
    }
    assertEquals(called, 0);
  });

  Deno.test(`serve: a request with a hop-by-hop header gets 400, ${versionName(version)}`, async () => {
    await using pair = await httpPair(() => new Response(), { version });
    for (
      const name of [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
      ]
    ) {
      const stream = await pair.client.openStream([...REQUEST, [name, "x"]], {
        fin: true,
      });
      assertEquals(valueOf(await stream.response, ":status"), "400");
      assertStringIncludes(await readBody(stream), name);
    }
  });
}

Deno.test("serve: header names and URLs that the platform refuses get 400", async () => {
  await using pair = await httpPair(() => new Response());
  const wrong: NameValue[] = [[":host", "h:port"], [":host", "[::"]];
  for (const [name, value] of wrong) {
    const nv = REQUEST.filter((each) => each[0] !== name);
    const stream = await pair.client.openStream([...nv, [name, value]], {
      fin: true,
    });
    assertEquals(valueOf(await stream.response, ":status"), "400");
    await readBody(stream);
  }
});

function post(length: string): NameValue[] {
  return [
    ...REQUEST.filter(([name]) => name !== ":method"),
    [":method", "POST"],
    ["content-length", length],
  ];
}

Deno.test("serve: content-length on a request without a body gets 400", async () => {
  await using pair = await httpPair(() => new Response());
  const stream = await pair.client.openStream(post("5"), { fin: true });
  assertEquals(valueOf(await stream.response, ":status"), "400");
  assertEquals(
    await readBody(stream),
    "Bad Request: content-length is 5, but 0 bytes arrived",
  );
});

for (const [text, arrived] of [["abc", "only 3"], ["abcdefg", "more"]]) {
  Deno.test(`serve: a body of another length than announced (${arrived}) gets 400`, async () => {
    const failures: unknown[] = [];
    await using pair = await httpPair(async (request) => {
      try {
        await request.text();
      } catch (error) {
        failures.push(error);
      }
      return new Response("the handler does not mind");
    });
    const stream = await pair.client.openStream(post("5"));
    // The request is handled before its body has arrived.
    await pair.client.ping();
    await writeBody(stream, text);
    assertEquals(valueOf(await stream.response, ":status"), "400");
    assertEquals(
      await readBody(stream),
      `Bad Request: content-length is 5, but ${arrived} bytes arrived`,
    );
    assertInstanceOf(failures[0], HttpMessageError);
  });
}

Deno.test("serve: a wrong length after the head was sent resets the stream", async () => {
  await using pair = await httpPair((request) => new Response(request.body));
  const stream = await pair.client.openStream(post("5"));
  const writer = stream.writable.getWriter();
  await writer.write(new Uint8Array(2));
  assertEquals(valueOf(await stream.response, ":status"), "200");
  await writer.close();
  await assertRejects(() => readBody(stream), StreamResetError);
  assertEquals(await stream.closed, PROTOCOL_ERROR);
});

Deno.test("serve: the body of a response to an invalid request is cancelled", async () => {
  const cancelled = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  await using pair = await httpPair(async (request) => {
    begun.resolve();
    await request.text().catch(() => {});
    const body = new ReadableStream({ cancel: () => cancelled.resolve() });
    return new Response(body);
  });
  const stream = await pair.client.openStream([
    ...REQUEST.filter(([name]) => name !== ":method"),
    [":method", "POST"],
    ["content-length", "9"],
  ]);
  await begun.promise;
  await writeBody(stream, "short");
  assertEquals(valueOf(await stream.response, ":status"), "400");
  await cancelled.promise;
});

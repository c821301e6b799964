import { StreamingRefusedError } from "../../kubernetes/mod.ts";
import { assertEquals } from "../deps.ts";

Deno.test("the message of a refusal has the server's text, if there is one", () => {
  for (
    const [body, message] of [
      ["", "the server refused with 502"],
      [" \n", "the server refused with 502"],
      ["no route\n", "the server refused with 502: no route"],
      ['{"message":"gone"}', "the server refused with 502: gone"],
      ['{"message":""}', "the server refused with 502"],
      ['{"message":1}', 'the server refused with 502: {"message":1}'],
    ]
  ) {
    const error = new StreamingRefusedError(502, body);
    assertEquals([error.message, error.body, error.status], [
      message,
      body,
      502,
    ]);
  }
});

import type { NameValue } from "../../frame/types.ts";
import { toHeaders } from "../../http/message/fields.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import { isNullBodyStatus } from "../../http/message/null_body.ts";
import {
  readResponseHead,
  writeResponseHead,
} from "../../http/message/response_head.ts";
import { assertEquals, assertThrows } from "../deps.ts";

const DATE = "Mon, 23 Nov 2026 02:25:34 GMT";

Deno.test("a response becomes :status, :version, its headers and a date", () => {
  const response = new Response("hello", {
    status: 201,
    statusText: "Made",
    headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"], [
      "connection",
      "close",
    ]],
  });
  assertEquals(writeResponseHead(response, 5, DATE), [
    [":status", "201 Made"],
    [":version", "HTTP/1.1"],
    ["content-type", "text/plain;charset=UTF-8"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["content-length", "5"],
    ["date", DATE],
  ]);
});

Deno.test("date and content-length of the handler are kept", () => {
  const response = new Response(null, {
    headers: { date: "then", "content-length": "9" },
  });
  assertEquals(writeResponseHead(response, undefined, DATE).sort(), [
    [":status", "200"],
    [":version", "HTTP/1.1"],
    ["content-length", "9"],
    ["date", "then"],
  ]);
});

Deno.test("a response is read with and without a reason phrase", () => {
  const read = (status: string) =>
    readResponseHead([
      [":status", status],
      [":version", "HTTP/1.1"],
      ["connection", "keep-alive"],
      ["set-cookie", "a"],
      ["set-cookie", "b"],
    ]);
  assertEquals({ ...read("404") }, {
    status: 404,
    statusText: "Not Found",
    headers: [["set-cookie", "a"], ["set-cookie", "b"]],
    contentLength: undefined,
    isPlain: true,
  });
  assertEquals(read("299").statusText, "");
  assertEquals(read("200 Fine").statusText, "Fine");
  assertEquals(read("200 OK").statusText, "OK");
  assertEquals(read("404 Not Found").statusText, "Not Found");
  assertEquals(read("200 \u65e5").statusText, "\xe6\x97\xa5");
});

Deno.test("an invalid response is refused with its error", () => {
  assertThrows(
    () => readResponseHead([[":version", "HTTP/1.1"]]),
    HttpMessageError,
    "the response has no :status",
  );
  assertThrows(
    () => readResponseHead([[":status", "200"]]),
    HttpMessageError,
    "the response has no :version",
  );
  for (
    const status of ["", "OK", "99", "100", "101", "600", "2000", "20", "200OK"]
  ) {
    assertThrows(
      () => readResponseHead([[":status", status], [":version", "HTTP/1.1"]]),
      HttpMessageError,
      ":status",
    );
  }
});

Deno.test("header names that Headers does not accept are refused as the peer's fault", () => {
  const nv: NameValue[] = [["bad name", "x"]];
  const error = assertThrows(() => toHeaders(nv), HttpMessageError);
  assertEquals(error.initiator, "remote");
});

Deno.test("these statuses have no body", () => {
  assertEquals([200, 204, 205, 206, 304, 404].filter(isNullBodyStatus), [
    204,
    205,
    304,
  ]);
});

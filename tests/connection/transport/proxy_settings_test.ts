import {
  proxyOfEnvironment,
  readProxy,
} from "../../../connection/transport/proxy_settings.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import { assertEquals, assertThrows } from "../../deps.ts";

const target = { hostname: "spdy.example.org", port: 443 };

function proxyBy(
  variables: Record<string, string>,
  to = target,
): string | undefined {
  return proxyOfEnvironment(to, (name) => variables[name])?.name;
}

Deno.test("the proxy's URL contains address, TLS and credentials", () => {
  const plain = readProxy({ url: "http://proxy.example:3128" });
  assertEquals(
    [plain.hostname, plain.port, plain.secure, plain.headers],
    ["proxy.example", 3128, false, []],
  );
  assertEquals(readProxy({ url: new URL("http://proxy.example") }).port, 80);
  assertEquals(readProxy({ url: "https://proxy.example" }).port, 443);
  assertEquals(readProxy({ url: "http://[::1]:8080" }).hostname, "::1");
  const secret = readProxy({ url: "http://us%20er:p%3A%C3%9F%@proxy:1" });
  assertEquals(secret.headers, [[
    "proxy-authorization",
    `Basic ${new TextEncoder().encode("us er:p:\u00df%").toBase64()}`,
  ]]);
  assertEquals(secret.name, "http://proxy:1");
});

Deno.test("a proxy has 30 s for the tunnel, or the time of the option", () => {
  const url = "http://proxy.example";
  assertEquals(readProxy({ url }).timeout, 30_000);
  assertEquals(readProxy({ url, timeout: 0 }).timeout, 0);
  assertEquals(
    proxyOfEnvironment(
      target,
      (name) => name === "HTTPS_PROXY" ? "proxy" : undefined,
    )?.timeout,
    30_000,
  );
});

Deno.test("the user or the password may be missing, and each counts as credentials", () => {
  const credentials = (url: string) =>
    new Map(readProxy({ url }).headers).get("proxy-authorization");
  assertEquals(credentials("http://user@proxy"), `Basic ${btoa("user:")}`);
  assertEquals(credentials("http://:word@proxy"), `Basic ${btoa(":word")}`);
  assertEquals(credentials("http://proxy"), undefined);
  // What is no UTF-8 stays as it is.
  assertEquals(credentials("http://a:%ff@proxy"), `Basic ${btoa("a:%ff")}`);
});

Deno.test("headers of the option replace the URL's credentials, but not host", () => {
  const { headers } = readProxy({
    url: "http://user:password@proxy:1",
    headers: { "Proxy-Authorization": "Bearer x", host: "evil", "x-a": "b" },
  });
  assertEquals(headers, [["proxy-authorization", "Bearer x"], ["x-a", "b"]]);
});

Deno.test("the URL of a SOCKS proxy has the default port 1080, and credentials for SOCKS authentication", () => {
  const { hostname, port, headers, socks } = readProxy({
    url: "socks5://us%20er:p%3A%C3%9F@[::1]",
  });
  assertEquals([hostname, port, headers.length], ["::1", 1080, 0]);
  const text = (bytes?: Uint8Array): string => new TextDecoder().decode(bytes);
  assertEquals(
    [text(socks?.username), text(socks?.password)],
    ["us er", "p:\u00df"],
  );
  assertEquals(readProxy({ url: "socks5h://proxy:1" }).port, 1);
  for (
    const options of [
      { url: "socks5:///x" },
      { url: `socks5://${"u".repeat(256)}:secret@proxy` },
      { url: "socks5://proxy", headers: { a: "b" } },
    ]
  ) {
    const error = assertThrows(
      () => readProxy(options),
      InvalidArgumentError,
      "proxy.url",
    );
    assertEquals(error.message.includes("secret"), false);
  }
});

Deno.test("an invalid proxy is refused, and no message contains its password", () => {
  for (
    const url of ["", "proxy:secret@x", "socks4://a:secret@b:1080", "secret"]
  ) {
    const error = assertThrows(
      () => readProxy({ url }),
      InvalidArgumentError,
      "proxy.url",
    );
    assertEquals(error.message.includes("secret"), false);
  }
  assertThrows(
    () => readProxy({ url: "http://a%3Ab:c@proxy" }),
    InvalidArgumentError,
    "colon",
  );
  assertThrows(
    () => readProxy({ url: "http://proxy", timeout: -1 }),
    InvalidArgumentError,
    "proxy.timeout -1",
  );
  assertThrows(
    () => readProxy({ url: "http://proxy", headers: { a: "b\r\nc: d" } }),
    TypeError,
  );
  assertThrows(
    () => readProxy(null as never),
    InvalidArgumentError,
    "proxy is null, but it must be an object with a url",
  );
  assertThrows(
    () => readProxy({ url: "ftp://proxy" }),
    InvalidArgumentError,
    "proxy.url must begin with http:, https:, socks5: or socks5h:, not with ftp:",
  );
  const { message } = assertThrows(
    () => readProxy("http://user:secret@proxy" as never),
    InvalidArgumentError,
    "proxy is a string, but it must be an object with a url",
  );
  assertEquals(message.includes("secret"), false);
});

Deno.test("invalid TLS settings of a proxy are refused, and the message says that they are the proxy's", () => {
  const url = "https://proxy";
  assertThrows(
    () => readProxy({ url, tls: { serverName: "" } }),
    InvalidArgumentError,
    "proxy.tls.serverName",
  );
  assertThrows(
    () => readProxy({ url, tls: { ca: "" } as never }),
    InvalidArgumentError,
    "proxy.tls",
  );
  assertThrows(
    () => readProxy({ url, tls: { cert: "a" } }),
    TypeError,
    "`proxy.tls.key` must be specified",
  );
});

Deno.test("the environment determines the proxy of TLS connections", () => {
  assertEquals(proxyBy({}), undefined);
  assertEquals(proxyBy({ HTTPS_PROXY: "http://a:1" }), "http://a:1");
  assertEquals(proxyBy({ https_proxy: "a:1" }), "http://a:1");
  assertEquals(proxyBy({ ALL_PROXY: "https://a" }), "https://a");
  assertEquals(
    proxyBy({ ALL_PROXY: "http://all", HTTPS_PROXY: "http://a" }),
    "http://a",
  );
  assertEquals(
    proxyBy({ HTTPS_PROXY: "", all_proxy: "http://all" }),
    "http://all",
  );
  assertEquals(proxyBy({ HTTP_PROXY: "http://a:1" }), undefined);
  assertEquals(proxyBy({ ALL_PROXY: "socks5://a:1" }), "socks5://a:1");
  const error = assertThrows(
    () => proxyBy({ ALL_PROXY: "socks4://u:secret@a:1080" }),
    InvalidArgumentError,
    "proxy: false",
  );
  assertEquals(error.message.includes("secret"), false);
});

Deno.test("NO_PROXY lists hosts that are reached directly", () => {
  const proxied = (list: string, hostname = target.hostname): boolean =>
    proxyBy({ HTTPS_PROXY: "http://a:1", NO_PROXY: list }, {
      hostname,
      port: 443,
    }) !== undefined;
  for (
    const list of [
      "*",
      "spdy.example.org",
      "SPDY.Example.org",
      "example.org",
      ".example.org",
      "*.example.org",
      "other, example.org",
      "example.org:443",
    ]
  ) assertEquals(proxied(list), false, list);
  for (
    const list of [
      "",
      ",",
      "ample.org",
      "org.example",
      "sub.spdy.example.org",
      "example.org:80",
      "10.0.0.0/8",
    ]
  ) assertEquals(proxied(list), true, list);
  assertEquals(proxied("example.org", "spdy.example.org."), false);
  assertEquals(proxied("example.org", "SPDY.EXAMPLE.ORG"), false);
  assertEquals(proxied("10.0.0.0/8", "10.1.2.3"), false);
  assertEquals(proxied("10.1.2.3", "10.1.2.3"), false);
  assertEquals(proxied("10.1.2.3:443", "10.1.2.3"), false);
  assertEquals(proxied("10.0.0.0/8", "11.1.2.3"), true);
  assertEquals(proxied("2.3", "10.1.2.3"), true);
  assertEquals(proxied("::1", "::1"), false);
  assertEquals(proxied("[::1]:443", "::1"), false);
  assertEquals(proxied("2001:db8::/32", "2001:db8::5"), false);
  // The upper-case variable takes precedence.
  assertEquals(
    proxyBy({ HTTPS_PROXY: "http://a", NO_PROXY: "", no_proxy: "*" }),
    "http://a",
  );
  assertEquals(
    proxyBy({ HTTPS_PROXY: "http://a", no_proxy: "*" }),
    undefined,
  );
});

Deno.test("without permission for the environment, nothing is read and there is no prompt", async () => {
  const module = new URL(
    "../../../connection/transport/proxy_settings.ts",
    import.meta.url,
  ).href;
  const code = `
    import { proxyOfEnvironment } from ${JSON.stringify(module)};
    console.log(proxyOfEnvironment({ hostname: "a.example", port: 443 })?.name ?? "none");
  `;
  const run = async (...permissions: string[]): Promise<string> => {
    const output = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        ...permissions,
        `data:application/typescript,${encodeURIComponent(code)}`,
      ],
      env: { HTTPS_PROXY: "http://proxy.example:1" },
      stdout: "piped",
      stderr: "piped",
    }).output();
    return new TextDecoder().decode(output.stdout) +
      new TextDecoder().decode(output.stderr);
  };
  const imports = "--allow-import";
  assertEquals((await run(imports)).trim(), "none");
  assertEquals(
    (await run(imports, "--allow-env=HTTPS_PROXY")).trim(),
    "http://proxy.example:1",
  );
});

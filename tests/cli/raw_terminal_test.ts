import { serveStreaming } from "../../kubernetes/mod.ts";
import { assertStringIncludes } from "../deps.ts";
import { runOnTerminal } from "./process.ts";

Deno.test({
  name: "exec -t: what a program writes reaches the terminal unchanged",
  // As the tests of the progress bar: `script` of util-linux makes the terminal.
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = serveStreaming({
      async exec({ stdout }) {
        // LF alone moves the cursor down, CR LF to the next line.
        await new Blob(["one\r\ntwo\nthree\r\n"]).stream().pipeTo(stdout);
      },
    });
    const text = await runOnTerminal([
      "exec",
      "-t",
      "--server",
      `http://127.0.0.1:${server.addr.port}`,
      "web",
      "--",
      "vi",
    ]);
    assertStringIncludes(text, "one\r\ntwo\nthree\r\n");
  },
});

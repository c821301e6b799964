import { openKeyLog } from "../../cli/decode/key_log_file.ts";
import { assertEquals } from "../deps.ts";

Deno.test("a key log is read again only if the file has changed", async () => {
  const file = await Deno.makeTempFile();
  const line = (digit: string): string =>
    `CLIENT_RANDOM ${digit.repeat(64)} ${digit.repeat(96)}\n`;
  try {
    await Deno.writeTextFile(file, line("1"));
    await Deno.utime(file, 1000, 1000);
    const log = await openKeyLog(file);
    assertEquals(log.size, 1);
    // The same size and time as before.
    await Deno.writeTextFile(file, line("2"));
    await Deno.utime(file, 1000, 1000);
    assertEquals(await log.find("2".repeat(64)), undefined);
    await Deno.utime(file, 1001, 1001);
    assertEquals((await log.find("2".repeat(64)))?.size, 1);
    assertEquals(log.size, 2);
  } finally {
    await Deno.remove(file);
  }
});

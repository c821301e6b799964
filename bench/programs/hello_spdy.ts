// Requests one page from a SPDY server: deno run -A hello_spdy.ts PORT
import { connect, PROTO_SPDY3_1 } from "../../mod.ts";

const connection = await connect({
  hostname: "127.0.0.1",
  port: Number(Deno.args[0]),
  version: PROTO_SPDY3_1,
});
console.log(await (await connection.fetch("/")).text());
await connection.close();

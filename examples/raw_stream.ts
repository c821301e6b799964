import { connect } from "../mod.ts";

await using connection = await connect({ port: 8000 });
const stream = await connection.openStream([["service", "echo"]]);
const writer = stream.writable.getWriter();
await writer.write(new TextEncoder().encode("one stream of many"));
await writer.close();
console.log(await stream.response, await new Response(stream.readable).text());

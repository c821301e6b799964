import { connect } from "../mod.ts";

await using connection = await connect({ port: 8000 });
const response = await connection.fetch("/hello");
console.log(response.status, await response.text());

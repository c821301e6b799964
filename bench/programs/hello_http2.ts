// Requests one page from an HTTP/2 server: deno run -A hello_http2.ts PORT
import http2 from "node:http2";

const session = http2.connect(`http://127.0.0.1:${Deno.args[0]}`);
const stream = session.request({ ":path": "/" });
stream.setEncoding("utf8");
let text = "";
stream.on("data", (chunk) => text += chunk);
stream.on("end", () => {
  console.log(text);
  session.close();
});

import { serve } from "../mod.ts";

serve({ port: 8000 }, (request) => {
  return new Response(`You asked for ${request.url}`);
});

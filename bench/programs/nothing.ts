// Does nothing, to measure what Deno itself needs to start.

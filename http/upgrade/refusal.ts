/**
 * A request that is refused before anybody is asked to answer it.
 *
 * @module
 */

/** Says with which status an HTTP/1.1 request is refused, and why. */
export class RequestRefusal extends Error {
  override readonly name = "RequestRefusal";
  /** Status of the answer, 400..599. */
  readonly status: number;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
  }

  /** The answer. */
  toResponse(): Response {
    return new Response(`${this.message}\n`, {
      status: this.status,
      headers: { "content-type": "text/plain", ...this.headers },
    });
  }
}

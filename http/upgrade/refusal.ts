/**
 * A request that is refused before the owner of the listener is asked.
 *
 * @module
 */

/** The status with which an HTTP/1.1 request is refused, and the reason. */
export class RequestRefusal extends Error {
  override readonly name = "RequestRefusal";
  /** Status of the answer, 400..599. */
  readonly status: number;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the request is HEAD, whose answer has no body. */
  isForHead = false;

  constructor(
    status: number,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
  }

  /** Creates the answer. */
  toResponse(): Response {
    return new Response(`${this.message}\n`, {
      status: this.status,
      headers: { "content-type": "text/plain", ...this.headers },
    });
  }
}

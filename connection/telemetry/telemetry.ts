/**
 * Deno's OpenTelemetry (`OTEL_DENO=true`) through its global API, without a
 * dependency. The types are the parts of `@opentelemetry/api` that are used here.
 *
 * @module
 */

/** Values of attributes. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** The part of a span that other processes get (W3C Trace Context). */
export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** 1: sampled. */
  readonly traceFlags: number;
  readonly isRemote?: boolean;
  readonly traceState?: { serialize(): string };
}

/** A part of a trace. */
export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { code: number; message?: string }): unknown;
  end(): void;
}

/** Values that belong to a chain of asynchronous calls. */
export interface Context {
  setValue(key: symbol, value: unknown): Context;
}

/** Adds to a sum, or records a value. */
export interface Counter {
  add(value: number, attributes?: Attributes): void;
}

/** Records values. */
export interface Histogram {
  record(value: number, attributes?: Attributes): void;
}

/** An instrument that is read when metrics are exported. */
export interface Observable {
  addCallback(
    callback: (
      result: { observe(value: number, attributes?: Attributes): void },
    ) => void,
  ): void;
}

interface InstrumentOptions {
  readonly unit?: string;
  readonly description?: string;
  readonly advice?: { readonly explicitBucketBoundaries?: number[] };
}

/** Creates instruments. */
export interface Meter {
  createCounter(name: string, options?: InstrumentOptions): Counter;
  createUpDownCounter(name: string, options?: InstrumentOptions): Counter;
  createHistogram(name: string, options?: InstrumentOptions): Histogram;
  createObservableCounter(
    name: string,
    options?: InstrumentOptions,
  ): Observable;
  createObservableUpDownCounter(
    name: string,
    options?: InstrumentOptions,
  ): Observable;
}

interface Tracer {
  startSpan(
    name: string,
    options: { readonly kind: number; readonly attributes: Attributes },
    context?: Context,
  ): Span;
}

interface ContextManager {
  active(): Context;
  with<T>(context: Context, fn: () => T): T;
}

/** The API when telemetry is on. */
export interface Telemetry {
  readonly tracer: Tracer;
  readonly meter: Meter;
  readonly contexts: ContextManager;
}

/** `Deno.telemetry`, which is missing in the types of older versions of Deno. */
interface Global {
  readonly Deno?: {
    readonly telemetry?: {
      readonly tracerProvider: { getTracer(name: string): Tracer };
      readonly meterProvider: { getMeter(name: string): Meter };
      readonly contextManager: ContextManager;
    };
  };
}

const NAME = "@spdy/spdy";
/** Key of the span in a context, as in `@opentelemetry/api`. */
const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");

/** Where `@opentelemetry/api` stores the registered providers. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

let known: Telemetry | null | undefined;

/**
 * The API if telemetry is on, otherwise `undefined`. Determined once; later calls
 * only read a variable (less than 1 ns).
 */
export function telemetry(): Telemetry | undefined {
  if (known === undefined) known = open() ?? null;
  return known ?? undefined;
}

function open(): Telemetry | undefined {
  // Deno registers its providers only if OTEL_DENO is set. Otherwise getMeter
  // throws, and before Deno 2.7.5 it ends the process. Asked first, because Deno takes
  // 1 ms to create `Deno.telemetry`.
  if (Reflect.get(globalThis, REGISTRY) === undefined) return undefined;
  const source = (globalThis as Global).Deno?.telemetry;
  if (source === undefined) return undefined;
  try {
    const meter = source.meterProvider.getMeter(NAME);
    const tracer = source.tracerProvider.getTracer(NAME);
    return { meter, tracer, contexts: source.contextManager };
  } catch {
    return undefined;
  }
}

/** The active context with another span. */
export function contextWith(
  { contexts }: Telemetry,
  span: Pick<Span, "spanContext">,
): Context {
  return contexts.active().setValue(SPAN_KEY, span);
}

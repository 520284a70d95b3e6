import { errorOf, HooksError } from './errors.js';
import type { Problem } from './types.js';

export interface ClientOptions {
  /**
   * Where the server is, with a path where a proxy puts it below one; default `RHOOKS_SERVER`, where
   * there is a `process.env`.
   */
  url?: string;
  /** Sent as `Authorization: Bearer`; default `RHOOKS_API_KEY`, where there is a `process.env`. */
  apiKey?: string;
  /** That of calls that name none. */
  namespace?: string;
  /** How long a call may take in all, its retries included; default 30,000. */
  timeoutMs?: number;
  /** How often a call is tried again; default 4. */
  retries?: number;
  /** Sent with every request. */
  headers?: Record<string, string>;
  /** In the place of the global `fetch`. */
  fetch?: typeof fetch;
  /** Told of every request before it is sent. */
  onRequest?: (request: { method: string; url: string; attempt: number }) => void;
}

/** What every method takes last. */
export interface CallOptions {
  /** Ends the call: it throws the signal's reason. What was sent may be carried out all the same. */
  signal?: AbortSignal;
  /** How long this call may take in all. */
  timeoutMs?: number;
}

/** One call of the API. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Its segments; each is escaped. */
  path: string[];
  query?: object;
  body?: unknown;
  headers?: Record<string, string | undefined>;
  /** Carried out twice it does no more than once, so it is sent again where an answer was lost. */
  repeatable: boolean;
}

/** What one request came to, and how long the server asks to wait. */
interface Attempt<T> {
  answer?: T;
  error?: HooksError;
  floorMs: number;
}

const backoffMs = 100;
const backoffMaxMs = 5_000;

/** Sends calls, again where that is safe, and turns what goes wrong into `HooksError`s. */
export class Http {
  readonly #base: string;
  readonly #options: ClientOptions;
  readonly #headers: Record<string, string>;

  constructor(options: ClientOptions) {
    const url = options.url ?? environment('RHOOKS_SERVER');
    if (!url) throw new TypeError('url: say where the server is, as in http://127.0.0.1:8090');
    const { protocol } = new URL(url);
    if (protocol !== 'http:' && protocol !== 'https:') {
      throw new TypeError(`url: must begin with http:// or https://, not ${protocol}`);
    }
    const apiKey = options.apiKey ?? environment('RHOOKS_API_KEY');
    // fetch would quote it in its error.
    if (apiKey && !/^[!-~]+$/.test(apiKey)) throw new TypeError('apiKey: must be of visible ASCII characters');
    this.#base = url.replace(/\/+$/, '');
    this.#options = options;
    this.#headers = { ...options.headers, ...(apiKey ? { authorization: `Bearer ${apiKey}` } : {}) };
  }

  /** The answer of a call. Throws a `HooksError`, or the reason of the signal that ended it. */
  async send<T>(call: Call, options: CallOptions = {}): Promise<T> {
    const request = this.#requestOf(call);
    const limit = new TimeLimit(options.timeoutMs ?? this.#options.timeoutMs ?? 30_000, options.signal);
    const retries = this.#options.retries ?? 4;
    let uncertain = false;
    try {
      for (let attempt = 1; ; ++attempt) {
        this.#options.onRequest?.({ method: call.method, url: request.url, attempt });
        const { answer, error, floorMs }: Attempt<T> = await this.#attempt<T>(request, limit, uncertain);
        if (!error) return answer as T;
        uncertain = error.uncertain;
        const waitMs = Math.max(floorMs, Math.random() * Math.min(backoffMaxMs, backoffMs * 2 ** attempt));
        const again = error.retryable && (call.repeatable || !error.uncertain);
        if (!again || attempt > retries || waitMs >= limit.leftMs()) throw error;
        await limit.sleep(waitMs);
      }
    } finally {
      limit.end();
    }
  }

  #requestOf(call: Call) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) query.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    const search = query.toString();
    const path = call.path.map(encodeURIComponent).join('/');
    const url = `${this.#base}/${path}${search && `?${search}`}`;
    const headers: Record<string, string> = { accept: 'application/json', ...this.#headers };
    for (const [name, value] of Object.entries(call.headers ?? {})) {
      if (value !== undefined) headers[name] = value;
    }
    const init: RequestInit = { method: call.method, headers, redirect: 'error' };
    if (call.body !== undefined) {
      headers['content-type'] = 'application/json';
      init.body = JSON.stringify(call.body);
    }
    return { url, init };
  }

  async #attempt<T>(
    { url, init }: { url: string; init: RequestInit },
    limit: TimeLimit,
    uncertain: boolean,
  ): Promise<Attempt<T>> {
    const send = this.#options.fetch ?? fetch;
    try {
      const response = await send(url, { ...init, signal: limit.signal });
      const text = await response.text();
      const floorMs = retryAfterMs(response.headers.get('retry-after'));
      const json = parsed(text);
      if (response.ok && json !== undefined) return { answer: json as T, floorMs };
      return { error: errorOf(response.status, json as Partial<Problem>, uncertain), floorMs };
    } catch (cause) {
      limit.throwIfAborted();
      const detail = limit.isOver
        ? `no answer came within ${limit.timeoutMs} ms`
        : `no whole answer came from ${this.#base}: ${reasonOf(cause)}`;
      const code = limit.isOver ? 'timeout' : 'network';
      return { error: new HooksError({ code, detail, cause, retryable: true, uncertain: true }), floorMs: 0 };
    }
  }
}

/** The time that a call has, and the signal that ends it before. */
class TimeLimit {
  readonly #controller = new AbortController();
  readonly #ends: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #abort = () => this.#controller.abort();
  isOver = false;

  constructor(
    readonly timeoutMs: number,
    readonly outer: AbortSignal | undefined,
  ) {
    outer?.throwIfAborted();
    this.#ends = performance.now() + timeoutMs;
    this.#timer = setTimeout(() => {
      this.isOver = true;
      this.#abort();
    }, timeoutMs);
    outer?.addEventListener('abort', this.#abort);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  leftMs(): number {
    return this.#ends - performance.now();
  }
  throwIfAborted(): void {
    this.outer?.throwIfAborted();
  }
  sleep(ms: number): Promise<void> {
    return sleep(ms, this.outer);
  }
  end(): void {
    clearTimeout(this.#timer);
    this.outer?.removeEventListener('abort', this.#abort);
  }
}

/** Throws the reason of the signal, where that comes first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/** Seconds, or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(value: string | null): number {
  if (!value) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return ms > 0 ? ms : 0;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// fetch says "fetch failed", and why in its cause.
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message ? cause.message : message;
}

// Deno throws where it may not read the environment.
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  try {
    return process?.env?.[name];
  } catch {
    return undefined;
  }
}

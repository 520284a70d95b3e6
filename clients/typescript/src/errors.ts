import type { Problem, ProblemCode } from './types.js';

/**
 * What an error is about: a code of the server, or of the client
 *
 * - `network`: no answer came, or it was cut off;
 * - `timeout`: `timeoutMs` was over before an answer came;
 * - `bad_answer`: what answered is no server of Reactive Hooks, such as a proxy.
 */
export type ErrorCode = ProblemCode | 'network' | 'timeout' | 'bad_answer';

interface Details {
  code: ErrorCode;
  detail: string;
  status?: number;
  field?: string;
  retryable?: boolean;
  uncertain?: boolean;
  cause?: unknown;
}

/** Every call that fails throws one, unless its `signal` ended it: then it throws the signal's reason. */
export class HooksError extends Error {
  override readonly name = 'HooksError';
  /** What to act on; the message is for people. */
  readonly code: ErrorCode;
  /** What is wrong, and what to do instead. */
  readonly detail: string;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** The JSON path, query parameter or header at fault, such as `items[3].url`. */
  readonly field: string | undefined;
  /** The same call may succeed later. Where it is `uncertain` it may be carried out twice then. */
  readonly retryable: boolean;
  /**
   * This attempt of the call, or one before it, may have been applied, though no answer tells: so a
   * `conflict` or a `not_found` may be the doing of the call itself. Ask for what is there.
   */
  readonly uncertain: boolean;

  constructor(details: Details) {
    const { code, detail, field } = details;
    super(`${code}: ${detail}${field && !detail.includes(field) ? ` (${field})` : ''}`, {
      cause: details.cause,
    });
    this.code = code;
    this.detail = detail;
    this.status = details.status;
    this.field = field;
    this.retryable = details.retryable ?? false;
    this.uncertain = details.uncertain ?? false;
  }
}

const nothingApplied = new Set<string>(['unavailable', 'overloaded']);

/** The error that an answer, or an item of a batch, tells of. */
export function errorOf(status: number, problem: Partial<Problem> | undefined, uncertain = false) {
  const code = problem?.code;
  if (!code) {
    // No words of the server's: something before it, which may have passed the request on.
    const passing = status === 502 || status === 503 || status === 504;
    return new HooksError({
      code: 'bad_answer',
      detail: `the answer has the status ${status} and is none of Reactive Hooks; is the url right?`,
      status,
      retryable: passing || status === 429,
      uncertain: uncertain || passing || status < 400,
    });
  }
  const unknown = code === 'unknown_outcome';
  return new HooksError({
    code,
    detail: problem.detail ?? problem.title ?? 'no detail',
    status,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    retryable: unknown || status === 429 || nothingApplied.has(code),
    uncertain: uncertain || unknown,
  });
}

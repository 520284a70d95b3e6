// What the server's API takes and answers. Written by hand, and held against the description that
// the server gives of itself (test/types.test.js): a field that is missing here, or differs, fails.

/** A time as it is given: a `Date`, or ISO 8601 with any offset. */
export type TimeInput = Date | string;

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';

/**
 * `ACTIVE` waits for its time; `PROCESSING` is being attempted; `DONE` and `FAILED` tell how the last
 * occurrence ended, or that the task was cancelled; `SUSPENDED` waits for `unsuspend`.
 */
export type Status = 'ACTIVE' | 'PROCESSING' | 'DONE' | 'FAILED' | 'SUSPENDED';

export type LogStatus = 'SUCCESS' | 'FAIL';
export type RedriveState = 'RUNNING' | 'DONE' | 'CANCELLED';
export type SecretType = 'hmac' | 'ed25519' | 'token' | 'basic';
export type Role = 'read' | 'write' | 'admin';

/** Names and values; an array where a header stands more than once. */
export type Headers = Record<string, string | string[]>;

/** What an error of the server is about; docs/semantics.md has what to do about each. */
export type ProblemCode =
  | 'invalid_argument'
  | 'not_found'
  | 'conflict'
  | 'forbidden'
  | 'unsupported'
  | 'unavailable'
  | 'overloaded'
  | 'unknown_outcome'
  | 'corrupt'
  | 'internal';

/** A page of a list. */
export interface Page<T> {
  items: T[];
  /** Items of this page. */
  count: number;
  /** Pass it as `startKey` to go on. A page may be shorter than the limit and still have one. */
  lastEvaluatedKey?: string;
}

/** Which page of a list. */
export interface PageQuery {
  /** The most items of a page: 1 to 1000, default 100. */
  limit?: number;
  /** The `lastEvaluatedKey` of the page before, with the other parameters unchanged. */
  startKey?: string;
}

/** Which names of a list. */
export interface PrefixQuery extends PageQuery {
  /** The beginning of their names. */
  prefix?: string;
}

/** Which tasks a call is about. */
export interface TaskFilter {
  /** The beginning of their ids. */
  id?: string;
  status?: Status;
  /** A `scheduledDate` of this time or later. */
  from?: TimeInput;
  /** A `scheduledDate` of this time or earlier. */
  to?: TimeInput;
  /** The endpoint that they name. */
  endpoint?: string;
  /** Their `failureReason`; only FAILED tasks have one. */
  reason?: string;
  /** The status of their latest answer. */
  lastStatus?: number;
}

/** Which page of tasks. Without an `id` they are ordered by `scheduledDate`, otherwise by id. */
export interface TaskQuery extends PageQuery, TaskFilter {
  /** Descending order. */
  desc?: boolean;
}

/** Which attempts, ordered by `startedAt`. */
export interface LogQuery extends PageQuery {
  taskId?: string;
  status?: LogStatus;
  /** A `startedAt` of this time or later. */
  from?: TimeInput;
  /** A `startedAt` of this time or earlier. */
  to?: TimeInput;
  /** Descending order. */
  desc?: boolean;
}

/** Which occurrences a preview shows. */
export interface OccurrenceQuery {
  /** Occurrences at this time or later; default now. */
  from?: TimeInput;
  /** The most to show: 1 to 1000, default 10. */
  count?: number;
}

/** Executions so far apart, from `scheduledDate` on. */
export interface Repeat {
  /** In units. */
  interval: number;
  /** Executions in all, but for extra ones; 0 is for ever. */
  max?: number;
  /** `seconds`, `minutes`, `hours` or `days`. */
  unit?: 'seconds' | 'minutes' | 'hours' | 'days';
}

/** When, on the clock of a time zone. Exactly one of `cron`, `every` and `at` is given. */
export interface Schedule {
  /**
   * An expression of cron of 5, 6 (seconds first) or 7 fields (year last), or an array of up to 8:
   * what any of them matches happens, once.
   */
  cron?: string | string[];
  /**
   * A length from one occurrence to the next: `30s`, `10m`, `6h`, `1h30m` of elapsed time, `3d`,
   * `2w`, `1mo`, `1y` on the clock of `timezone`; from `start` on, else from the registration on.
   */
  every?: string;
  /** An array of 1 to 100 times, each of which happens once. */
  at?: string[];
  /** A name of the time zone database, `UTC` (default), or an offset such as `+02:00`. */
  timezone?: string;
  /**
   * The first moment at which it may happen; without an offset it is on the clock of `timezone`, as
   * are those of `end` and `at`.
   */
  start?: string;
  /** The last moment at which it may happen. */
  end?: string;
  /** Executions in all, but for extra ones; 0, the default, is no limit. */
  max?: number;
  /**
   * An array of what does not happen, by local time: `2027-12-24`, `2027-12-24/2028-01-02`,
   * `--12-25` of each year, or `{"cron": EXPRESSION}`, whole minutes.
   */
  exclude?: (string | { cron: string })[];
  /**
   * Each occurrence is due up to this much later, such as `10m`, and never after the next one; at
   * most 24 h.
   */
  jitter?: string;
  /**
   * What becomes of occurrences that were missed: the `latest` of them runs (default); `skip`: the
   * same within a `grace` of 1 min; `all` of them run, the latest 100.
   */
  missed?: 'latest' | 'skip' | 'all';
  /**
   * How late an occurrence may begin, 1 s to 365 days (`1h`); what is later is skipped. Default:
   * however late, with `skip` 1 min.
   */
  grace?: string;
  /**
   * What becomes of an occurrence whose time comes before an earlier one is over: it has to `wait`
   * (default); `skip`; `cutRetries`: the earlier one is not retried then or later.
   */
  overlap?: 'wait' | 'skip' | 'cutRetries';
  /** When it was registered: it has no occurrence before. */
  since?: string;
}

/** What is sent, where it does not stand beside the other fields of a task. */
export interface NewRequest {
  /** `GET` (default), `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`. */
  method?: Method;
  /**
   * `http` or `https`; required, unless there is an `endpoint`: then what comes behind its URL,
   * from `/` or `?` on, if anything does.
   */
  url?: string;
  /** An object of names and values; a list gives a name several values. */
  headers?: Headers;
  /**
   * Any JSON value, sent as it is given, white space within it included; a string is text and goes
   * as it is; `null` is no body. At most 256 KiB, as given and as the form that it becomes, 64 KiB
   * with the URL as a query string; nested 64 deep.
   */
  body?: unknown;
}

/**
 * A webhook to register. A `url` or an `endpoint` is required; `url`, `method`, `headers` and
 * `body` stand here or in `request`.
 */
export interface NewTask {
  /** The group that the task belongs to; over REST it stands in the path. */
  namespace?: string;
  /**
   * Your own id; otherwise one is made: a UUIDv7, behind `idPrefix` and `#` where a prefix is
   * given.
   */
  id?: string;
  /** Put before a generated id; tasks can be fetched by the beginning of their ids. */
  idPrefix?: string;
  /**
   * Makes a retry safe: the id derives from it, so that registering again finds the first task
   * (200), or is a conflict if the content differs (409). Excludes `id`; of a single task it may be
   * the header `Idempotency-Key`.
   */
  idempotencyKey?: string;
  /** What it is for, in your own words; at most 1 KiB. */
  description?: string;
  /** The name of an endpoint of the namespace, which says where the task is sent, and how. */
  endpoint?: string;
  /**
   * Only with `endpoint`: its tasks with one key count as a receiver of their own, and wait for no
   * others.
   */
  flowKey?: string;
  /** `GET` (default), `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`. */
  method?: Method;
  /**
   * `http` or `https`; required, unless there is an `endpoint`: then what comes behind its URL,
   * from `/` or `?` on, if anything does.
   */
  url?: string;
  /** An object of names and values; a list gives a name several values. */
  headers?: Headers;
  /**
   * Any JSON value, sent as it is given, white space within it included; a string is text and goes
   * as it is; `null` is no body. At most 256 KiB, as given and as the form that it becomes, 64 KiB
   * with the URL as a query string; nested 64 deep.
   */
  body?: unknown;
  /**
   * `{url, method, headers, body}`: these four may also stand in here; what is given at both places
   * has to agree.
   */
  request?: NewRequest;
  /** When; default now. One in the past is due at once. */
  scheduledDate?: TimeInput;
  /**
   * `{interval, max, unit}`: every `interval` `seconds`, `minutes` (default), `hours` or `days`,
   * `max` executions in all, but for extra ones; `max` is 1 if not given, 0 is for ever.
   */
  repeat?: Repeat;
  /**
   * `cron`, `every` or `at`, and `timezone`, `start`, `end`, `max`, `exclude`, `jitter`: when, on
   * the clock of a time zone. Excludes `scheduledDate` and `repeat`.
   */
  schedule?: Schedule;
  /** Default that of its endpoint, else 3: an occurrence gets up to 1 + `retryLimit` attempts. */
  retryLimit?: number;
  /**
   * The longest that one attempt may take, such as `20s`, `1m30s` or `500ms`; default that of its
   * endpoint, and in any case at most the `request_timeout` of the worker.
   */
  timeout?: string;
  /**
   * No attempt begins at that time or later: what is not delivered by then is FAILED. Excludes
   * `repeat` and `schedule`.
   */
  deliverBefore?: TimeInput;
  /**
   * The name of an endpoint of the namespace that is told of the end of each execution; default
   * that of its endpoint, if it has one.
   */
  callback?: string;
  /**
   * Only with `callback`: an array of the ends that are told, `task.succeeded` and `task.failed`;
   * default both.
   */
  callbackOn?: ('task.succeeded' | 'task.failed')[];
  /**
   * So many failed executions in a row make a recurring task FAILED; 0: they never do. Default
   * `max_errors` of the worker.
   */
  maxErrors?: number;
  /**
   * `true`: a recurring task is SUSPENDED then rather than FAILED, with a `note`, and again after
   * as many more.
   */
  pauseOnFailure?: boolean;
}

/** What is sent. */
export interface Request {
  /** `GET` (default), `POST`, `PUT`, `PATCH`, `DELETE` or `HEAD`. */
  method: Method;
  /**
   * `http` or `https`; required, unless there is an `endpoint`: then what comes behind its URL,
   * from `/` or `?` on, if anything does.
   */
  url?: string;
  /** An object of names and values; a list gives a name several values. */
  headers?: Headers;
  /**
   * Any JSON value, sent as it is given, white space within it included; a string is text and goes
   * as it is; `null` is no body. At most 256 KiB, as given and as the form that it becomes, 64 KiB
   * with the URL as a query string; nested 64 deep.
   */
  body?: unknown;
}

/** Why a task waits, or an endpoint is not tried. */
export interface Held {
  /**
   * `paused`: the endpoint of the task is; `secret`: one that it names is not there, or cannot be
   * opened; `breaker`: it does not answer; `endpoint`: it cannot be read; `order`: the one before
   * it is being attempted; `retry`: that one waits for its retry; `concurrency`: as many attempts
   * of its flow are under way as may be; `rate`: as many of them began as may until then.
   */
  by: string;
  /** When that ends; not given: when somebody acts, or an attempt ends. */
  until?: string;
  /** By `breaker`: the status that it answers with, such as 503; not given: nothing comes back. */
  status?: number;
}

/** Occurrences that were passed over. */
export interface Skipped {
  /** Nominal time of the first of them. */
  first: string;
  /** Those that were missed. */
  late: number;
  /** Those that came while an earlier one was under way (`overlap`: `skip`). */
  overlap: number;
}

/** What failed. */
export interface Errors {
  /** Failed executions. */
  count: number;
  /** Failed executions since the last success. */
  consecutive: number;
  /** Of the first failed attempt. */
  firstErrorDate?: string;
  /** Of the latest failed attempt. */
  lastErrorDate?: string;
  /** Why the latest failed attempt failed. */
  lastError?: string;
}

/** What ran. */
export interface Execution {
  /** Executions that ended. */
  count: number;
  /** Those that failed. */
  failed: number;
  /** Those that succeeded. */
  successful: number;
  /** Occurrences that were not attempted. */
  skipped: number;
  /**
   * Of `count`, the extra occurrences that run now added to a series; they do not count for its
   * `max`.
   */
  extra: number;
  /** When the first attempt began. */
  firstExecutionDate?: string;
  /** Nominal time of the first occurrence that was attempted. */
  firstScheduledDate?: string;
  /** When the latest attempt began. */
  lastExecutionDate?: string;
  /** Of the latest attempt that was answered; its first 64 KiB. */
  lastResponseBody?: string;
  /** There where the body is no UTF-8, and how it is written then. */
  lastResponseBodyEncoding?: 'base64';
  /** Of the latest attempt that was answered. */
  lastResponseHeaders?: Headers;
  /** Of the latest attempt that was answered. */
  lastResponseStatus?: number;
}

/** A task as it is now. */
export interface Task {
  namespace: string;
  id: string;
  /** Put before a generated id; tasks can be fetched by the beginning of their ids. */
  idPrefix?: string;
  /** What it is for, in your own words; at most 1 KiB. */
  description?: string;
  /** The name of an endpoint of the namespace, which says where the task is sent, and how. */
  endpoint?: string;
  /**
   * Only with `endpoint`: its tasks with one key count as a receiver of their own, and wait for no
   * others.
   */
  flowKey?: string;
  url?: string;
  method: Method;
  request: Request;
  /** Nominal time of the current occurrence; while there is an `extraDate`, of the series' next. */
  scheduledDate: string;
  /**
   * While an extra occurrence is the current one ("run now"): its nominal time. `attempt` and
   * `nextAttemptDate` are of it then, and `scheduledDate` is when the series goes on, or the same,
   * where nothing is left of it.
   */
  extraDate?: string;
  /**
   * `{interval, max, unit}`: every `interval` `seconds`, `minutes` (default), `hours` or `days`,
   * `max` executions in all, but for extra ones; `max` is 1 if not given, 0 is for ever.
   */
  repeat?: Repeat;
  /**
   * `cron`, `every` or `at`, and `timezone`, `start`, `end`, `max`, `exclude`, `jitter`: when, on
   * the clock of a time zone. Excludes `scheduledDate` and `repeat`.
   */
  schedule?: Schedule;
  /** Default that of its endpoint, else 3: an occurrence gets up to 1 + `retryLimit` attempts. */
  retryLimit?: number;
  /**
   * The longest that one attempt may take, such as `20s`, `1m30s` or `500ms`; default that of its
   * endpoint, and in any case at most the `request_timeout` of the worker.
   */
  timeout?: string;
  /**
   * No attempt begins at that time or later: what is not delivered by then is FAILED. Excludes
   * `repeat` and `schedule`.
   */
  deliverBefore?: string;
  /**
   * The name of an endpoint of the namespace that is told of the end of each execution; default
   * that of its endpoint, if it has one.
   */
  callback?: string;
  /**
   * Only with `callback`: an array of the ends that are told, `task.succeeded` and `task.failed`;
   * default both.
   */
  callbackOn?: ('task.succeeded' | 'task.failed')[];
  /**
   * So many failed executions in a row make a recurring task FAILED; 0: they never do. Default
   * `max_errors` of the worker.
   */
  maxErrors?: number;
  /**
   * `true`: a recurring task is SUSPENDED then rather than FAILED, with a `note`, and again after
   * as many more.
   */
  pauseOnFailure?: boolean;
  /**
   * Of a task that was made by a `callback`: the id of the task, or the name of the endpoint, of
   * which it tells. It has no callback itself.
   */
  origin?: string;
  /** `ACTIVE`, `PROCESSING`, `DONE`, `FAILED` or `SUSPENDED`. */
  status: Status;
  /**
   * `{by, until, status}`: why an ACTIVE task that is due waits for its endpoint, as far as the
   * process that answers knows; `by` is `paused`, `secret` (one that the endpoint names is not
   * there, or cannot be opened), `breaker` (the endpoint does not answer), `retry-after` (its
   * receiver asked for that), `order`, `concurrency`, `retry` or `rate` (what the endpoint says of
   * its tasks), or `endpoint` where that cannot be read, and `until` the time at which that ends at
   * the earliest, if it is known; `status` is what an endpoint that does not answer as it should
   * did answer, if anything.
   */
  held?: Held;
  /**
   * Why it is FAILED: `exhausted` (its attempts are used up), `gone` (the receiver answered 410),
   * `non_retryable` (it answered what its endpoint does not retry), `expired` (see
   * `deliverBefore`), `cancelled`, `max_errors` (too many executions in a row have failed),
   * `endpoint_missing` or `unbuildable` (no request can be made of it).
   */
  failureReason?: string;
  /** Why the scheduler has suspended it (see `pauseOnFailure`). */
  note?: string;
  /**
   * `{count, consecutive}`: failed executions, in all and since the last success; `firstErrorDate`,
   * `lastErrorDate`, `lastError`: of failed attempts.
   */
  errors: Errors;
  /**
   * `{count, failed, successful, skipped, extra}`: executions that ended, occurrences passed over,
   * and how many of `count` were extra; `firstExecutionDate`, `lastExecutionDate`: when attempts
   * began; `firstScheduledDate`; `lastResponseStatus`, `lastResponseHeaders`, `lastResponseBody` of
   * the latest attempt that was answered.
   */
  execution: Execution;
  /**
   * `{first, late, overlap}`: the occurrences that were skipped right before the current one, or
   * before the end: the nominal time of the first, and how many, by why.
   */
  skippedBefore?: Skipped;
  /** Attempts made for the current occurrence; 0 unless a retry is pending. */
  attempt: number;
  /**
   * When the next attempt is made, if not at `scheduledDate` or `extraDate`: a pending retry, "run
   * now", or the `jitter` of a schedule.
   */
  nextAttemptDate?: string;
  /** `true` while a retry is pending behind which others wait, since its endpoint is `ordered`. */
  inOrder?: boolean;
  /**
   * When a DONE or FAILED task is deleted; from then on it is as if it were not there. Only where
   * there is a `done_ttl` or `failed_ttl`.
   */
  expiresAt?: string;
  /** When it was registered. */
  __createdAt: string;
  /** When an attempt or a call changed it last. */
  __updatedAt: string;
}

/** What names a task. */
export interface TaskKey {
  id: string;
  namespace: string;
}

/** What a receiver answered. */
export interface Response {
  status: number;
  /** The status is 200 to 299. */
  ok: boolean;
  headers?: Headers;
  /** Its first 64 KiB. */
  body?: string;
  /** There where the body is no UTF-8, and how it is written then. */
  bodyEncoding?: 'base64';
  /** There was more, or the rest could not be decompressed. */
  bodyTruncated?: boolean;
}

/** An attempt and what it came to. */
export interface Log {
  id: string;
  namespace: string;
  taskId: string;
  /** 1 for the first. */
  attempt: number;
  retryLimit: number;
  /** As it was sent. */
  request: Request;
  /** If one arrived. */
  response?: Response;
  /** Why the attempt failed. */
  error?: string;
  status: LogStatus;
  /** It did not count for the task, since its endpoint answered nobody. */
  probe?: boolean;
  /** Nominal time of the occurrence. */
  scheduledDate: string;
  /** `{first, late}`: the occurrences that were skipped right before this one. */
  skippedBefore?: Skipped;
  /**
   * When this attempt was due: for a retry its own time, for a task that was registered for the
   * past the registration.
   */
  dueDate: string;
  startedAt: string;
  /** From the start of the request to the end of its answer, to the microsecond. */
  durationMs: number;
  /** The second since 1970 at which the log expires. */
  ttl?: number;
  __createdAt: string;
}

/** What a call takes that acts on many tasks. */
export interface ManyQuery extends TaskFilter {
  /** The most tasks that one call acts on. */
  chunkLimit?: number;
  /** The lastEvaluatedKey of the call before, with the same filters. */
  startKey?: string;
}

/** What a chunk of such a call came to. */
export interface ManyResult {
  /**
   * Of the tasks acted on. It may be 0 while there is more: a call looks at a bounded number of
   * tasks.
   */
  count: number;
  items: TaskKey[];
  /** Others may match: call again. */
  more: boolean;
  /** Given where there is more: pass it as startKey to go on. */
  lastEvaluatedKey?: string;
}

/** Which past occurrences of a series run again. */
export interface BackfillQuery {
  /** Occurrences named for this time or later. */
  from: TimeInput;
  /** And for this time or earlier; now at the latest. */
  to: TimeInput;
  /** The most that one request makes up for: 1 to 1000, the default. */
  chunkLimit?: number;
  /** Only say which they are. */
  dryRun?: boolean;
}

/** What a chunk of a backfill came to. */
export interface BackfillResult {
  items: BackfillItem[];
  /** Given where there are more: the `from` of the next chunk. */
  next?: string;
}

/** A past occurrence that runs again. */
export interface BackfillItem {
  /** Of the task that stands for the occurrence. */
  id: string;
  scheduledDate: string;
  /** Whether this call registered it. */
  created: boolean;
}

/**
 * A schedule, or a scheduledDate, a repeat or both, as of a task that is registered now, or at
 * from, if that is past.
 */
export interface PreviewQuery {
  schedule?: Schedule;
  scheduledDate?: TimeInput;
  repeat?: Repeat;
  /** With id: of the task whose jitter is asked for. */
  namespace?: string;
  id?: string;
  /** Occurrences at this time or later; default now. */
  from?: TimeInput;
  /** The most to show. */
  count?: number;
}

/** When a task would run, or will. */
export interface Preview {
  /** In words. */
  description: string;
  timezone: string;
  /** The version of the time zone database, where that is known. */
  tzdata?: string;
  occurrences: { at: string; local: string; due?: string; kind: 'plain' | 'gap' | 'fold' }[];
  /** How many times max lets it happen yet, those above included. */
  remaining?: number;
  /** There are occurrences behind the last one. */
  more: boolean;
  /** What may surprise, a sentence each. */
  warnings: string[];
}

export interface TriggerResult {
  /** Attempts made and recorded. */
  processed: number;
  /** Those of them that failed. */
  errors: number;
  /**
   * Tasks that were due and are left, since they wait for their endpoints, or for other servers
   * that share the store. Given where there are any; at 1,000, where counting stops, there may be
   * more.
   */
  held?: number;
}

export interface DryrunResult {
  /** What is due, counted up to 10,000. */
  count: number;
  /** Counting stopped at count; more may be due. */
  more: boolean;
  items: { namespace: string; id: string; scheduledDate: string }[];
}

/** What the store is made of, and its state. */
export interface Store {
  /** Rocksdb, dynamodb or memory. */
  kind: string;
  facts: Record<string, string>;
  sections: { title: string; rows: Record<string, string>[] }[];
}

/** An endpoint to put: where webhooks go, and how. */
export interface NewEndpoint {
  /** The group of tasks that it is for; over REST it stands in the path. */
  namespace?: string;
  /**
   * 1 to 128 letters, digits, `.`, `_` and `-`, the first a letter or digit; over REST it stands in
   * the path.
   */
  name?: string;
  /** What it is for, in your own words; at most 1 KiB. */
  description?: string;
  /** Required; `http` or `https`, without a fragment (`#`). */
  url: string;
  /**
   * An object of names and values, as of a task, but for `content-type`, which belongs to a task's
   * body.
   */
  headers?: Headers;
  /** The longest that one attempt may take, as in `15s` or `1m30s`; 1 ms to 24 h. */
  timeout?: string;
  /** Attempts of an occurrence after the first one; 0 to 100. */
  retryLimit?: number;
  /**
   * An array of the waits after the first, second, third failed attempt, and so on, as in `["5s",
   * "1m", "1h"]`, each shorter or longer by up to a fifth, by chance; 1 to 100 of up to 30 d. There
   * are as many retries as waits. Excludes `retryLimit` and `retryMax`.
   */
  retrySchedule?: string[];
  /**
   * The longest that the back-off waits between attempts, in the place of the worker's
   * `backoff_max`; 1 s to 30 d.
   */
  retryMax?: string;
  /** Answers after which an occurrence is not retried, as in `400-403,405,422`; 410 never is. */
  stopOn?: string;
  /**
   * `false`: its tasks are attempted, and use up their attempts, also while it does not answer;
   * default `true`: they wait, and one at a time tries it.
   */
  breaker?: boolean;
  /**
   * Attempts that may be under way at once, of tasks with one `flowKey`, and of those without one;
   * 1 to 10,000.
   */
  concurrency?: number;
  /**
   * Attempts that may begin in a time, as in `100/1m` or `50/s`, of tasks with one `flowKey`, and
   * of those without one; 1 to 1,000,000 in a time of 1 s to 7 d, and at least one in a minute.
   */
  rate?: string;
  /**
   * Only with `rate`: how many of them may begin at once, where none did for a while; at most what
   * it allows in a minute, and 1,000,000; default what it allows in a second, at least 1.
   */
  burst?: number;
  /**
   * `true`: tasks with one `flowKey`, and those without one, are attempted one at a time, in the
   * order of their dates; each waits for the end of the one before it, its retries included.
   */
  ordered?: boolean;
  /**
   * The name of an endpoint of the namespace that is told of the end of each execution of its
   * tasks, but for those that have a `callback` of their own.
   */
  callback?: string;
  /**
   * Only with `callback`: an array of what is told: the ends `task.succeeded` and `task.failed`,
   * which are the default; `endpoint.opened`, its tasks wait since it does not answer; and
   * `endpoint.closed`, it answers again.
   */
  callbackOn?: ('task.succeeded' | 'task.failed' | 'endpoint.opened' | 'endpoint.closed')[];
  /**
   * The name of a secret of the namespace, of type `hmac` or `ed25519`: requests are signed by it.
   */
  signing?: string;
  /**
   * The name of a secret of the namespace, of type `token` or `basic`: requests have
   * `Authorization: Bearer` or `Basic` of it, in the place of what a task gives. Excludes that
   * header.
   */
  auth?: string;
}

/** Where webhooks go, and how. */
export interface Endpoint extends NewEndpoint {
  /** The group of tasks that it is for; over REST it stands in the path. */
  namespace: string;
  /**
   * 1 to 128 letters, digits, `.`, `_` and `-`, the first a letter or digit; over REST it stands in
   * the path.
   */
  name: string;
  /** `true` while it is paused: its tasks wait until it is resumed. */
  paused?: boolean;
  /**
   * `{by, until, status}`: it does not answer (`by` is `breaker`), or its receiver asked by a
   * `Retry-After` that nothing comes (`retry-after`), as far as the process that answers knows, and
   * is tried again at `until`; without that it is being tried, or will be by its next task that is
   * due. `status` is what one that does not answer as it should did answer, such as 503, if
   * anything. Or a secret that it names is not there, or cannot be opened (`secret`).
   */
  held?: Held;
  /** Names this state of it; also its `ETag`. */
  revision: string;
  /** When it was put first. */
  __createdAt: string;
  /** When it was put last. */
  __updatedAt: string;
}

/** What to send to an endpoint, as of a task that names it. */
export interface TestRequest {
  method?: Method;
  /** What comes behind the URL of the endpoint, from `/` or `?` on; default nothing. */
  url?: string;
  /** An object of names and values; a list gives a name several values. */
  headers?: Headers;
  /**
   * Any JSON value, sent as it is given, white space within it included; a string is text and goes
   * as it is; `null` is no body. At most 256 KiB, as given and as the form that it becomes, 64 KiB
   * with the URL as a query string; nested 64 deep.
   */
  body?: unknown;
}

/** A secret to put. */
export interface NewSecret {
  /** The group of tasks that it is for; over REST it stands in the path. */
  namespace?: string;
  /**
   * 1 to 128 letters, digits, `.`, `_` and `-`, the first a letter or digit; over REST it stands in
   * the path.
   */
  name?: string;
  /**
   * What it is for, and stays: `hmac` and `ed25519` sign webhooks; `token` and `basic` are what
   * receivers ask for as `Authorization`.
   */
  type: SecretType;
  /**
   * Given only, and never shown. Of `hmac` `whsec_` and the base64 of 24 to 64 bytes, of `ed25519`
   * `whsk_` and the base64 of a pair of keys (`rhooks secret generate` makes both); of `token` the
   * token, of `basic` `USER:PASSWORD`. At most 4 KiB.
   */
  value: string;
  /** What it is for, in your own words; at most 1 KiB. */
  description?: string;
}

/** The next value of a secret. */
export interface SecretRotation {
  /** Given only, and never shown. */
  value: string;
  /**
   * Of `hmac` and `ed25519`: for so long the value before signs as well, as in `24h` (default) or
   * `7d`; 0 to 30 d. With `0` no value before signs any more.
   */
  overlap?: string;
}

/** What may be seen of a secret. */
export interface Secret extends Omit<NewSecret, 'value'> {
  /** The group of tasks that it is for; over REST it stands in the path. */
  namespace: string;
  /**
   * 1 to 128 letters, digits, `.`, `_` and `-`, the first a letter or digit; over REST it stands in
   * the path.
   */
  name: string;
  /** Of `ed25519`: `whpk_` and base64, which receivers verify signatures with. */
  publicKey?: string;
  /** That of the value before, while that signs as well. */
  previousPublicKey?: string;
  /** Until then the value before signs as well. */
  previousUntil?: string;
  /** When its value was given. */
  rotatedAt: string;
  /** Names this state of it; also its `ETag`. */
  revision: string;
  /** When it was put first. */
  __createdAt: string;
  /** When it was put or rotated last. */
  __updatedAt: string;
}

/** An API key to make. */
export interface NewApiKey {
  /** `read`, `write` or `admin`; each may do what those before it may. */
  role: Role;
  /**
   * An array of 1 to 64: namespaces by their names, `shop-*` for those that begin so, `*` for all.
   */
  namespaces: string[];
  /** From then on it opens nothing; default never. */
  expiresAt?: TimeInput;
  /**
   * Calls that its holder may make in a time, as in `100/1m` or `50/s`, of each server; one more is
   * 429. 1 to 1,000,000 in a time of 1 s to 7 d, and at least one in a minute; default any number.
   */
  rate?: string;
  /** Who has it, and what for, in your own words; at most 1 KiB. */
  description?: string;
}

/** What may be seen of an API key. */
export interface ApiKey extends NewApiKey {
  /** Names it here; the key has it behind `rhk_`. */
  id: string;
  /** From then on it opens nothing; default never. */
  expiresAt?: string;
  /** Names this state of it; also its `ETag`. */
  revision: string;
  /** When it was made. */
  __createdAt: string;
  /** When it was made or changed last. */
  __updatedAt: string;
}

/** An API key as it is shown once. */
export interface CreatedApiKey extends ApiKey {
  /**
   * What its holder sends, as `Authorization: Bearer KEY`; shown when it is made, and never again.
   */
  key: string;
}

/** Which FAILED tasks run again, and how fast. All is optional. */
export interface NewRedrive {
  /** The group of the tasks; over REST it stands in the path. */
  namespace?: string;
  /** Tasks whose id begins with this. */
  id?: string;
  /** Tasks that name this endpoint. */
  endpoint?: string;
  /** Tasks with this `failureReason`; without it all but the `cancelled` ones. */
  reason?:
    | 'exhausted'
    | 'gone'
    | 'non_retryable'
    | 'expired'
    | 'cancelled'
    | 'max_errors'
    | 'endpoint_missing'
    | 'unbuildable';
  /** Tasks whose latest answer had this status. */
  lastStatus?: number;
  /** Tasks with a `scheduledDate` of this time or later. */
  from?: TimeInput;
  /** Tasks with a `scheduledDate` of this time or earlier. */
  to?: TimeInput;
  /**
   * How many in what time, as in `50/1s` (default) or `100/1m`; at most 10,000 a second, in a time
   * of 1 s to 7 d.
   */
  rate?: string;
  /** So many at most; 0 (default) is all. */
  max?: number;
}

/** A redrive: what it was asked for, and how far it has come. */
export interface Redrive extends NewRedrive {
  /** The group of the tasks; over REST it stands in the path. */
  namespace: string;
  /** Tasks with a `scheduledDate` of this time or later. */
  from?: string;
  /** Tasks with a `scheduledDate` of this time or earlier. */
  to?: string;
  /**
   * How many in what time, as in `50/1s` (default) or `100/1m`; at most 10,000 a second, in a time
   * of 1 s to 7 d.
   */
  rate: string;
  /** So many at most; 0 (default) is all. */
  max: number;
  /** `RUNNING`, `DONE` or `CANCELLED`. */
  state: RedriveState;
  /** Tasks that run again, but for those of the step that is under way. */
  redriven: number;
  /** Tasks that were deleted just before. */
  skipped: number;
  /** Tasks that are FAILED since then are left alone. */
  startedAt: string;
  /** When it was DONE or CANCELLED. */
  endedAt?: string;
}

/** An error, by RFC 9457. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** What is wrong and what to do instead. */
  detail: string;
  /** The JSON path, query parameter or header at fault. */
  field?: string;
  code: ProblemCode;
}

/** Of one item of a batch: what a call of its own would have come to. */
export interface BatchItem {
  /** 201, 200, 400, 409, … */
  status: number;
  task?: Task;
  error?: Problem;
}

/** What is changed of an endpoint. What is left out stays; `null` takes it back. */
export type EndpointChanges = Changes<Omit<NewEndpoint, 'headers'>> & {
  /** As of an endpoint; `null` takes one out. */
  headers?: Record<string, string | string[] | null> | null;
};

/** What is changed of an API key. What is left out stays; `null` takes it back. */
export type ApiKeyChanges = Changes<Omit<NewApiKey, 'role' | 'namespaces'>> &
  Partial<Pick<NewApiKey, 'role' | 'namespaces'>>;

type Changes<T> = { [K in keyof T]?: T[K] | null };

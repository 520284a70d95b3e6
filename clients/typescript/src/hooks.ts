import { Caller, type InNamespace, without } from './caller.js';
import { randomKey } from './crypto.js';
import { Endpoints } from './endpoints.js';
import { HooksError } from './errors.js';
import { type CallOptions, type ClientOptions, sleep } from './http.js';
import { Keys } from './keys.js';
import { itemsOf } from './paging.js';
import { Secrets } from './secrets.js';
import type {
  BackfillQuery,
  BackfillResult,
  BatchItem,
  DryrunResult,
  Log,
  LogQuery,
  ManyQuery,
  ManyResult,
  NewRedrive,
  NewTask,
  OccurrenceQuery,
  Page,
  PrefixQuery,
  Preview,
  PreviewQuery,
  Redrive,
  Store,
  Task,
  TaskQuery,
  TimeInput,
  TriggerResult,
} from './types.js';

/** What names a task: a `Task` will do. */
export interface TaskRef extends InNamespace {
  id: string;
}

export interface RegisterOptions extends CallOptions {
  /**
   * `auto`, the default: a task without an `id` and an `idempotencyKey` gets a key of its own, so that
   * the client's retries never register it twice. Its id derives from that key then. `off`: it gets
   * none, and is not sent again where an answer was lost.
   */
  idempotency?: 'auto' | 'off';
}

export interface BackfillOptions extends CallOptions {
  /** Told of each chunk once it is done. */
  onChunk?: (chunk: BackfillResult) => void;
}

export interface ManyOptions extends CallOptions {
  /** Told of each chunk once it is done. */
  onChunk?: (chunk: ManyResult) => void;
}

type Verb = 'delete' | 'suspend' | 'unsuspend' | 'cancel';

/**
 * A client of a server of Reactive Hooks. It keeps no state, so one is enough, and there is nothing to
 * close.
 *
 * Every method throws a `HooksError`, or the reason of the `signal` that ended the call. Where the
 * server was not reached, is overloaded or asks for patience, calls are sent again, within `timeoutMs`;
 * where an answer was lost, only those that may be carried out twice without doing more than once,
 * which is what "a retry is safe" means here.
 */
export class Hooks {
  /** Where webhooks go, and how. */
  readonly endpoints: Endpoints;
  /** What webhooks are signed with, and receivers ask for. */
  readonly secrets: Secrets;
  /** Who may call the API. */
  readonly keys: Keys;
  readonly #caller: Caller;

  /** Throws a TypeError where there is no usable `url`. */
  constructor(options: ClientOptions = {}) {
    this.#caller = new Caller(options);
    this.endpoints = new Endpoints(this.#caller);
    this.secrets = new Secrets(this.#caller);
    this.keys = new Keys(this.#caller);
  }

  /**
   * Registers a task. Once it is answered, the task is on disk, and will be delivered at least once.
   *
   * Errors: `invalid_argument` with its `field`; `not_found` where there is no endpoint of that name;
   * `conflict` where the id exists, or the key was used for another task. A retry is safe: by the `id`,
   * the `idempotencyKey`, or the key that the client gives (see `RegisterOptions`). With an `id` a
   * `conflict` that is `uncertain` may be with the task itself.
   */
  async register(task: NewTask, options: RegisterOptions = {}): Promise<Task> {
    const [keyed] = await withKeys([task], options);
    const path = this.#caller.pathIn(task, 'tasks');
    const body = without(keyed!, 'namespace');
    return this.#caller.send({ method: 'POST', path, body, repeatable: isRepeatable(keyed!) }, options);
  }

  /**
   * Registers up to 1000 tasks with one call; they are durable together. Each has a result of its own,
   * in their order: look at each `status`. A retry is safe, as that of `register`.
   */
  async registerMany(tasks: NewTask[], options: RegisterOptions = {}): Promise<BatchItem[]> {
    const keyed = await withKeys(tasks, options);
    const items = keyed.map((task) => ({ ...task, namespace: this.#caller.namespaceOf(task) }));
    const repeatable = keyed.every(isRepeatable);
    const { items: results } = await this.#caller.send<{ items: BatchItem[] }>(
      { method: 'POST', path: ['v1', 'tasks', 'batch'], body: { items }, repeatable },
      options,
    );
    return results;
  }

  /** The task, or `null` where there is none. A retry is safe. */
  async get(task: TaskRef, options?: CallOptions): Promise<Task | null> {
    try {
      return await this.getOrThrow(task, options);
    } catch (error) {
      if (error instanceof HooksError && error.code === 'not_found') return null;
      throw error;
    }
  }

  /** The task. Errors: `not_found`. A retry is safe. */
  async getOrThrow(task: TaskRef, options?: CallOptions): Promise<Task> {
    return this.#caller.send({ method: 'GET', path: this.#pathOf(task), repeatable: true }, options);
  }

  /** A page of tasks, ordered by `scheduledDate`, or by id where an id is given. A retry is safe. */
  async fetch(query: TaskQuery & InNamespace = {}, options?: CallOptions): Promise<Page<Task>> {
    return this.#page(query, 'tasks', options);
  }

  /** All tasks that match, a page at a time, each once. What changes meanwhile may be left out. */
  tasks(query: TaskQuery & InNamespace = {}, options?: CallOptions): AsyncGenerator<Task> {
    return itemsOf(query, (page) => this.fetch(page, options));
  }

  /** A page of attempts, ordered by `startedAt`. A retry is safe. */
  async fetchLogs(query: LogQuery & InNamespace = {}, options?: CallOptions): Promise<Page<Log>> {
    return this.#page(query, 'logs', options);
  }

  /** All attempts that match, a page at a time. */
  logs(query: LogQuery & InNamespace = {}, options?: CallOptions): AsyncGenerator<Log> {
    return itemsOf(query, (page) => this.fetchLogs(page, options));
  }

  /** A page of the namespaces that have tasks. A retry is safe. */
  async fetchNamespaces(
    query: PrefixQuery = {},
    options?: CallOptions,
  ): Promise<Page<{ namespace: string }>> {
    return this.#caller.send({ method: 'GET', path: ['v1', 'namespaces'], query, repeatable: true }, options);
  }

  /** All namespaces that have tasks, by their names. */
  async *namespaces(query: PrefixQuery = {}, options?: CallOptions): AsyncGenerator<string> {
    for await (const item of itemsOf(query, (page) => this.fetchNamespaces(page, options)))
      yield item.namespace;
  }

  /**
   * Waits until the task is DONE or FAILED, and answers it. Asks at first every 100 ms, later every
   * 2 s. Errors: `not_found`; `timeout` where it is neither after `timeoutMs` (default one minute).
   */
  async waitFor(task: TaskRef, options: CallOptions = {}): Promise<Task> {
    const { timeoutMs = 60_000, signal } = options;
    const ends = performance.now() + timeoutMs;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 1.5, 2_000)) {
      const leftMs = ends - performance.now();
      const now = await this.getOrThrow(task, { ...options, timeoutMs: Math.max(leftMs, 1) });
      if (now.status === 'DONE' || now.status === 'FAILED') return now;
      if (performance.now() + waitMs > ends) {
        throw new HooksError({
          code: 'timeout',
          detail: `the task ${now.id} is ${now.status} after ${timeoutMs} ms`,
          retryable: true,
        });
      }
      await sleep(waitMs, signal);
    }
  }

  /**
   * Deletes a task, and answers what it was. Errors: `not_found`, which an `uncertain` error may owe to
   * itself. A retry is safe.
   */
  async delete(task: TaskRef, options?: CallOptions): Promise<Task> {
    return this.#caller.send({ method: 'DELETE', path: this.#pathOf(task), repeatable: true }, options);
  }

  /** Suspends an ACTIVE task. Errors: `not_found`; `conflict` where its status forbids it. A retry is safe. */
  async suspend(task: TaskRef, options?: CallOptions): Promise<Task> {
    return this.#change(task, 'suspend', (now) => now.status === 'SUSPENDED', options);
  }

  /** Makes a SUSPENDED task ACTIVE. Errors: `not_found`; `conflict` where it is not. A retry is safe. */
  async unsuspend(task: TaskRef, options?: CallOptions): Promise<Task> {
    return this.#change(task, 'unsuspend', (now) => now.status !== 'SUSPENDED', options);
  }

  /**
   * Makes a task that may still run FAILED; an attempt that is under way changes nothing any more.
   * Errors: `not_found`; `conflict` where its status forbids it. A retry is safe.
   */
  async cancel(task: TaskRef, options?: CallOptions): Promise<Task> {
    return this.#change(task, 'cancel', (now) => now.failureReason === 'cancelled', options);
  }

  /**
   * Deletes the tasks that match, all of them where nothing is given, in chunks; a retry is safe, but
   * counts less.
   */
  async deleteMany(query: ManyQuery & InNamespace = {}, options?: ManyOptions): Promise<{ count: number }> {
    return this.#many(query, 'delete', options);
  }

  /** Suspends the ACTIVE tasks that match, in chunks; a retry is safe, but counts less. */
  async suspendMany(query: ManyQuery & InNamespace = {}, options?: ManyOptions): Promise<{ count: number }> {
    return this.#many(query, 'suspend', options);
  }

  /** Makes the SUSPENDED tasks that match ACTIVE, in chunks; a retry is safe, but counts less. */
  async unsuspendMany(
    query: ManyQuery & InNamespace = {},
    options?: ManyOptions,
  ): Promise<{ count: number }> {
    return this.#many(query, 'unsuspend', options);
  }

  /** Cancels the tasks that match and may still run, in chunks; a retry is safe, but counts less. */
  async cancelMany(query: ManyQuery & InNamespace = {}, options?: ManyOptions): Promise<{ count: number }> {
    return this.#many(query, 'cancel', options);
  }

  /** Deletes all tasks and logs of a namespace. A retry is safe, but counts less. */
  async clear(namespace?: string, options?: CallOptions): Promise<{ count: number }> {
    const path = this.#caller.pathIn(namespace === undefined ? {} : { namespace });
    return this.#caller.send({ method: 'DELETE', path, repeatable: true }, options);
  }

  /**
   * Without a task: attempts everything that is due, and answers when that is done; it may take longer
   * than `timeoutMs` allows. With a task: runs that one now. Errors of that: `not_found`, `conflict`.
   * Neither is sent again where an answer was lost.
   */
  trigger(): Promise<TriggerResult>;
  trigger(task: undefined, options?: CallOptions): Promise<TriggerResult>;
  trigger(task: TaskRef, options?: CallOptions): Promise<Task>;
  async trigger(task?: TaskRef, options?: CallOptions): Promise<TriggerResult | Task> {
    const path = task ? [...this.#pathOf(task), 'trigger'] : ['v1', 'trigger'];
    return this.#caller.send({ method: 'POST', path, repeatable: false }, options);
  }

  /** What is due at this moment; changes nothing. A retry is safe. */
  async triggerDryrun(options?: CallOptions): Promise<DryrunResult> {
    return this.#caller.send(
      { method: 'POST', path: ['v1', 'trigger', 'dryrun'], repeatable: true },
      options,
    );
  }

  /** When a task with such a schedule would run. Errors: `invalid_argument`. A retry is safe. */
  async previewSchedule(query: PreviewQuery, options?: CallOptions): Promise<Preview> {
    const path = ['v1', 'schedule', 'preview'];
    return this.#caller.send({ method: 'POST', path, body: query, repeatable: true }, options);
  }

  /** When a task will run, from its current occurrence on. Errors: `not_found`. A retry is safe. */
  async preview(task: TaskRef, query: OccurrenceQuery = {}, options?: CallOptions): Promise<Preview> {
    const path = [...this.#pathOf(task), 'preview'];
    return this.#caller.send({ method: 'GET', path, query, repeatable: true }, options);
  }

  /**
   * Runs past occurrences of a series again, each as a task of its own that is due at once, in chunks.
   * Answers how many there are, and how many of them it has registered. Errors: `not_found`, `conflict`.
   * A retry is safe: it finds those that are there.
   */
  async backfill(
    task: TaskRef,
    query: BackfillQuery,
    options: BackfillOptions = {},
  ): Promise<{ count: number; created: number }> {
    const path = [...this.#pathOf(task), 'backfill'];
    let count = 0;
    let created = 0;
    for (let from: TimeInput | undefined = query.from; from !== undefined; ) {
      const body = { ...query, from };
      const chunk: BackfillResult = await this.#caller.send(
        { method: 'POST', path, body, repeatable: true },
        options,
      );
      count += chunk.items.length;
      created += chunk.items.filter((item) => item.created).length;
      options.onChunk?.(chunk);
      from = chunk.next;
    }
    return { count, created };
  }

  /**
   * Runs the FAILED tasks that match again, so many in so much time (`rate`); `getRedrive` tells how
   * far it has come. Errors: `conflict` where one is under way in the namespace. Not sent again where
   * an answer was lost: see `getRedrive`.
   */
  async redrive(query: NewRedrive = {}, options?: CallOptions): Promise<Redrive> {
    const path = this.#caller.pathIn(query, 'redrive');
    const body = without(query, 'namespace');
    return this.#caller.send({ method: 'POST', path, body, repeatable: false }, options);
  }

  /** The latest redrive of a namespace. Errors: `not_found`. A retry is safe. */
  async getRedrive(given: InNamespace = {}, options?: CallOptions): Promise<Redrive> {
    const path = this.#caller.pathIn(given, 'redrive');
    return this.#caller.send({ method: 'GET', path, repeatable: true }, options);
  }

  /** Ends it; what runs again already goes on. Errors: `not_found`. A retry is safe. */
  async cancelRedrive(given: InNamespace = {}, options?: CallOptions): Promise<Redrive> {
    const path = this.#caller.pathIn(given, 'redrive');
    return this.#caller.send({ method: 'DELETE', path, repeatable: true }, options);
  }

  /** What the store is made of, and its state. A retry is safe. */
  async describeStore(options?: CallOptions): Promise<Store> {
    return this.#caller.send({ method: 'GET', path: ['v1', 'store'], repeatable: true }, options);
  }

  #pathOf(task: TaskRef): string[] {
    return this.#caller.pathIn(task, 'tasks', task.id);
  }

  #page<T>(query: object & InNamespace, of: string, options?: CallOptions): Promise<Page<T>> {
    const path = this.#caller.pathIn(query, of);
    return this.#caller.send(
      { method: 'GET', path, query: without(query, 'namespace'), repeatable: true },
      options,
    );
  }

  // A conflict that an earlier attempt has made itself is none: the task is as it was asked for.
  async #change(task: TaskRef, verb: Verb, isDone: (now: Task) => boolean, options?: CallOptions) {
    try {
      const path = [...this.#pathOf(task), verb];
      return await this.#caller.send<Task>({ method: 'POST', path, repeatable: true }, options);
    } catch (error) {
      if (!(error instanceof HooksError && error.code === 'conflict' && error.uncertain)) throw error;
      const now = await this.getOrThrow(task, options);
      if (isDone(now)) return now;
      throw error;
    }
  }

  async #many(query: ManyQuery & InNamespace, verb: Verb, options: ManyOptions = {}) {
    const path = this.#caller.pathIn(query, 'tasks', verb);
    const body = without(query, 'namespace');
    let count = 0;
    for (;;) {
      const chunk = await this.#caller.send<ManyResult>(
        { method: 'POST', path, body, repeatable: true },
        options,
      );
      count += chunk.count;
      options.onChunk?.(chunk);
      if (!chunk.more || chunk.lastEvaluatedKey === undefined) return { count };
      body.startKey = chunk.lastEvaluatedKey;
    }
  }
}

const isRepeatable = (task: NewTask) => task.id !== undefined || task.idempotencyKey !== undefined;

async function withKeys(tasks: NewTask[], { idempotency }: RegisterOptions): Promise<NewTask[]> {
  if (idempotency === 'off') return tasks;
  return Promise.all(
    tasks.map(async (task) => (isRepeatable(task) ? task : { ...task, idempotencyKey: await randomKey() })),
  );
}

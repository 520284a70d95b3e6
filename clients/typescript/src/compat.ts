// The names of use-dynamodb-reactive-hooks, the library in whose place this server can stand: whoever
// used it changes the import and the constructor. What the server does not have is refused, not ignored.

import type { InNamespace } from './caller.js';
import { HooksError } from './errors.js';
import { Hooks as Client, type RegisterOptions, type TaskRef } from './hooks.js';
import type { CallOptions, ClientOptions } from './http.js';
import type { Method, NewTask, Page, PageQuery, Status, Task, TimeInput, TriggerResult } from './types.js';

export { HooksError } from './errors.js';

export type CompatStatus = 'ACTIVE' | 'PROCESSING' | 'DISABLED' | 'MAX-REPEAT-REACHED' | 'MAX-ERRORS-REACHED';

/** A task to register, by the names that it had there. */
export interface CompatNewTask extends InNamespace {
  id?: string;
  description?: string;
  requestUrl: string;
  requestMethod?: Method;
  requestHeaders?: Record<string, string> | null;
  requestBody?: unknown;
  /** Default now; one in the past is due at once. */
  scheduledDate?: TimeInput;
  /** Whole units; 0, the default, is no repetition. */
  repeatInterval?: number;
  /** Executions in all; 0, the default, is no limit. */
  repeatMax?: number;
  repeatUnit?: 'minutes' | 'hours' | 'days';
  retryLimit?: number;
}

/** A task with the names that it had there beside those of the server. */
export interface CompatTask extends Omit<Task, 'status'> {
  status: CompatStatus;
  requestUrl: string;
  requestMethod: Method;
  requestHeaders: NonNullable<Task['request']['headers']>;
  requestBody: unknown;
  repeatInterval: number;
  repeatMax: number;
  repeatUnit: string;
  totalExecutions: number;
  totalSuccessfulExecutions: number;
  totalFailedExecutions: number;
  totalErrors: number;
}

export interface CompatTaskQuery extends PageQuery, InNamespace {
  id?: string;
  idPrefix?: string;
  status?: CompatStatus;
  fromScheduledDate?: TimeInput;
  toScheduledDate?: TimeInput;
  desc?: boolean;
}

const statuses: [CompatStatus, Status][] = [
  ['ACTIVE', 'ACTIVE'],
  ['PROCESSING', 'PROCESSING'],
  ['DISABLED', 'SUSPENDED'],
  ['MAX-REPEAT-REACHED', 'DONE'],
  ['MAX-ERRORS-REACHED', 'FAILED'],
];

const newTaskFields = new Set([
  ...['namespace', 'id', 'description', 'requestUrl', 'requestMethod', 'requestHeaders', 'requestBody'],
  ...['scheduledDate', 'repeatInterval', 'repeatMax', 'repeatUnit', 'retryLimit'],
]);
const queryFields = new Set([
  ...[
    'namespace',
    'id',
    'idPrefix',
    'status',
    'fromScheduledDate',
    'toScheduledDate',
    'desc',
    'limit',
    'startKey',
  ],
]);
const eventFields = ['eventPattern', 'conditionData', 'eventDelayValue', 'fork', 'forkId', 'ruleId'];
const ownOptions = new Set([
  'url',
  'apiKey',
  'namespace',
  'timeoutMs',
  'retries',
  'headers',
  'fetch',
  'onRequest',
]);

/** A client with the methods of that library beside its own. */
export class Hooks extends Client {
  /** Throws a TypeError where an option is one of that library: tables and limits are the server's. */
  constructor(options: ClientOptions = {}) {
    const foreign = Object.keys(options).find((name) => !ownOptions.has(name));
    if (foreign) {
      throw new TypeError(
        `${foreign}: the server has that, see docs/configuration.md; give its url, as in ` +
          `new Hooks({ url: 'http://127.0.0.1:8090' })`,
      );
    }
    super(options);
  }

  /** `register`. Errors: `unsupported` with the `field` that the server does not have. A retry is safe. */
  async registerTask(task: CompatNewTask, options?: RegisterOptions): Promise<CompatTask> {
    return compatOf(await this.register(newTaskOf(task), options));
  }

  /** `getOrThrow`: it throws where there is none, as it did there. A retry is safe. */
  async getTask(task: TaskRef, options?: CallOptions): Promise<CompatTask> {
    return compatOf(await this.getOrThrow(refOf(task), options));
  }

  /** `delete`. A retry is safe. */
  async deleteTask(task: TaskRef, options?: CallOptions): Promise<CompatTask> {
    return compatOf(await this.delete(refOf(task), options));
  }

  /** `unsuspend`, or `suspend`. A retry is safe. */
  async setTaskActive(task: TaskRef & { active: boolean }, options?: CallOptions): Promise<CompatTask> {
    const ref = refOf(task);
    const changed = task.active ? this.unsuspend(ref, options) : this.suspend(ref, options);
    return compatOf(await changed);
  }

  /** `fetch`; an `id` is one of a whole id there, an `idPrefix` the beginning of ids. A retry is safe. */
  async fetchTasks(query: CompatTaskQuery, options?: CallOptions): Promise<Page<CompatTask>> {
    refuseOthers(query, queryFields);
    const { id, idPrefix, status, fromScheduledDate: from, toScheduledDate: to, ...rest } = query;
    if (id !== undefined) {
      const task = await this.get({ ...rest, id }, options);
      const items = task && (!status || compatOf(task).status === status) ? [compatOf(task)] : [];
      return { items, count: items.length };
    }
    const page = await this.fetch(
      { ...given({ id: idPrefix, status: status && statusOf(status), from, to }), ...rest },
      options,
    );
    return { ...page, items: page.items.map(compatOf) };
  }

  /** As that of the client: runs one task now, or all that are due. Errors: `unsupported` for events. */
  override trigger(): Promise<TriggerResult>;
  override trigger(task: undefined, options?: CallOptions): Promise<TriggerResult>;
  override trigger(task: TaskRef, options?: CallOptions): Promise<Task>;
  override async trigger(task?: TaskRef, options?: CallOptions): Promise<TriggerResult | Task> {
    return task ? super.trigger(refOf(task), options) : super.trigger(undefined, options);
  }

  /** `clear`: the logs go with the tasks. A retry is safe. */
  clearTasks(namespace: string, options?: CallOptions): Promise<{ count: number }> {
    return this.clear(namespace, options);
  }
}

function newTaskOf(task: CompatNewTask): NewTask {
  refuseOthers(task, newTaskFields);
  if (task.scheduledDate === '-') {
    throw unsupported('scheduledDate', 'a task has a time; leave it out for now');
  }
  const { namespace, id, description, scheduledDate, retryLimit, repeatInterval } = task;
  const repeat = repeatInterval
    ? { interval: repeatInterval, max: task.repeatMax ?? 0, unit: task.repeatUnit ?? 'minutes' }
    : undefined;
  return given({
    namespace,
    id,
    description,
    url: task.requestUrl,
    method: task.requestMethod,
    headers: task.requestHeaders ?? undefined,
    body: task.requestBody ?? undefined,
    scheduledDate,
    retryLimit,
    repeat,
  });
}

function compatOf(task: Task): CompatTask {
  const { request, repeat, execution, errors } = task;
  return {
    ...task,
    status: statuses.find(([, status]) => status === task.status)![0],
    requestUrl: request.url ?? '',
    requestMethod: request.method,
    requestHeaders: request.headers ?? {},
    requestBody: request.body ?? null,
    repeatInterval: repeat?.interval ?? 0,
    repeatMax: repeat?.max ?? 1,
    repeatUnit: repeat?.unit ?? 'minutes',
    totalExecutions: execution.count,
    totalSuccessfulExecutions: execution.successful,
    totalFailedExecutions: execution.failed,
    totalErrors: errors.count,
  };
}

function statusOf(compat: CompatStatus): Status {
  const found = statuses.find(([name]) => name === compat);
  if (!found) throw new TypeError(`status: must be one of ${statuses.map(([name]) => name).join(', ')}`);
  return found[1];
}

// What names a task; the whole task will do, but nothing of events.
function refOf(task: TaskRef): TaskRef {
  const foreign = eventFields.find((name) => (task as unknown as Record<string, unknown>)[name]);
  if (foreign) throw unsupported(foreign, 'the server has no such field');
  return { ...given({ namespace: task.namespace }), id: task.id };
}

// Events, forks, rules, windows and the like: a task without them would do something else.
function refuseOthers(value: object, known: Set<string>): void {
  for (const [name, field] of Object.entries(value)) {
    const isSet = field !== undefined && field !== null && field !== false && field !== '';
    if (isSet && !known.has(name)) throw unsupported(name, 'the server has no such field');
  }
}

const unsupported = (field: string, detail: string) =>
  new HooksError({ code: 'unsupported', field, detail: `${field}: ${detail}` });

/** What is not undefined. */
function given<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;
}

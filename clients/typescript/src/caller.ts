import { type Call, type CallOptions, type ClientOptions, Http } from './http.js';

/** Anything that may name a namespace; without one that of the client holds. */
export interface InNamespace {
  namespace?: string;
}

/** A thing of a namespace, by its name. */
export interface Named extends InNamespace {
  name: string;
}

/** Makes a change depend on what is there now. */
export interface IfRevision {
  /** The `revision` that it is about; another one is refused with the status 412. */
  ifMatch?: string;
}

/** For a call that makes or replaces. */
export interface IfNone extends IfRevision {
  /** Only where there is none of that name; otherwise the status is 412. */
  ifNone?: boolean;
}

/** What the parts of the API have in common: where calls go, and the namespace of those that name none. */
export class Caller {
  readonly #http: Http;
  readonly #namespace: string | undefined;

  constructor(options: ClientOptions) {
    this.#http = new Http(options);
    this.#namespace = options.namespace;
  }

  send<T>(call: Call, options?: CallOptions): Promise<T> {
    return this.#http.send<T>(call, options);
  }

  /** Throws a TypeError where neither the call nor the client names one. */
  namespaceOf(given: InNamespace): string {
    const namespace = given.namespace ?? this.#namespace;
    if (namespace) return namespace;
    throw new TypeError('namespace: give one to the call, or to the client for all calls');
  }

  /** The path of what is in a namespace. Throws a TypeError where an id or a name is empty, or missing. */
  pathIn(given: InNamespace, ...rest: string[]): string[] {
    if (rest.some((segment) => !segment)) throw new TypeError('id, name: must not be empty');
    return ['v1', 'namespaces', this.namespaceOf(given), ...rest];
  }
}

/** The headers of a precondition. */
export function preconditionOf(given: IfNone): Record<string, string | undefined> {
  return { 'if-match': given.ifMatch, 'if-none-match': given.ifNone ? '*' : undefined };
}

/** All but the namespace and the name, which stand in the path. */
export function without<T extends object, K extends keyof T>(given: T, ...keys: K[]): Omit<T, K> {
  const rest = { ...given };
  for (const key of keys) delete rest[key];
  return rest;
}

import {
  type Caller,
  type IfNone,
  type IfRevision,
  type InNamespace,
  type Named,
  preconditionOf,
  without,
} from './caller.js';
import type { CallOptions } from './http.js';
import { itemsOf } from './paging.js';
import type { Endpoint, EndpointChanges, Log, NewEndpoint, Page, PrefixQuery, TestRequest } from './types.js';

/** Where webhooks go, and how: `hooks.endpoints`. */
export class Endpoints {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /**
   * Makes an endpoint, or replaces the one of that name. Errors: 412 where `ifMatch` or `ifNone` does
   * not hold, `not_found` where `ifMatch` is given and there is none. A retry is safe.
   */
  async put(endpoint: NewEndpoint & Named & IfNone, options?: CallOptions): Promise<Endpoint> {
    const body = without(endpoint, 'namespace', 'name', 'ifMatch', 'ifNone');
    const headers = preconditionOf(endpoint);
    return this.#caller.send(
      { method: 'PUT', path: this.#path(endpoint), body, headers, repeatable: true },
      options,
    );
  }

  /**
   * Changes some of an endpoint, by a JSON Merge Patch. Errors: `not_found`; 412 where `ifMatch` does
   * not hold. A retry is safe.
   */
  async change(key: Named & IfRevision, changes: EndpointChanges, options?: CallOptions): Promise<Endpoint> {
    const headers = preconditionOf(key);
    return this.#caller.send(
      { method: 'PATCH', path: this.#path(key), body: changes, headers, repeatable: true },
      options,
    );
  }

  /** The endpoint. Errors: `not_found`. A retry is safe. */
  async get(key: Named, options?: CallOptions): Promise<Endpoint> {
    return this.#caller.send({ method: 'GET', path: this.#path(key), repeatable: true }, options);
  }

  /**
   * Deletes it, and answers what it was. Errors: `not_found`, which an `uncertain` error may owe to
   * itself; `conflict` where tasks name it, unless it is `force`d: they are FAILED when they are due.
   */
  async delete(key: Named & IfRevision & { force?: boolean }, options?: CallOptions): Promise<Endpoint> {
    const { force } = key;
    const headers = preconditionOf(key);
    return this.#caller.send(
      { method: 'DELETE', path: this.#path(key), query: { force }, headers, repeatable: true },
      options,
    );
  }

  /** Lets its tasks wait until it is resumed. Errors: `not_found`. A retry is safe. */
  async pause(key: Named, options?: CallOptions): Promise<Endpoint> {
    return this.#caller.send(
      { method: 'POST', path: [...this.#path(key), 'pause'], repeatable: true },
      options,
    );
  }

  /** Lets its tasks go on. Errors: `not_found`. A retry is safe. */
  async resume(key: Named, options?: CallOptions): Promise<Endpoint> {
    return this.#caller.send(
      { method: 'POST', path: [...this.#path(key), 'resume'], repeatable: true },
      options,
    );
  }

  /**
   * Makes one request to it now, and answers what came of it, as the log of an attempt. Errors:
   * `not_found`. It is not sent again where an answer was lost: the receiver may have had it.
   */
  async test(key: Named, request: TestRequest = {}, options?: CallOptions): Promise<Log> {
    const path = [...this.#path(key), 'test'];
    return this.#caller.send({ method: 'POST', path, body: request, repeatable: false }, options);
  }

  /** A page of endpoints, ordered by name. A retry is safe. */
  async fetch(query: PrefixQuery & InNamespace = {}, options?: CallOptions): Promise<Page<Endpoint>> {
    const path = this.#caller.pathIn(query, 'endpoints');
    return this.#caller.send(
      { method: 'GET', path, query: without(query, 'namespace'), repeatable: true },
      options,
    );
  }

  /** All endpoints, ordered by name, a page at a time. */
  list(query: PrefixQuery & InNamespace = {}, options?: CallOptions): AsyncGenerator<Endpoint> {
    return itemsOf(query, (page) => this.fetch(page, options));
  }

  #path(key: Named): string[] {
    return this.#caller.pathIn(key, 'endpoints', key.name);
  }
}

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
import type { Page, PrefixQuery } from './types.js';

/** What is kept in a namespace by name, and has a revision: endpoints and secrets. */
export class Documents<Shown, New extends object> {
  protected readonly caller: Caller;
  readonly #kind: string;

  constructor(caller: Caller, kind: string) {
    this.caller = caller;
    this.#kind = kind;
  }

  /**
   * Makes one, or replaces the one of that name. Errors: 412 where `ifMatch` or `ifNone` does not hold,
   * `not_found` where `ifMatch` is given and there is none, `conflict` where a secret of that name has
   * another type. A retry is safe.
   */
  async put(document: New & Named & IfNone, options?: CallOptions): Promise<Shown> {
    const body = without(document, 'namespace', 'name', 'ifMatch', 'ifNone');
    const headers = preconditionOf(document);
    return this.caller.send(
      { method: 'PUT', path: this.pathOf(document), body, headers, repeatable: true },
      options,
    );
  }

  /** What may be seen of it. Errors: `not_found`. A retry is safe. */
  async get(key: Named, options?: CallOptions): Promise<Shown> {
    return this.caller.send({ method: 'GET', path: this.pathOf(key), repeatable: true }, options);
  }

  /**
   * Deletes it, and answers what it was. Errors: `not_found`, which an `uncertain` error may owe to
   * itself; `conflict` where it is in use, unless it is `force`d: tasks that name an endpoint are FAILED
   * then when they are due, and those of an endpoint that names a secret wait.
   */
  async delete(key: Named & IfRevision & { force?: boolean }, options?: CallOptions): Promise<Shown> {
    const { force } = key;
    const headers = preconditionOf(key);
    return this.caller.send(
      { method: 'DELETE', path: this.pathOf(key), query: { force }, headers, repeatable: true },
      options,
    );
  }

  /** A page of them, ordered by name. A retry is safe. */
  async fetch(query: PrefixQuery & InNamespace = {}, options?: CallOptions): Promise<Page<Shown>> {
    const path = this.caller.pathIn(query, this.#kind);
    return this.caller.send(
      { method: 'GET', path, query: without(query, 'namespace'), repeatable: true },
      options,
    );
  }

  /** All of them, ordered by name, a page at a time. */
  list(query: PrefixQuery & InNamespace = {}, options?: CallOptions): AsyncGenerator<Shown> {
    return itemsOf(query, (page) => this.fetch(page, options));
  }

  protected pathOf(key: Named): string[] {
    return this.caller.pathIn(key, this.#kind, key.name);
  }
}

// The types are those of the server: its own description becomes types, and each has to be assignable
// to ours and back, also where every field is required, so that none is missing on either side.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer, temporaryDirectory } from './support.js';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

// Those that have another name here, or are no types of the client.
const pages = {
  TaskPage: 'Task',
  LogPage: 'Log',
  EndpointPage: 'Endpoint',
  SecretPage: 'Secret',
  ApiKeyPage: 'ApiKey',
};
const ours = {
  Time: 'string',
  Count: '{ count: number }',
  NewTasks: '{ items: ours.NewTask[] }',
  BatchResult: '{ items: ours.BatchItem[] }',
  NamespacePage: 'ours.Page<{ namespace: string }>',
  ...Object.fromEntries(Object.entries(pages).map(([page, item]) => [page, `ours.Page<ours.${item}>`])),
};
// The server says in words what the headers of a change are.
const inWords = { EndpointChanges: 'headers' };
ours.EndpointChanges = "Omit<ours.EndpointChanges, 'headers'>";
const unused = ['Health', 'Text', 'Document'];
const isRequest = (name) =>
  /^New|Query$|^(TestRequest|SecretRotation|Repeat|Schedule|EndpointChanges|ApiKeyChanges)$/.test(name);

/** The type of a schema; times of requests may be Dates. */
function typeOf(schema, asRequest) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').pop();
    return name === 'Time' && asRequest && !schema.readOnly ? 'ours.TimeInput' : name;
  }
  if (schema.anyOf) return schema.anyOf.map((one) => typeOf(one, asRequest)).join(' | ');
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  switch (schema.type) {
    case undefined:
      return 'unknown';
    case 'integer':
      return 'number';
    case 'array':
      return `(${typeOf(schema.items, asRequest)})[]`;
    case 'object':
      return objectOf(schema, asRequest);
    default:
      return schema.type;
  }
}

function objectOf({ properties, additionalProperties, required = [] }, asRequest, isShown = () => true) {
  if (!properties)
    return `Record<string, ${additionalProperties ? typeOf(additionalProperties, asRequest) : 'unknown'}>`;
  const fields = Object.entries(properties)
    .filter(([name, schema]) => isShown(schema, name))
    .map(([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeOf(schema, asRequest)};`);
  return `{ ${fields.join(' ')} }`;
}

function declarationOf(name, schema) {
  // What only the scheduler sets need not be given.
  const isShown = ({ readOnly }, field) => !(name.startsWith('New') && readOnly) && inWords[name] !== field;
  const type = schema.properties
    ? objectOf(schema, isRequest(name), isShown)
    : typeOf(schema, isRequest(name));
  return `type ${name} = ${type};`;
}

const checks = `
type Full<T> = T extends (infer U)[] ? Full<U>[] : T extends object ? { [K in keyof T]-?: Full<Exclude<T[K], undefined>> } : T;
type Fits<A, B> = [A] extends [B] ? true : false;
type Same<A, B> = [Fits<A, B>, Fits<B, A>, Fits<Full<A>, Full<B>>, Fits<Full<B>, Full<A>>];
`;

async function compiled(document) {
  const schemas = Object.entries(document.components.schemas).filter(([name]) => !unused.includes(name));
  const lines = [
    `import type * as ours from ${JSON.stringify(join(packageDirectory, 'src/types.js'))};`,
    checks,
    ...schemas.map(([name, schema]) => declarationOf(name, schema)),
    ...schemas.map(
      ([name]) =>
        `export const of${name}: Same<${name}, ${ours[name] ?? `ours.${name}`}> = [true, true, true, true];`,
    ),
  ];
  const directory = temporaryDirectory();
  const file = join(directory, 'check.ts');
  writeFileSync(file, lines.join('\n'));
  try {
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--module', 'nodenext', '--skipLibCheck'];
    execFileSync(join(packageDirectory, 'node_modules/.bin/tsc'), [...options, file]);
    return '';
  } catch (error) {
    // The names of what differs.
    const source = lines.join('\n').split('\n');
    const at = [...String(error.stdout).matchAll(/check\.ts\((\d+),/g)].map(([, line]) => source[line - 1]);
    const names = at.map((line) => /^export const of(\w+)/.exec(line)?.[1] ?? line);
    return [...new Set(names)].sort().join(', ') || String(error);
  }
}

test('the types are those of the server', async () => {
  const { url } = await startServer('--no-worker');
  const document = await (await fetch(`${url}/openapi.json`)).json();
  assert.equal(await compiled(document), '');
});

test('a field that is missing here, or differs, is found', async () => {
  const { url } = await startServer('--no-worker');
  const document = await (await fetch(`${url}/openapi.json`)).json();
  const { schemas } = document.components;
  schemas.Task.properties.surprise = { type: 'string' };
  schemas.Held.required = [];
  schemas.Novel = { type: 'string' };
  assert.match(await compiled(document), /Held.*Novel.*Task/);
});

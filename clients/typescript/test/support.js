// A server of the real binary for a test file, and a proxy that spoils answers.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

// What is to be ended after the tests of a file, the latest first. (An `after` of a test or a hook would
// run as soon as that is over.)
const endings = [];
after(async () => {
  for (const end of endings.reverse()) await end();
});

const root = fileURLToPath(new URL('../../../', import.meta.url));
const masterKey = Buffer.alloc(32, 7).toString('base64');

export function binary() {
  const given = process.env.RHOOKS_BINARY;
  const found = given ? [given] : ['release', 'dev'].map((preset) => `${root}build/${preset}/bin/rhooks`);
  const path = found.find((one) => existsSync(one));
  if (!path) throw new Error(`no rhooks at ${found.join(' or ')}; build it, or name it by RHOOKS_BINARY`);
  return path;
}

/** A directory that is gone after the tests of this file. */
export function temporaryDirectory() {
  const path = mkdtempSync(join(tmpdir(), 'rhooks-client-'));
  endings.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A server on a free port, which ends after the tests of this file. */
export async function startServer(...args) {
  const store = `rocksdb:${join(temporaryDirectory(), 'data')}`;
  const { RHOOKS_API_KEY, ...env } = process.env;
  const child = spawn(binary(), ['serve', '--store', store, '--listen', '127.0.0.1:0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, RHOOKS_LOG_LEVEL: 'error', RHOOKS_SECRET_KEYS: masterKey },
  });
  endings.push(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  });
  let said = '';
  const url = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      said += chunk;
      const listening = /listening on (http:\S+)/.exec(said);
      if (listening) resolve(listening[1]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', () => reject(new Error(`rhooks ended instead of starting: ${said}`)));
  });
  return { url };
}

/** A listener on a free port: `handle(request, response, body)`. */
export async function listen(handle) {
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    handle(request, response, Buffer.concat(chunks));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endings.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, server };
}

/**
 * A proxy before `url`. `spoil(count)` says for each request what becomes of it: nothing, or
 *   'refuse'  the connection ends before the server has it
 *   'drop'    the server carries it out, and the answer is lost
 *   'cut'     half of the answer's body comes
 *   a number  the status that is answered, before the server has it
 */
export async function startProxy(url, spoil) {
  const agent = new http.Agent({ keepAlive: true });
  endings.push(() => agent.destroy());
  let count = 0;
  return listen((request, response, body) => {
    const how = spoil(++count);
    if (how === 'refuse') return response.destroy();
    if (typeof how === 'number') return response.writeHead(how).end('<html>');
    const { method, headers } = request;
    const onward = http.request(url + request.url, { method, headers, agent }, async (answer) => {
      const chunks = [];
      for await (const chunk of answer) chunks.push(chunk);
      const whole = Buffer.concat(chunks);
      if (how === 'drop') return response.destroy();
      response.writeHead(answer.statusCode, answer.headers);
      if (how !== 'cut') return response.end(whole);
      response.write(whole.subarray(0, whole.length / 2), () => response.destroy());
    });
    onward.on('error', () => response.destroy());
    onward.end(body);
  });
}

export async function all(items) {
  const found = [];
  for await (const item of items) found.push(item);
  return found;
}

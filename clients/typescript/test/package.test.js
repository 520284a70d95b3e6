// What users get: the package as it is packed, installed into an empty project, and the examples of the
// README, which are compiled and run there.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { listen, startServer, temporaryDirectory } from './support.js';

const run = promisify(execFile);
const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(packageDirectory, 'README.md'), 'utf8');
const bytesMax = 6 * 1024;
let project;
let installed;

const exampleOf = (name) =>
  new RegExp(`<!-- tested: ${name} -->\n\`\`\`ts\n(.*?)\`\`\``, 's').exec(readme)[1];

/** Compiles a file of the project, and answers where its JavaScript is. */
async function compile(name, text) {
  writeFileSync(join(project, `${name}.ts`), text);
  const options = [
    '--strict',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--lib',
    'es2022,dom,dom.iterable',
  ];
  await run(join(packageDirectory, 'node_modules/.bin/tsc'), [...options, `${name}.ts`], { cwd: project });
  return join(project, `${name}.js`);
}

before(async () => {
  project = temporaryDirectory();
  installed = join(project, 'node_modules/rhooks-client');
  const quiet = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  const packed = await run('npm', ['pack', '--json', '--pack-destination', project, ...quiet], {
    cwd: packageDirectory,
  });
  const [{ filename }] = JSON.parse(packed.stdout);
  writeFileSync(join(project, 'package.json'), '{"private": true, "type": "module"}');
  await run('npm', ['install', filename, ...quiet], { cwd: project });
});

test('it has no dependencies, and nothing but what is built', () => {
  const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  assert.equal(dependencies, undefined);
  assert.deepEqual(
    readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['rhooks-client'],
  );
  assert.deepEqual(readdirSync(installed).sort(), ['README.md', 'dist', 'package.json']);
});

test(`it is at most ${bytesMax} bytes when it is compressed`, () => {
  const others = ['verify.js', 'compat.js']; // entries of their own
  const files = readdirSync(join(installed, 'dist')).filter(
    (name) => name.endsWith('.js') && !others.includes(name),
  );
  const code = files.map((name) => readFileSync(join(installed, 'dist', name), 'utf8')).join('\n');
  // As bundlers ship it, less what they shorten: without comments and indentation.
  const bare = code
    .replace(/\/\*[^]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
    .replace(/^\s+/gm, '');
  const size = gzipSync(bare, { level: 9 }).length;
  assert.ok(size <= bytesMax, `${size} bytes`);
});

test('it needs nothing of node', () => {
  for (const name of readdirSync(join(installed, 'dist'))) {
    const code = readFileSync(join(installed, 'dist', name), 'utf8');
    assert.doesNotMatch(code, /\bfrom ['"](?!\.)|\brequire\(|\bBuffer\b/, name);
  }
});

test('the example of the README runs', async () => {
  const { url } = await startServer();
  const { url: receiver } = await listen((request, response) => response.end());
  const text = exampleOf('hooks')
    .replace('http://127.0.0.1:8090', url)
    .replace('http://127.0.0.1:9000', receiver);
  const { stdout } = await run(process.execPath, [await compile('hooks', text)]);
  assert.match(stdout, /^DONE 200\n20\S+ SUCCESS\ninvalid_argument url false\n$/);
});

test('the receiver of the README lets in what is signed', async () => {
  const { receive } = await import(pathToFileURL(await compile('verify', exampleOf('verify'))));
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const { createHmac } = await import('node:crypto');
  const timestamp = String(Math.floor(Date.now() / 1000));
  const body = '{"order":4711}';
  const hmac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64')).update(
    `msg_1.${timestamp}.${body}`,
  );
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${hmac.digest('base64')}`,
  };
  const request = (text) => new Request('http://127.0.0.1/', { method: 'POST', headers, body: text });
  assert.equal((await receive(request(body), secret)).status, 202);
  assert.equal((await receive(request(`${body} `), secret)).status, 401);
  assert.equal((await receive(request(body), 'hush hush')).status, 500);
});

// A small shop, loaded, segmented, predicted and served, and a browser that looks at it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const clade = process.env.CLADE_BINARY;
export const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path));
export const require = createRequire(join(process.env.CLADE_SOURCE, 'console', 'package.json'));
const customers = process.env.CONSOLE_CUSTOMERS ?? '1000';

function run(folder, ...args) {
  const done = spawnSync(clade, args, { cwd: folder, encoding: 'utf8', timeout: 500_000 });
  if (done.status !== 0) throw new Error(`clade ${args.join(' ')} ended with ${done.status}: ${done.stderr}`);
  return done.stdout;
}

function start(folder, workspace) {
  const server = spawn(clade, ['serve', workspace, '--port', '0'], { cwd: folder });
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (bytes) => {
      said += bytes;
      const address = /https?:\/\/[\d.]+:\d+/.exec(said)?.[0];
      if (address) resolve({ server, address });
    });
    server.stderr.on('data', (bytes) => { said += bytes; });
    server.on('exit', (code) => reject(new Error(`clade serve ended with ${code}: ${said}`)));
  });
}

export async function openShop() {
  const folder = mkdtempSync(join(tmpdir(), 'clade-console-'));
  const ready = process.env.CONSOLE_WORKSPACE;
  const workspace = ready ?? 'shop.clade';
  if (!ready) {
    run(folder, 'demo', 'shop', '--customers', customers);
    run(folder, 'load', workspace, ...readdirSync(join(folder, 'shop')).filter((name) => name.endsWith('.csv')).map((name) => `shop/${name}`));
    run(folder, 'segment', workspace);
    run(folder, 'predict', workspace);
  }
  const keys = Object.fromEntries(['read', 'admin', 'write'].map((role) =>
    [role, run(folder, 'serve', workspace, '--new-key', role).trim()]));
  const { server, address } = await start(folder, workspace);
  const browser = await require('playwright-core').chromium.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const ask = async (path, key = keys.admin) => {
    const answer = await fetch(address + path, { headers: { Authorization: `Bearer ${key}` } });
    return answer.json();
  };
  const close = async () => {
    await browser.close();
    server.removeAllListeners('exit');
    server.kill('SIGTERM');
    await new Promise((resolve) => { server.once('exit', resolve); setTimeout(resolve, 15_000).unref(); });
    rmSync(folder, { recursive: true, force: true });
  };
  return { address, keys, browser, ask, close };
}

// The one catalogue of words is whole in both languages, used, and the only place of words.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(process.env.CLADE_SOURCE, 'console');
const typescript = createRequire(join(root, 'package.json'))('typescript');
const read = (name) => readFileSync(join(root, 'src', name), 'utf8');
const files = readdirSync(join(root, 'src'), { recursive: true }).map(String).filter((name) => /\.tsx?$/.test(name));
const code = typescript.transpileModule(read('messages.ts'), { compilerOptions: { module: 'ESNext', target: 'ES2021' } }).outputText;
const { messages } = await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);

test('every message is there in English and in Chinese', () => {
  assert.ok(Object.keys(messages).length > 150);
  for (const [key, pair] of Object.entries(messages)) {
    assert.equal(pair.length, 2, key);
    for (const text of pair) assert.ok(text.trim().length > 0, key);
  }
});

test('English has no Chinese signs, and Chinese sentences have some', () => {
  for (const [key, [en, zh]] of Object.entries(messages)) {
    if (key === 'app.language') continue;
    assert.doesNotMatch(en, /[\u4e00-\u9fff]/, key);
    if (/ /.test(en)) assert.match(zh, /[\u4e00-\u9fff]/, key);
  }
});

test('both languages are filled with the same values', () => {
  const names = (text) => [...new Set([...text.matchAll(/\{(\w+)/g)].map((one) => one[1]))].sort();
  for (const [key, [en, zh]] of Object.entries(messages)) {
    const plural = (text) => text.replace(/\{\w+\|[^}]*\}/g, '');
    assert.deepEqual(names(plural(zh)), names(plural(en)), key);
  }
});

test('no message is left that no page shows', () => {
  const all = files.filter((name) => name !== 'messages.ts').map(read).join('\n');
  for (const key of Object.keys(messages)) {
    const family = key.slice(0, key.lastIndexOf('.') + 1);
    assert.ok(all.includes(`'${key}'`) || all.includes(`"${key}"`) || all.includes(`\`${family}$`) || /^kind\.\w+\.what$/.test(key), key);
  }
});

test('no page holds words of its own', () => {
  for (const name of files.filter((one) => one.endsWith('.tsx'))) {
    const source = typescript.createSourceFile(name, read(name), typescript.ScriptTarget.ES2021, true, typescript.ScriptKind.TSX);
    const look = (node) => {
      if (typescript.isJsxText(node)) assert.doesNotMatch(node.text, /[A-Za-z\u4e00-\u9fff]{2,}/, `${name}: ${node.text.trim()}`);
      typescript.forEachChild(node, look);
    };
    look(source);
  }
});

// The built pages as one C file: embed.mjs DIST OUT.c
//
// Every file is packed once, here, so that the server never compresses anything. Names carry a hash
// of the content (but for index.html), so a browser may keep them for ever.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

const [dist, target] = process.argv.slice(2);
const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const files = readdirSync(dist, { recursive: true }).map(String).sort()
  .filter((name) => statSync(join(dist, name)).isFile());
const parts = ['/* Generated from console/ by scripts/embed.mjs. */', '#include "console.h"', ''];
const rows = [];
for (const [nth, name] of files.entries()) {
  const type = types[extname(name)];
  if (type === undefined) throw new Error(`${name}: what content type is this?`);
  const packed = gzipSync(readFileSync(join(dist, name)), { level: 9 });
  const bytes = [...packed].map((byte) => byte.toString());
  parts.push(`static const unsigned char file_${nth}[${packed.length}] = {`);
  for (let at = 0; at < bytes.length; at += 24) parts.push(`${bytes.slice(at, at + 24).join(',')},`);
  parts.push('};');
  rows.push(`    { "${name.replace(/^assets\//, '')}", "${type}", file_${nth}, ${packed.length} },`);
}
parts.push('', 'const clade__page clade__pages[] = {', ...rows, '    { NULL, NULL, NULL, 0 },', '};', '');
writeFileSync(target, parts.join('\n'));

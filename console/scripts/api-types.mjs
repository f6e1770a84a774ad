// Types of the API from the document that the server serves: api-types.mjs OPENAPI.json OUT.ts
//
// One entry for each operation ("GET /v1/segments/{name}") with what its path, query and body want
// and what it answers. The pages can only ask what is in here, so they cannot drift from the server.
import { readFileSync, writeFileSync } from 'node:fs';

const [source, target] = process.argv.slice(2);
const document = JSON.parse(readFileSync(source, 'utf8'));

function resolve(node) {
  if (node?.$ref === undefined) return node;
  return node.$ref.split('/').slice(1).reduce((at, key) => at[key], document);
}

function typeOfName(name, schema) {
  switch (name) {
    case 'string': return schema.enum ? schema.enum.map((v) => JSON.stringify(v)).join(' | ') : 'string';
    case 'integer':
    case 'number': return 'number';
    case 'boolean': return 'boolean';
    case 'null': return 'null';
    case 'array': return `Array<${typeOf(schema.items ?? {})}>`;
    case 'object': return typeOfObject(schema);
    default: throw new Error(`${source}: the type '${name}' is not known here`);
  }
}

function typeOfObject(schema) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(
    ([key, value]) => `${JSON.stringify(key)}${required.has(key) ? '' : '?'}: ${typeOf(value)}`);
  const more = schema.additionalProperties;
  const rest = more === true ? 'Record<string, unknown>' : more ? `Record<string, ${typeOf(more)}>` : '';
  if (fields.length === 0) return rest || 'Record<string, never>';
  return `{ ${fields.join('; ')} }${rest ? ` & ${rest}` : ''}`;
}

function typeOf(schema) {
  if (schema.$ref) return `Schemas[${JSON.stringify(schema.$ref.split('/').pop())}]`;
  const union = schema.oneOf ?? schema.anyOf;
  if (union) return union.map(typeOf).join(' | ');
  if (schema.allOf) return schema.allOf.map(typeOf).join(' & ');
  if (Array.isArray(schema.type)) return schema.type.map((name) => typeOfName(name, schema)).join(' | ');
  if (schema.type === undefined) return schema.properties ? typeOfObject(schema) : 'unknown';
  return typeOfName(schema.type, schema);
}

function typeOfContent(holder) {
  const content = Object.values(holder?.content ?? {})[0];
  return content === undefined ? 'undefined' : typeOf(content.schema ?? {});
}

function typeOfParameters(parameters, place) {
  const fields = parameters.filter((p) => p.in === place).map(
    (p) => `${JSON.stringify(p.name)}${p.required ? '' : '?'}: ${
      place === 'query' ? 'string | number' : typeOf(p.schema ?? {})}`);
  return `{ ${fields.join('; ')} }`;
}

const lines = [
  `// Made by scripts/api-types.mjs from the served document; not kept in git.`,
  'export interface Schemas {',
  ...Object.entries(document.components?.schemas ?? {}).map(
    ([name, schema]) => `  ${JSON.stringify(name)}: ${typeOf(schema)};`),
  '}',
  'export interface Operations {',
];
for (const [path, item] of Object.entries(document.paths)) {
  for (const method of ['get', 'post', 'put', 'delete']) {
    const operation = item[method];
    if (operation === undefined) continue;
    const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolve);
    const good = Object.entries(operation.responses).find(([status]) => status.startsWith('2'));
    lines.push(`  ${JSON.stringify(`${method.toUpperCase()} ${path}`)}: { path: ${
      typeOfParameters(parameters, 'path')}; query: ${typeOfParameters(parameters, 'query')}; body: ${
      typeOfContent(resolve(operation.requestBody))}; ok: ${typeOfContent(resolve(good?.[1]))} };`);
  }
}
lines.push('}', '');
writeFileSync(target, lines.join('\n'));

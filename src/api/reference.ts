import { stringify } from 'yaml';
import { EFFECTLESS_FIELDS } from './effectless.ts';
import { API_VERSION, KIND } from './names.ts';
import { rules } from './rules.ts';
import { schemaTree, type SchemaNode } from './structure.ts';

interface Row {
  path: string;
  node: SchemaNode;
  required: boolean;
}

interface Section {
  path: string;
  node: SchemaNode;
  rows: Row[];
}

const INTRODUCTION = `# Reference of the ${KIND}

\`apiVersion: ${API_VERSION}\`, \`kind: ${KIND}\`, short names \`ditto\` and \`dittofs\`.
Written by \`npm run generate\` from the schema in \`src/api\`.

- A field with a default gets it when the block around it is written; a block that is not written counts as empty, with
  the same defaults.
- The rules below are checked by the API server itself, without a webhook. An object that was stored before a rule
  existed stays editable: an update may not break what held before.
- References to Secrets and other objects are always to the same namespace.

The least that works:

\`\`\`yaml
${stringify({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { name: 'files' },
  spec: { storage: { metadataSize: '10Gi' }, percona: { enabled: true } },
}).trimEnd()}
\`\`\`
`;

/** The reference page, as Markdown. */
export function printReference(): string {
  const { properties = {} } = schemaTree();
  const sections = ['spec', 'status'].flatMap((name) => {
    const node = properties[name];
    return node ? sectionsOf(name, node) : [];
  });
  return [INTRODUCTION, nameRules(), ...sections.map(printSection)].join('\n');
}

/** A section for each object, in the order of the schema. References to Secrets are told inline, they are many. */
function sectionsOf(path: string, node: SchemaNode): Section[] {
  const required = new Set(node.required);
  const rows = Object.entries(node.properties ?? {}).map(([name, property]) => ({
    path: `${path}.${name}`,
    node: property,
    required: required.has(name),
  }));
  const inner = rows.flatMap((row) => {
    const target = row.node.type === 'array' ? row.node.items : row.node;
    if (!target?.properties || isReference(target)) return [];
    return sectionsOf(row.node.type === 'array' ? `${row.path}[]` : row.path, target);
  });
  return [{ path, node, rows }, ...inner];
}

function isReference(node: SchemaNode): boolean {
  return keyRef(node) || localRef(node);
}

function keyRef({ properties }: SchemaNode): boolean {
  return Object.keys(properties ?? {}).join() === 'name,key,optional';
}

function localRef({ properties }: SchemaNode): boolean {
  return Object.keys(properties ?? {}).join() === 'name';
}

function nameRules(): string {
  const path = 'metadata.name';
  const lines = rules
    .filter(({ fieldPath }) => fieldPath === path)
    .map(({ message }) => `- ${sentence(message, path)}`);
  return [`## \`${path}\``, '', ...lines, ''].join('\n');
}

function printSection({ path, node, rows }: Section): string {
  return [
    `## \`${path}\``,
    '',
    ...paragraph(node.description),
    ...paragraph(effect(path)),
    '| Field | Type | Default | Meaning and rules |',
    '| --- | --- | --- | --- |',
    ...rows.map(printRow),
    '',
  ].join('\n');
}

function paragraph(text: string | undefined): string[] {
  return text === undefined ? [] : [text, ''];
}

function printRow({ path, node, required }: Row): string {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const fallback = printDefault(node.default);
  const meaning = [node.description, effect(path), bounds(node), ...ruleTexts(path, node)].filter(Boolean).join(' ');
  const cells = [`\`${name}\`${required ? ' (required)' : ''}`, printType(path, node), fallback, meaning];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function printDefault(value: unknown): string {
  return value === undefined || value === '' ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function effect(path: string): string | undefined {
  const field = EFFECTLESS_FIELDS.find((entry) => entry.path === path);
  return field && `**No effect:** ${field.why}.`;
}

/** Objects link to their section. */
function printType(path: string, node: SchemaNode): string {
  const type = typeOf(node);
  const link = (target: string) => `(#${target.toLowerCase().replaceAll(/[^a-z0-9]/g, '')})`;
  if (type === 'object') return `[object]${link(path)}`;
  if (type === 'list of object') return `list of [object]${link(path)}`;
  return type;
}

function typeOf(node: SchemaNode): string {
  if (node['x-kubernetes-int-or-string']) return 'quantity';
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(', ');
  if (node.items?.['x-kubernetes-preserve-unknown-fields']) return 'list, as in Kubernetes';
  if (node.type === 'array') return `list of ${node.items ? typeOf(node.items) : 'values'}`;
  if (keyRef(node)) return 'Secret key (`name`, `key`)';
  if (localRef(node)) return 'reference (`name`)';
  if (node.additionalProperties) return `map of ${typeOf(node.additionalProperties)}`;
  if (node['x-kubernetes-preserve-unknown-fields']) return 'as in Kubernetes';
  return node.type ?? 'any';
}

function bounds({ minimum, maximum, maxItems, pattern, properties }: SchemaNode): string | undefined {
  if (properties) return undefined;
  if (minimum !== undefined && maximum !== undefined) return `From ${minimum} to ${maximum}.`;
  if (minimum !== undefined) return `At least ${minimum}.`;
  if (maxItems !== undefined) return `At most ${maxItems} entries.`;
  if (pattern?.endsWith('(Gi|Mi|Ti)$')) return 'A whole number and `Mi`, `Gi` or `Ti`.';
  return undefined;
}

/** What the rules say of a field. Those on the parts of a reference belong to the reference. */
function ruleTexts(path: string, node: SchemaNode): string[] {
  return rules
    .filter(({ fieldPath }) => fieldPath === path || (isReference(node) && fieldPath.startsWith(`${path}.`)))
    .map(({ message }) => sentence(message, path));
}

/** The message as a sentence, without the path that the table already shows where the sentence can do without it. */
function sentence(message: string, path: string): string {
  const rest = message.startsWith(`${path} `) ? message.slice(path.length + 1) : '';
  const text = /^(must|is|cannot|needs) /.test(rest) ? `${rest.charAt(0).toUpperCase()}${rest.slice(1)}` : message;
  return `${text}.`;
}

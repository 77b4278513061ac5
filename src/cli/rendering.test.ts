import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { OPERATOR_DEFAULTS } from '../observed.ts';
import { readManifests } from './manifests.ts';
import { HASH_PLACEHOLDER, renderServer } from './rendering.ts';

const directory = new URL('../../samples/', import.meta.url);
const samples = readdirSync(directory).filter((file) => file.endsWith('.yaml'));
const SERVER = 'apiVersion: dittofs.dittofs.com/v1alpha1\nkind: DittoServer\nmetadata: {name: files}\n';

function render(text: string) {
  const { valid, problems } = readManifests([{ name: 'x.yaml', text }]);
  expect(problems).toEqual([]);
  return valid.flatMap(({ object }) => renderServer(object, 'ns', OPERATOR_DEFAULTS)).map(({ object }) => object);
}

const named = (objects: Record<string, unknown>[]) =>
  objects.map((object) => `${String(object['kind'])}/${(object['metadata'] as { name: string }).name}`);

const ALWAYS = [
  'Secret/files-jwt-secret',
  'Secret/files-admin-bootstrap-credentials',
  'ConfigMap/files-config',
  'Service/files-headless',
  'Service/files-api',
  'NetworkPolicy/files-baseline',
  'StatefulSet/files',
];
const MORE: Record<string, string[]> = {
  'percona.yaml': ['PerconaPGCluster/files-postgres'],
  'percona-backup.yaml': ['PerconaPGCluster/files-postgres'],
  'production.yaml': ['PerconaPGCluster/files-postgres', 'Service/files-metrics'],
};

describe('the samples', () => {
  it.each(samples)('%s is valid and becomes all that it should', (file) => {
    const text = readFileSync(new URL(file, directory), 'utf8');
    const objects = render(text);
    expect(named(objects).sort()).toEqual([...ALWAYS, ...(MORE[file] ?? [])].sort());
    expect(render(text)).toEqual(objects);
    const printed = JSON.stringify(objects);
    expect(printed).not.toContain('ownerReferences');
    expect(printed).toContain(`"dittofs.io/config-hash":"${HASH_PLACEHOLDER}"`);
  });

  it.each(samples)('%s uses nothing without effect', async (file) => {
    const { effectlessFields } = await import('../api/effectless.ts');
    const { valid } = readManifests([{ name: file, text: readFileSync(new URL(file, directory), 'utf8') }]);
    for (const { object } of valid) expect(effectlessFields((object as never as { spec: never }).spec)).toEqual([]);
  });
});

describe('rendering', () => {
  it('knows the backup Secret and every Secret that the user names', () => {
    const text = `${SERVER}spec:
  storage: {metadataSize: 1Gi}
  percona: {enabled: true, replicas: 3, backup: {enabled: true, credentialsSecretRef: {name: s3}, bucket: b, endpoint: e.example}}
  identity: {jwt: {secretRef: {name: mine, key: jwt}}}
`;
    expect(named(render(text))).not.toContain('Secret/files-jwt-secret');
    expect(named(render(text))).toEqual(
      expect.arrayContaining(['PerconaPGCluster/files-postgres', 'StatefulSet/files']),
    );
  });

  it('takes the namespace of the manifest before that of the command', () => {
    const [object] = render(
      SERVER.replace('{name: files}', '{name: files, namespace: own}') + 'spec: {storage: {metadataSize: 1Gi}}',
    );
    expect(object).toMatchObject({ metadata: { namespace: 'own' } });
  });
});

describe('manifests', () => {
  const problems = (text: string) => readManifests([{ name: 'x.yaml', text }]).problems;

  it('are refused with the place, the field, the value and what would be right', () => {
    expect(problems(`${SERVER}spec: {storage: {metadataSize: 1Gi}, replicas: 2}`)).toEqual([
      'x.yaml, document 1: DittoServer "files": spec.replicas: 2: must be <= 1',
    ]);
    expect(problems(`${SERVER}spec: {storage: {metadataSize: 1Gi}, image2: x}`)).toEqual([
      'x.yaml, document 1: DittoServer "files": spec.image2: "x": is not a field of the DittoServer; did you mean image?',
    ]);
    const [rule] = problems(
      `${SERVER}spec: {storage: {metadataSize: 1Gi}, percona: {enabled: true, storageSize: big}}`,
    );
    expect(rule).toMatch(/^x\.yaml, document 1: DittoServer "files": spec\.percona\.storageSize is "big", must be/);
  });

  it('are refused with line and column where the YAML is broken', () => {
    expect(problems('a: [1\nb: 2\n')[0]).toMatch(/^x\.yaml:2:1: /);
  });

  it.each([
    ['kind: ConfigMap\nmetadata: {name: a}', 'ConfigMap "a" is no DittoServer'],
    ['a: 1', 'kind is missing; it must be DittoServer'],
    ['- 1', 'it is no Kubernetes object'],
    ['text', 'it is no Kubernetes object'],
  ])('of another kind are named: %s', (text, expected) => {
    const good = `${SERVER}spec: {storage: {metadataSize: 1Gi}}`;
    expect(problems(`${good}\n---\n${text}\n`)).toEqual([`x.yaml, document 2: ${expected}`]);
  });

  it('may hold empty documents but not nothing', () => {
    const good = `---\n# a comment\n---\n${SERVER}spec: {storage: {metadataSize: 1Gi}}\n---\n`;
    expect(problems(good)).toEqual([]);
    expect(problems('# nothing\n')).toEqual(['x.yaml: there is no document in it']);
  });

  it('may not hold one DittoServer twice', () => {
    const good = `${SERVER}spec: {storage: {metadataSize: 1Gi}}\n`;
    expect(problems(`${good}---\n${good}`)).toEqual([
      'x.yaml, document 2: DittoServer "files" is already in x.yaml, document 1',
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { servers } from '../../test/api/arbitrary.ts';
import { applyDefaults } from './apply-defaults.ts';
import { defaultBackupPath, defaults, orDefault } from './defaults.ts';
import { effectlessFields, EFFECTLESS_FIELDS } from './effectless.ts';
import { schemaTree, type SchemaNode } from './structure.ts';
import type { DittoServerSpec } from './types.ts';

function nodes(node: SchemaNode, path = ''): [string, SchemaNode][] {
  return [
    [path, node],
    ...Object.entries(node.properties ?? {}).flatMap(([name, inner]) => nodes(inner, path ? `${path}.${name}` : name)),
    ...(node.items ? nodes(node.items, `${path}[]`) : []),
  ];
}

const all = nodes(schemaTree());

describe('the schema', () => {
  it('says of each field in a sentence what it is', () => {
    const silent = all.filter(
      ([path, { description = '' }]) => !/^[A-Z0-9`].*[^ ]$/.test(description) && !path.startsWith('metadata'),
    );
    expect(silent.map(([path]) => path)).toEqual([]);
  });

  it('stays within what a structural schema allows', () => {
    const odd = all.filter(([, node]) => node.type === undefined || 'anyOf' in node || 'patternProperties' in node);
    expect(odd.map(([path]) => path)).toEqual([]);
  });

  it('takes every default from the one table', () => {
    const withDefault = all.filter(([, node]) => node.default !== undefined && node.default !== '');
    for (const [path, node] of withDefault) {
      const steps = path.split('.').slice(1);
      const value = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], defaults);
      expect(node.default, path).toBe(value);
    }
    expect(withDefault.length).toBeGreaterThan(25);
  });

  it('has no default for percona.deleteWithServer, where nothing and false differ', () => {
    expect(applyDefaults({ spec: { percona: {} } })).not.toHaveProperty('spec.percona.deleteWithServer');
  });
});

describe('applyDefaults', () => {
  it('fills blocks that are there and makes none', () => {
    expect(applyDefaults({ spec: { storage: { metadataSize: '1Gi' }, percona: { backup: {} } } })).toEqual({
      spec: {
        image: 'marmos91c/dittofs:latest',
        replicas: 1,
        storage: { metadataSize: '1Gi', controlPlaneSize: '1Gi' },
        percona: {
          enabled: false,
          replicas: 1,
          storageSize: '10Gi',
          databaseName: 'dittofs',
          backup: {
            enabled: false,
            region: 'eu-west-1',
            fullSchedule: '0 2 * * *',
            incrSchedule: '0 * * * *',
            retentionDays: 7,
          },
        },
      },
    });
  });

  it('keeps what the user said, and does not touch what it was given', () => {
    const object = Object.freeze({ spec: Object.freeze({ replicas: 0, image: null }) });
    expect(applyDefaults(object)).toEqual({ spec: { replicas: 0, image: 'marmos91c/dittofs:latest' } });
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(servers(), (object) => {
        const once = applyDefaults(object);
        expect(applyDefaults(once)).toEqual(once);
      }),
    );
  });
});

describe('defaults', () => {
  it('take the place of nothing and of the empty text', () => {
    expect(orDefault(undefined, 'a')).toBe('a');
    expect(orDefault('', 'a')).toBe('a');
    expect(orDefault('b', 'a')).toBe('b');
  });

  it('give each server its own backup path', () => {
    expect(defaultBackupPath('files')).toBe('/pgbackrest/files/repo1');
  });
});

describe('fields without effect', () => {
  const storage = { metadataSize: '1Gi' };

  it('are fields', () => {
    const paths = all.map(([path]) => path);
    expect(EFFECTLESS_FIELDS.map(({ path }) => path).filter((path) => !paths.includes(path))).toEqual([]);
  });

  it('are told when they are set', () => {
    const spec: DittoServerSpec = {
      storage: { ...storage, cacheSize: '5Gi' },
      adapterServices: {},
      adapterDiscovery: { pollingInterval: '1m' },
      snapshotPolicies: [{ share: '/a', interval: '1h' }],
      metrics: { serviceMonitor: { enabled: true } },
      nfsPort: 2049,
      smb: { enabled: true },
      cache: {},
      identity: { jwt: { secretRef: { key: 'k' }, issuer: 'me' }, admin: { username: 'root' } },
      s3: { bucket: 'b' },
    };
    expect(effectlessFields(spec).map(({ path }) => path)).toEqual(EFFECTLESS_FIELDS.map(({ path }) => path));
  });

  it('are not told when they say what is so anyway', () => {
    const spec: DittoServerSpec = {
      storage,
      snapshotPolicies: [],
      metrics: { serviceMonitor: { enabled: false } },
      identity: { jwt: { secretRef: { key: 'k' }, issuer: 'dittofs' }, admin: { username: 'admin' } },
      s3: { region: 'eu-west-1' },
    };
    expect(effectlessFields(spec)).toEqual([]);
  });
});

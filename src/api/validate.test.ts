import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { server } from '../../test/api/rule-cases.ts';
import { servers } from '../../test/api/arbitrary.ts';
import { applyDefaults } from './apply-defaults.ts';
import { compile } from './cel.ts';
import { rules } from './rules.ts';
import { checkRules } from './validate.ts';

describe('checkRules', () => {
  it('names the field, its value and what would be right', () => {
    const object = server({ percona: { enabled: true, databaseName: 'template0' } });
    expect(checkRules(object)).toEqual([
      {
        path: 'spec.percona.databaseName',
        value: 'template0',
        message: 'spec.percona.databaseName is "template0", must be another name: PostgreSQL keeps this one for itself',
        rule: 'percona-database-reserved',
      },
    ]);
  });

  it('falls back to the plain message when the value would break the line', () => {
    const [problem] = checkRules(server({ image: 'a\nb' }));
    expect(problem?.message).toBe('spec.image must be an image reference');
  });

  it('lets what was wrong before stay wrong, but not get worse elsewhere', () => {
    const old = { ...server({ image: 'a b' }), status: { phase: 'Pending' } };
    const same = { ...server({ image: 'a b', replicas: 0 }), status: { phase: 'Pending' } };
    const worse = { ...server({ image: 'a b', metrics: { path: '/a b' } }), status: { phase: 'Pending' } };
    expect(checkRules(same, old)).toEqual([]);
    expect(checkRules(worse, old).map(({ rule }) => rule)).toEqual(['metrics-path']);
    expect(checkRules(same).map(({ rule }) => rule)).toEqual(['image-form']);
  });

  it('holds an object to all rules until it has a status', () => {
    const wrong = server({ image: 'a b' });
    expect(checkRules(wrong, wrong).map(({ rule }) => rule)).toEqual(['image-form']);
  });

  it('answers on any object that the schema accepts, with conditions that never fail', () => {
    const conditions = rules.filter(({ kind }) => kind === 'valid').map(({ cel }) => compile(cel));
    fc.assert(
      fc.property(servers(), servers(), (object, old) => {
        checkRules(object);
        checkRules(object, old);
        const self = JSON.parse(JSON.stringify(object), (_, value: unknown) =>
          typeof value === 'number' ? BigInt(value) : value,
        ) as unknown;
        for (const condition of conditions) expect(typeof condition({ self })).toBe('boolean');
      }),
      { numRuns: 300 },
    );
  });

  it('finds nothing new in an object that did not change', () => {
    fc.assert(
      fc.property(servers(), (object) => {
        const stored = { ...applyDefaults(object), status: {} };
        expect(checkRules(stored, stored)).toEqual([]);
      }),
    );
  });

  it('takes less than a millisecond for all rules on one object', () => {
    const object = applyDefaults(
      server({ percona: { enabled: true, backup: { enabled: true } }, metrics: { enabled: true } }),
    );
    for (let run = 0; run < 200; run++) checkRules(object, object);
    const times = Array.from({ length: 200 }, () => {
      const start = performance.now();
      checkRules(object);
      return performance.now() - start;
    }).sort((a, b) => a - b);
    expect(times[100]).toBeLessThan(1);
  });
});
